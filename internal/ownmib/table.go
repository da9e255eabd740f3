package ownmib

import (
	"slices"

	"trapline/internal/snmp"
)

// table is a conceptual table (RFC 2578 section 7.1.12) with one unsigned index. It implements agent.Objects. Values are
// made when they are asked for.
type table struct {
	entry   snmp.OID
	columns []uint32 // the accessible ones in ascending order
	indexes []uint32 // of the rows, in ascending order
	value   func(column uint32, row int) (snmp.Type, []byte)
}

func (t *table) Len() int { return len(t.columns) * len(t.indexes) }

func (t *table) Name(i int) snmp.OID {
	column, row := t.columns[i/len(t.indexes)], i%len(t.indexes)
	return below(t.entry, column, t.indexes[row])
}

// Kind returns the type of all values where types matter: none is a Counter64.
func (t *table) Kind(int) snmp.Type { return snmp.OctetString }

func (t *table) Append(b []byte, i int, _ float64) []byte {
	column, row := t.columns[i/len(t.indexes)], i%len(t.indexes)
	kind, value := t.value(column, row)
	var scratch [48]byte
	name := append(scratch[:0], t.entry...)
	name = snmp.AppendArc(snmp.AppendArc(name, column), t.indexes[row])
	return snmp.AppendVarBind(b, snmp.VarBind{Name: name, Type: kind, Value: value})
}

func (t *table) Find(name snmp.OID) (i int, found bool) {
	if !name.HasPrefix(t.entry) {
		if name.Compare(t.entry) < 0 {
			return 0, false
		}
		return t.Len(), false
	}
	column, index := name[len(t.entry):], snmp.OID(nil)
	if len(column) == 0 {
		return 0, false
	}
	number, index, ok := snmp.CutArc(column)
	if !ok { // more than 32 bits
		return t.Len(), false
	}
	at, exists := slices.BinarySearch(t.columns, number)
	if !exists || len(index) == 0 {
		return at * len(t.indexes), false
	}
	row, more, ok := snmp.CutArc(index)
	if !ok {
		return (at + 1) * len(t.indexes), false
	}
	i, found = slices.BinarySearch(t.indexes, row)
	if found && len(more) > 0 {
		i, found = i+1, false
	}
	return at*len(t.indexes) + i, found
}

func (t *table) Missing(name snmp.OID, _ int) snmp.Type {
	if len(name) > len(t.entry) && name.HasPrefix(t.entry) {
		number, _, _ := snmp.CutArc(name[len(t.entry):])
		if slices.Contains(t.columns, number) && len(t.indexes) > 0 {
			return snmp.NoSuchInstance
		}
	}
	return snmp.NoSuchObject
}
