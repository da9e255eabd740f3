package series

import (
	"bytes"
	"hash/maphash"
)

// Duplicate is a sample that was dropped because another one had the same name and labels.
type Duplicate struct {
	Name   string
	Labels string // rendered; truncated at maxLabels octets, and empty after maxLabeled samples
}

const (
	maxLabels  = 1 << 9
	maxLabeled = 100
)

var seed = maphash.MakeSeed()

// DropDuplicates removes from sets, all samples of one target, every sample whose name and labels
// equal those of an earlier one, and returns the removed samples.
func DropDuplicates(sets []*Set) []Duplicate {
	var dropped []Duplicate
	suspects := suspectNames(sets)
	if len(suspects) == 0 {
		return nil
	}
	seen := map[string]map[digest]struct{}{}
	for name := range suspects {
		seen[name] = map[digest]struct{}{}
	}
	for _, s := range sets {
		for i := range s.Columns {
			if labels := seen[s.Columns[i].Desc.Name]; labels != nil {
				dropped = s.Columns[i].dropSeen(labels, dropped)
			}
		}
	}
	return dropped
}

// suspectNames returns the names that may have duplicates: those of several columns, and those of a
// table with equal rows or of a column with equal extra labels in a row.
func suspectNames(sets []*Set) map[string]bool {
	var suspects map[string]bool
	suspect := func(name string) {
		if suspects == nil {
			suspects = map[string]bool{}
		}
		suspects[name] = true
	}
	equalRows := map[*Table]bool{}
	names := map[string]bool{}
	for _, s := range sets {
		for i := range s.Columns {
			c := &s.Columns[i]
			equal, known := equalRows[c.Table]
			if !known {
				equal = c.Table.hasEqualRows()
				equalRows[c.Table] = equal
			}
			if c.Len() > 0 && (names[c.Desc.Name] || equal || c.repeatsExtra()) {
				suspect(c.Desc.Name)
			}
			names[c.Desc.Name] = names[c.Desc.Name] || c.Len() > 0
		}
	}
	return suspects
}

func (t *Table) hasEqualRows() bool {
	n := len(t.Ends)
	if n < 2 {
		return false
	}
	seen := make(map[uint64]int32, n)
	for i := range n {
		row := t.Row(i)
		h := maphash.Bytes(seed, row)
		if j, ok := seen[h]; ok && bytes.Equal(t.Row(int(j)), row) {
			return true
		}
		seen[h] = int32(i)
	}
	return false
}

// repeatsExtra compares adjacent values only: equal texts of an enumeration are adjacent, because
// it is sorted by text.
func (c *Column) repeatsExtra() bool {
	for i := 1; i < len(c.ExtraEnds); i++ {
		if c.RowOf(i) == c.RowOf(i-1) && bytes.Equal(c.ExtraOf(i), c.ExtraOf(i-1)) {
			return true
		}
	}
	return false
}

// dropSeen removes the samples whose labels are in seen, and adds the labels of the others.
func (c *Column) dropSeen(seen map[digest]struct{}, dropped []Duplicate) []Duplicate {
	var again map[int]bool
	for i := range c.Values {
		row, extra := c.Table.Row(c.RowOf(i)), c.ExtraOf(i)
		key := digestOf(row, extra)
		if _, ok := seen[key]; !ok {
			seen[key] = struct{}{}
			continue
		}
		if again == nil {
			again = map[int]bool{}
		}
		again[i] = true
		d := Duplicate{Name: c.Desc.Name}
		if len(dropped) < maxLabeled {
			labels := join(row, extra)
			d.Labels = string(bytes.ToValidUTF8(labels[:min(len(labels), maxLabels)], nil))
		}
		dropped = append(dropped, d)
	}
	if again != nil {
		*c = c.without(again)
	}
	return dropped
}

// without returns c without the dropped samples.
func (c *Column) without(dropped map[int]bool) Column {
	kept := Column{Desc: c.Desc, Table: c.Table}
	for i := range c.Values {
		if dropped[i] {
			continue
		}
		kept.Values = append(kept.Values, c.Values[i])
		kept.Rows = append(kept.Rows, int32(c.RowOf(i)))
		if c.ExtraEnds != nil {
			kept.Extra = append(kept.Extra, c.ExtraOf(i)...)
			kept.ExtraEnds = append(kept.ExtraEnds, uint32(len(kept.Extra)))
		}
	}
	return kept
}

func join(row, extra []byte) []byte {
	if len(row) == 0 || len(extra) == 0 {
		return append(row[:len(row):len(row)], extra...)
	}
	return append(append(row[:len(row):len(row)], ','), extra...)
}
