package collector

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"trapline/internal/access"
	"trapline/internal/held"
	"trapline/internal/measure"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// conversion converts the variable bindings of a pass into a series.Set. Passes reuse it one after the other;
// only the set is allocated anew for each.
type conversion struct {
	module   *Module
	options  Options
	rows     []held.Keys // of each table
	columns  []columnState
	lists    []held.List
	measures *measure.Evaluation
	matched  int // the object of the last varbind
	text     []byte

	problems    []error
	unconverted int
	unfit       []Unfit
	room        int // octets of samples and labels that may still be made
	tooLarge    []*access.Error
}

// keptSize is the most octets of values and indexes that a conversion may have room for and be used again.
const keptSize = 4 << 20

// large reports whether the conversion holds on to more memory than passes usually need.
func (c *conversion) large() bool {
	size := 0
	for i := range c.rows {
		size += c.rows[i].Size()
	}
	for i := range c.lists {
		size += c.lists[i].Size()
	}
	return size > keptSize
}

// maxProblems is the limit of problems that a pass records of one device.
const maxProblems = 16

func newConversion(m *Module) *conversion {
	c := &conversion{module: m, rows: make([]held.Keys, len(m.tables)), columns: make([]columnState, len(m.columns)), lists: make([]held.List, m.kept)}
	c.measures = m.measures.Evaluation()
	for i := range c.columns {
		c.columns[i].column = &m.columns[i]
	}
	return c
}

func (c *conversion) reset(o Options) {
	c.options, c.matched, c.problems, c.unconverted, c.unfit, c.tooLarge = o, -1, nil, 0, nil, nil
	for i := range c.rows {
		c.rows[i].Reset()
	}
	for i := range c.lists {
		c.lists[i].Reset()
	}
	for i := range c.module.objects {
		if o := &c.module.objects[i]; o.kept >= 0 && len(o.columns) > 0 {
			c.lists[o.kept].Keys.Like(&c.rows[c.module.columns[o.columns[0]].table])
		}
	}
	for i := range c.columns {
		c.columns[i].reset()
	}
}

// problem notes a value that does not fit its metric.
func (c *conversion) problem(err error) {
	c.unconverted++
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, err)
	}
}

// add converts one varbind. It keeps nothing of v.
func (c *conversion) add(v snmp.VarBind) {
	if !v.Type.HasValue() {
		return
	}
	i := c.module.match(v.Name, c.matched)
	c.matched = i
	for ; i >= 0; i = c.module.objects[i].parent {
		o := &c.module.objects[i]
		index := v.Name[len(o.oid):]
		first := -1 // the row of the first column
		for n, col := range o.columns {
			if row := c.sample(&c.columns[col], index, v); n == 0 {
				first = row
			}
		}
		if o.kept >= 0 {
			c.lists[o.kept].SetRow(first, index, v)
		}
	}
}

// sample makes the samples of a value, and returns the number of its row.
func (c *conversion) sample(col *columnState, index []byte, v snmp.VarBind) (row int) {
	rows := &c.rows[col.column.table]
	row = rows.Number(index, col.next)
	col.next = row + 1
	if len(col.out.Values) == 0 && cap(col.out.Values) == 0 {
		col.out.Values = make([]float64, 0, rows.Len())
	}
	if col.tooLarge {
		return row
	}
	samples := len(col.out.Values)
	before := len(col.out.Extra) + sampleSize*samples
	col.column.convert(c, col, int32(row), v)
	if len(col.out.Values) == samples && len(c.unfit) < maxNotes && !col.has(row) {
		c.unfit = append(c.unfit, Unfit{Metric: col.column.desc.Name, Object: col.column.oid, Index: bytes.Clone(index), Type: v.Type, Value: noted(v.Value)})
	}
	if c.room -= len(col.out.Extra) + sampleSize*len(col.out.Values) - before; c.room < 0 {
		c.discard(col, before)
	}
	return row
}

