package series

import (
	"bytes"
	"hash/maphash"
	"slices"
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
// equal those of an earlier one, and returns the removed samples. What two sets have of one object it removes
// without a word. Of different objects with a Qualifier, those with the higher OID get that as a label.
func DropDuplicates(sets []*Set) []Duplicate {
	var dropped []Duplicate
	suspects := suspectNames(sets)
	if len(suspects) == 0 {
		return nil
	}
	byName := map[string][]setColumn{}
	var names []string
	for i, s := range sets {
		for j := range s.Columns {
			c := &s.Columns[j]
			if !suspects[c.Desc.Name] {
				continue
			}
			if byName[c.Desc.Name] == nil {
				names = append(names, c.Desc.Name)
			}
			byName[c.Desc.Name] = append(byName[c.Desc.Name], setColumn{c, i})
		}
	}
	for _, name := range names {
		columns := byName[name]
		if !slices.ContainsFunc(columns, func(c setColumn) bool { return c.column.Desc.Qualifier == "" }) {
			slices.SortStableFunc(columns, func(a, b setColumn) int { return bytes.Compare(a.column.Desc.Object, b.column.Desc.Object) })
		}
		seen := map[digest]setColumn{}
		for _, c := range columns {
			if c.clashes(seen) {
				*c.column = c.column.qualified()
			}
			dropped = c.dropSeen(seen, dropped)
		}
	}
	return dropped
}

// setColumn is a column of the set with that number.
type setColumn struct {
	column *Column
	set    int
}

// clashes reports whether a sample is seen already as that of another object, and both can be set apart.
func (c setColumn) clashes(seen map[digest]setColumn) bool {
	if c.column.Desc.Qualifier == "" || len(seen) == 0 {
		return false
	}
	for i := range c.column.Values {
		other, known := seen[c.column.digest(i)]
		if known && other.column.Desc.Qualifier != "" && other.column.Desc.Qualifier != c.column.Desc.Qualifier {
			return true
		}
	}
	return false
}

// again reports whether two sets have the samples of one object: that is no loss.
func (c setColumn) again(other setColumn) bool {
	a, b := c.column.Desc, other.column.Desc
	return c.set != other.set && (a.Qualifier != "" && a.Qualifier == b.Qualifier || a.Computed && b.Computed)
}

func (c *Column) digest(i int) digest { return digestOf(c.Table.Row(c.RowOf(i)), c.ExtraOf(i)) }

// qualified returns c with its Qualifier as a further label of all samples.
func (c *Column) qualified() Column {
	q, t := *c, *c.Table
	t.Labels, t.Ends = nil, nil
	for i := range c.Table.Ends {
		t.Labels = append(t.Labels, join(c.Table.Row(i), []byte(c.Desc.Qualifier))...)
		t.AddRow()
	}
	q.Table = &t
	return q
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
func (c setColumn) dropSeen(seen map[digest]setColumn, dropped []Duplicate) []Duplicate {
	var again map[int]bool
	column := c.column
	for i := range column.Values {
		row, extra := column.Table.Row(column.RowOf(i)), column.ExtraOf(i)
		key := column.digest(i)
		first, known := seen[key]
		if !known {
			seen[key] = c
			continue
		}
		if again == nil {
			again = map[int]bool{}
		}
		again[i] = true
		if c.again(first) {
			continue
		}
		d := Duplicate{Name: column.Desc.Name}
		if len(dropped) < maxLabeled {
			labels := join(row, extra)
			d.Labels = string(bytes.ToValidUTF8(labels[:min(len(labels), maxLabels)], nil))
		}
		dropped = append(dropped, d)
	}
	if again != nil {
		*column = column.without(again)
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
