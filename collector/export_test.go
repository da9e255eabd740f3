package collector

import (
	"testing"

	"trapline/internal/snmp"
)

// AddType adds a line to the table of types for the duration of a test: a type whose samples are a function of the
// value's octets, for metrics, lookups and indexes, and for the objects of a textual convention.
func AddType(t *testing.T, name, convention, word string, value func(octets []byte) float64, write func(dst, octets []byte) []byte) {
	before := types
	t.Cleanup(func() { types = before })
	sample := func(_ *conversion, col *columnState, row int32, v snmp.VarBind) {
		col.set(row, col.column.scaled(value(v.Value)))
	}
	types = append(types[:len(types):len(types)],
		metricType{name: name, in: inAll, samples: sampler{convert: sample}, format: &format{write: appendHexNumbers, octets: write}, conventions: []string{convention}, words: []string{word}})
}