const (
	// roomFactor is how many times the octets that a device sent its series may take: hexadecimal digits
	// take twice as many, and numbers in between.
	roomFactor = 4
	// sampleSize is the size of a sample without its labels, in octets.
	sampleSize = 16
)

// discard drops a column whose samples take too much, as states of an enumeration can, and returns its octets to room.
func (c *conversion) discard(col *columnState, size int) {
	c.room += size
	col.out, col.tooLarge = series.Column{}, true
	c.tooLarge = append(c.tooLarge, &access.Error{Op: "walk", OID: col.column.oid, Reason: access.TooMany, Err: errTooLarge, Dropped: true})
}

var errTooLarge = errors.New("the series take more octets than max_bytes allows")

// finish makes the samples that had to wait, then the labels of all rows, and hands over the set. Errors
// of its own are in tooLarge.
func (c *conversion) finish(errs []*access.Error) *series.Set {
	if len(errs) > 0 && targetFailed(errs) {
		return &series.Set{}
	}
	for i := range c.columns {
		c.finishDeferred(&c.columns[i])
		c.columns[i].dropReplaced()
	}
	tables := make([]series.Table, len(c.module.tables))
	set := &series.Set{Columns: make([]series.Column, 0, len(c.columns))}
	for i := range c.columns {
		col := &c.columns[i]
		if len(col.out.Values) == 0 || (c.options.Compatible && col.column.shadowed) || dropped(col.column.oid, errs) || c.mislabeled(col.column.table, errs) {
			continue
		}
		table := &tables[col.column.table]
		if table.Ends == nil {
			c.renderRows(table, col.column.table)
		}
		if len(table.Ends) < c.rows[col.column.table].Len() {
			c.discard(col, 0)
			continue
		}
		col.out.Desc, col.out.Table = &col.column.desc, table
		set.Columns = append(set.Columns, col.out)
	}
	c.measure(set, errs)
	return set
}

// measure adds what the measures of the module make of the values. One of which an object did not arrive whole makes
// nothing.
func (c *conversion) measure(set *series.Set, errs []*access.Error) {
	lost := func(object []byte) bool {
		return slices.ContainsFunc(errs, func(e *access.Error) bool { return overlap(object, e.OID) })
	}
	memory, back := c.options.Memory.lend()
	made, left, full := c.measures.Columns(measure.Input{Lists: c.lists, Lost: lost, Indexes: c.options.KeepIndexes, Room: c.room, Memory: memory})
	back()
	if full != nil {
		c.tooLarge = append(c.tooLarge, &access.Error{Op: "walk", OID: full, Reason: access.TooMany, Err: errTooLarge})
	}
	if c.room = left; len(made) == 0 {
		return
	}
	set.Columns = append(set.Columns, made...)
	slices.SortStableFunc(set.Columns, func(a, b series.Column) int { return strings.Compare(a.Desc.Name, b.Desc.Name) })
}

func overlap(a, b snmp.OID) bool { return a.HasPrefix(b) || b.HasPrefix(a) }

// dropped reports whether nothing of an object counts.
func dropped(oid snmp.OID, errs []*access.Error) bool {
	return slices.ContainsFunc(errs, func(e *access.Error) bool { return e.Dropped && oid.HasPrefix(e.OID) })
}

// mislabeled reports whether the labels of a table depend on an object that did not arrive whole. Its
// rows would appear as other series than those of the last pass.
func (c *conversion) mislabeled(table int, errs []*access.Error) bool {
	for _, e := range errs {
		for _, o := range c.module.objects {
			if o.kept >= 0 && (o.oid.HasPrefix(e.OID) || e.OID.HasPrefix(o.oid)) && c.module.tables[table].uses(o.kept) {
				return true
			}
		}
	}
	return false
}

