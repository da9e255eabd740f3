package journal

import (
	"time"

	"trapline/internal/setting"
)

// Settings is the section `journal`: how many events are stored. The limit that is reached first counts.
type Settings struct {
	MaxAge   setting.Duration `yaml:"max_age,omitempty"`   // how long entries are kept; 30d by default
	MaxBytes setting.Bytes    `yaml:"max_bytes,omitempty"` // size of the files of the journal, whose oldest are removed before max_age if need be; 256MiB by default
}

const (
	minAge   = time.Hour
	minBytes = 1 << 20
)

// Problems reports bounds by which nothing would be kept.
func (s *Settings) Problems() []setting.Problem {
	var m setting.Problems
	if s.MaxAge.Duration != 0 && s.MaxAge.Duration < minAge {
		m.Add("max_age", "max_age is 1h or more")
	}
	if s.MaxBytes.N != 0 && s.MaxBytes.N < minBytes {
		m.Add("max_bytes", "max_bytes is 1MiB or more")
	}
	return m
}
