package collector

import (
	"bytes"

	"trapline/internal/snmp"
)

// Notes are the values and rows of a pass with one module that made no series. They are bounded.
type Notes struct {
	Module  string
	Unfit   []Unfit
	Dropped []Dropped
}

// Unfit is a value that arrived and made no sample.
type Unfit struct {
	Metric string
	Object snmp.OID // of the metric
	Index  snmp.OID
	Type   snmp.Type
	Value  []byte // its beginning
}

// Dropped are the rows that a filter kept from being asked for.
type Dropped struct {
	Filter Filter
	Rows   []DroppedRow // the first of them
	Count  int
	Of     int // rows that the filter looked at
}

// DroppedRow is a row that a filter dropped, by the value that the object had that decides.
type DroppedRow struct {
	Index snmp.OID
	Value string
}

// Limits of the notes that a pass records of one device.
const (
	maxNotes       = 16
	maxDroppedRows = 256
	maxNoted       = 64 // octets of a value
)

func noted(value []byte) []byte { return bytes.Clone(value[:min(len(value), maxNoted)]) }

// notes returns the notes of a pass, or nil if there are none.
func (m *Module) notes(c *conversion, dropped []Dropped) *Notes {
	if len(c.unfit) == 0 && len(dropped) == 0 {
		return nil
	}
	return &Notes{Module: m.Name, Unfit: c.unfit, Dropped: dropped}
}