// renderRows writes the labels of all rows. Where these take too much, as long values that many rows look
// up can, they end early.
func (c *conversion) renderRows(t *series.Table, i int) {
	rows := &c.rows[i]
	w := newLabelWriter(c.module.tables[i], c.lists)
	t.Ends = make([]uint32, 0, rows.Len())
	for row := range rows.Len() {
		before := len(t.Labels)
		t.Labels = w.appendRow(t.Labels, rows.Key(row))
		if c.room -= len(t.Labels) - before; c.room < 0 {
			c.room += len(t.Labels)
			t.Labels, t.Ends = nil, t.Ends[:0]
			return
		}
		t.AddRow()
		if row == 0 {
			t.Reserve(rows.Len())
		}
	}
	if c.options.KeepIndexes {
		t.Indexes, t.IndexEnds = rows.Copy()
	}
}

// finishDeferred makes the samples of a column whose type stands in another object.
func (c *conversion) finishDeferred(col *columnState) {
	if col.column.deferred == nil {
		return
	}
	list := &c.lists[col.column.deferred.kept]
	for i := range list.Keys.Len() {
		index := list.Keys.Key(i)
		own := *col.column
		own.form.format = col.column.deferred.subtypes.find(c.lists, index, i)
		shared := col.column
		col.column = &own
		c.sample(col, index, list.Get(i))
		col.column = shared
	}
}

// columnState is a column under construction.
type columnState struct {
	column   *column
	out      series.Column
	tooLarge bool    // its samples were dropped
	next     int     // the row that the next value probably stands in
	since    []int32 // of each row one more than its first sample that counts, 0 without any; kept once out.Rows is
	replaced bool    // there are samples that do not count
}

func (col *columnState) reset() {
	col.out, col.next, col.since, col.replaced, col.tooLarge = series.Column{}, 0, col.since[:0], false, false
}

// has reports whether a row has a sample.
func (col *columnState) has(row int) bool {
	if col.out.Rows == nil {
		return row < len(col.out.Values)
	}
	return row < len(col.since) && col.since[row] > 0
}

// set sets the only sample of row, and replaces a previous one.
func (col *columnState) set(row int32, v float64) {
	if col.out.Rows == nil && int(row) < len(col.out.Values) {
		col.out.Values[row] = v
		return
	}
	col.claim(row)
	col.append(row, v)
}

// claim prepares for one sample in row: samples that it has do not count.
func (col *columnState) claim(row int32) {
	if col.out.Rows == nil && int(row) == len(col.out.Values) {
		return
	}
	col.claimMany(row)
}

// claimMany prepares for any number of samples in row.
func (col *columnState) claimMany(row int32) {
	if col.out.Rows == nil {
		col.listRows()
	}
	for int(row) >= len(col.since) {
		col.since = append(col.since, 0)
	}
	col.replaced = col.replaced || col.since[row] > 0
	col.since[row] = int32(len(col.out.Values)) + 1
}

// listRows writes the row of each value down, which until now was the value's own number.
func (col *columnState) listRows() {
	n := len(col.out.Values)
	col.out.Rows = make([]int32, n, max(cap(col.out.Values), 1))
	for i := range col.out.Rows {
		col.out.Rows[i] = int32(i)
		col.since = append(col.since, int32(i)+1)
	}
}

// add ends a sample whose label was appended to out.Extra.
func (col *columnState) add(row int32, v float64) {
	col.append(row, v)
	col.out.ExtraEnds = append(col.out.ExtraEnds, uint32(len(col.out.Extra)))
}

func (col *columnState) append(row int32, v float64) {
	col.out.Values = append(col.out.Values, v)
	if col.out.Rows != nil {
		col.out.Rows = append(col.out.Rows, row)
	}
}

// dropReplaced removes the samples of values that came again: the last one of a row counts.
func (col *columnState) dropReplaced() {
	if !col.replaced {
		return
	}
	old := col.out
	col.out = series.Column{Rows: make([]int32, 0, len(old.Rows))}
	for i, v := range old.Values {
		row := old.Rows[i]
		if i < int(col.since[row])-1 {
			continue
		}
		if old.ExtraEnds == nil {
			col.append(row, v)
			continue
		}
		col.out.Extra = append(col.out.Extra, old.ExtraOf(i)...)
		col.add(row, v)
	}
}

func validUTF8(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}
