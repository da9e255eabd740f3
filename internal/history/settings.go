package history

import (
	"trapline/internal/setting"
)

// Settings is the section `history`: the histories that are kept of each target for its page.
type Settings struct {
	Points  *int          `yaml:"points,omitempty"`  // of each history, one for each poll; 0 keeps none; 60 if left out
	Memory  setting.Bytes `yaml:"memory,omitempty"`  // of all histories; where they would take more, all become shorter; 64MiB if left out
	Columns []string      `yaml:"columns,omitempty"` // metrics or OIDs beside those of interfaces, processors, sensors, UPSes and vendor-neutral measures
}

// The defaults.
const (
	DefaultPoints = 60
	DefaultMemory = 64 << 20
	// maxPoints bounds the setting.
	maxPoints = 1000
	// maxColumns bounds the columns.
	maxColumns = 100
)

// Problems reports numbers that are out of range.
func (s *Settings) Problems() []setting.Problem {
	var m setting.Problems
	if s.Points != nil && (*s.Points < 0 || *s.Points > maxPoints) {
		m.Add("points", "write a number from 0 (no histories) to %d", maxPoints)
	}
	if len(s.Columns) > maxColumns {
		m.Add("columns", "%d columns are too many: write at most %d", len(s.Columns), maxColumns)
	}
	return m
}
