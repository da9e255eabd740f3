package measure

import (
	"bytes"
	"math"
	"slices"

	"trapline/internal/held"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Input is what a pass holds.
type Input struct {
	Lists   []held.List              // the values of each place
	Lost    func(object []byte) bool // whether an object did not arrive whole
	Indexes bool                     // the tables say which index each row has
	Room    int                      // octets that the series may take
}

// Evaluation computes the measures of passes, one after the other.
type Evaluation struct {
	program *Program
	in      Input
	seen    map[string]struct{} // series that twins must not repeat

	step  *step
	table *series.Table
	outs  []series.Column
	guess []int
	key   []byte // of a scalar
	text  []byte
	words []byte
	lead  []byte
	part  []byte // of an index
	sums  []float64
	over  bool // the room is used up
}

// Evaluation makes one for the passes of a module.
func (p *Program) Evaluation() *Evaluation { return &Evaluation{program: p, key: []byte{0}} }

// sampleSize is the size of a sample without its labels, in octets.
const sampleSize = 16

// Columns computes the measures. It returns the columns, those of a measure with the same table, and the octets that
// are left of the room. Where that is used up, full is the object of the measure that it did not suffice for, which is
// left out with those after it.
func (e *Evaluation) Columns(in Input) (columns []series.Column, left int, full snmp.OID) {
	e.in, e.over = in, false
	for i := range e.program.measures {
		if e.step = &e.program.measures[i]; e.lost() {
			continue
		}
		e.start()
		if e.step.info != nil {
			e.identify()
		} else {
			e.rows()
		}
		if e.over {
			full = e.step.columns[e.step.first()].OID
			break
		}
		e.aggregated()
		for j := range e.outs {
			if len(e.outs[j].Values) > 0 {
				columns = append(columns, e.finished(j))
			}
		}
	}
	left = e.in.Room
	e.in, e.table, e.seen = Input{}, nil, nil
	clear(e.outs)
	return columns, left, full
}

// lost reports whether a column did not arrive whole.
func (e *Evaluation) lost() bool {
	for i := range e.step.columns {
		if e.in.Lost(e.step.columns[i].OID) {
			return true
		}
	}
	return false
}

func (e *Evaluation) start() {
	e.table = &series.Table{}
	e.outs = slices.Grow(e.outs[:0], len(e.step.descs))[:len(e.step.descs)]
	for i := range e.outs {
		e.outs[i] = series.Column{Desc: e.step.descs[i].desc, Table: e.table}
	}
	e.guess = slices.Grow(e.guess[:0], len(e.step.columns))[:len(e.step.columns)]
	clear(e.guess)
	e.sums = e.sums[:0]
}

// finished returns an output. Where each value is in the row of its own number, the rows are left out.
func (e *Evaluation) finished(i int) series.Column {
	c := e.outs[i]
	if len(c.Rows) == len(e.table.Ends) {
		c.Rows = nil
	}
	return c
}

// rows visits the rows of the objects, each once.
func (e *Evaluation) rows() {
	lists := e.step.objects
	if e.step.kinds[0].metric.Space {
		lists = e.step.rowColumns()
	}
	for n, column := range lists {
		list := e.list(column)
		for i := 0; i < list.Keys.Len() && !e.over; i++ {
			index := list.Keys.Key(i)
			if only := e.step.columns[column].Instance; only != nil && !bytes.Equal(only, index) || e.visited(lists[:n], index) {
				continue
			}
			if e.step.kinds[0].metric.Space {
				e.spaceRow(index)
			} else {
				e.row(index)
			}
		}
	}
}

func (e *Evaluation) list(column int) *held.List { return &e.in.Lists[e.step.kept[column]] }

// visited reports whether one of the columns before has the row.
func (e *Evaluation) visited(columns []int, index []byte) bool {
	return slices.ContainsFunc(columns, func(c int) bool {
		only := e.step.columns[c].Instance
		return (only == nil || bytes.Equal(only, index)) && e.list(c).Keys.Find(index, e.guess[c]) >= 0
	})
}

// row computes one row.
func (e *Evaluation) row(index []byte) {
	if !e.wanted(index) {
		return
	}
	k, ok := e.kindOf(index)
	if !ok {
		return
	}
	for i, column := range e.step.objects {
		v, ok := e.own(column, index)
		if !ok {
			continue
		}
		x, ok := e.value(k, v, index)
		if !ok {
			continue
		}
		if e.step.aggregate != "" {
			e.sums = append(e.sums, x)
			return
		}
		row, ok := e.addRow(index, column, k)
		if !ok {
			return
		}
		e.add(k*e.step.width+i, row, x)
		e.addLimits(k, row, index)
		return
	}
}

// kindOf returns the kind of a row.
func (e *Evaluation) kindOf(index []byte) (int, bool) {
	if e.step.by == none {
		return 0, true
	}
	v, ok := e.find(e.step.by, index)
	if !ok {
		return 0, false
	}
	return e.step.byValue.of(v)
}

// wanted reports whether the conditions hold.
func (e *Evaluation) wanted(index []byte) bool {
	for i := range e.step.only {
		c := &e.step.only[i]
		v, ok := e.find(c.column, index)
		if ok {
			_, ok = c.values.of(v)
		}
		if ok == c.not {
			return false
		}
	}
	return true
}

// own returns the value of a column in the row with that index.
func (e *Evaluation) own(column int, index []byte) (snmp.VarBind, bool) {
	c := &e.step.columns[column]
	if c.Instance != nil && !bytes.Equal(c.Instance, index) {
		return snmp.VarBind{}, false
	}
	v, at := e.list(column).Find(index, e.guess[column])
	if at >= 0 {
		e.guess[column] = at + 1
	}
	return v, at >= 0
}

// find returns the value of a column in the row with that index, in the one that the beginning of the index leads to, of
// a scalar, or of a part of the index until the next call.
func (e *Evaluation) find(column int, index []byte) (snmp.VarBind, bool) {
	c := &e.step.columns[column]
	if c.part != 0 {
		p, content, ok := partOf(e.step.columns[e.step.first()].Index, index, c.part)
		if !ok {
			return snmp.VarBind{}, false
		}
		v := p.value(e.part[:0], content)
		e.part = v.Value
		return v, true
	}
	if c.Instance != nil {
		v, at := e.list(column).Find(c.Instance, 0)
		return v, at >= 0
	}
	if c.Scalar {
		v, at := e.list(column).Find(e.key, 0)
		return v, at >= 0
	}
	if c.from != nil {
		key, ok := led(e.lead[:0], index, e.step.columns[e.step.first()].Index, c.from)
		e.lead = key
		if !ok {
			return snmp.VarBind{}, false
		}
		return e.own(column, key)
	}
	if v, ok := e.own(column, index); ok {
		return v, true
	}
	if first := e.step.first(); c.Known && c.Table == e.step.columns[first].Table {
		return snmp.VarBind{}, false
	}
	list := e.list(column)
	if list.Keys.Len() == 0 {
		return snmp.VarBind{}, false
	}
	for front := snmp.OID(index).Parent(); len(front) > 0; front = front.Parent() {
		if v, at := list.Find(front, e.guess[column]); at >= 0 {
			e.guess[column] = at
			return v, true
		}
	}
	return snmp.VarBind{}, false
}

// value is the value of a kind that v stands for.
func (e *Evaluation) value(k int, v snmp.VarBind, index []byte) (float64, bool) {
	m := e.step.Measure
	switch {
	case m.states != nil:
		return e.state(v)
	case m.kinds[k].metric.Info:
		return 1, true
	}
	x, ok := e.number(v)
	if !ok {
		return 0, false
	}
	if _, absent := m.absent.ofNumber(x); absent {
		return 0, false
	}
	return e.converted(&m.kinds[k], x, index)
}

// converted scales a number and converts it to the unit of the series.
func (e *Evaluation) converted(k *kind, x float64, index []byte) (float64, bool) {
	x, ok := e.scaled(x, index)
	x = k.value(x) + 0 // never -0
	return x, ok && !math.IsNaN(x) && !math.IsInf(x, 0)
}

func (e *Evaluation) state(v snmp.VarBind) (float64, bool) {
	m := e.step.Measure
	if _, absent := m.absent.of(v); absent {
		return 0, false
	}
	state, ok := 0, false
	if _, err := numberOf(v); err != nil && m.text != nil {
		word, found := e.group(v.Value)
		if !found {
			return 0, false
		}
		state, ok = m.states.ofText(word)
	} else {
		state, ok = m.states.of(v)
	}
	if !ok {
		state = m.unmapped
	}
	return float64(state), state != noState
}

// add adds a value to an output.
func (e *Evaluation) add(out int, row int32, x float64) {
	c := &e.outs[out]
	if c.Values == nil {
		c.Values = make([]float64, 0, e.expected())
		c.Rows = make([]int32, 0, cap(c.Values))
	}
	c.Values, c.Rows = append(c.Values, x), append(c.Rows, row)
	size := sampleSize
	if extra := e.step.descs[out].extra; extra != nil {
		before := len(c.Extra)
		c.Extra = series.AppendLabel(c.Extra, before, extra[0], []byte(extra[1]))
		c.ExtraEnds = append(c.ExtraEnds, uint32(len(c.Extra)))
		size += len(c.Extra) - before
	}
	e.spend(size)
}

// expected is how many rows there may be.
func (e *Evaluation) expected() int { return e.list(e.step.first()).Keys.Len() }

func (e *Evaluation) spend(octets int) {
	if e.in.Room -= octets; e.in.Room < 0 {
		e.in.Room, e.over = 0, true
	}
}

func (e *Evaluation) addLimits(k int, row int32, index []byte) {
	m := e.step.Measure
	for i := range m.limits {
		l := &m.limits[i]
		x, ok := l.number, true
		if l.column != none {
			v, found := e.find(l.column, index)
			if !found {
				continue
			}
			if x, ok = e.number(v); !ok {
				continue
			}
		}
		if _, absent := m.absent.ofNumber(x); absent {
			continue
		}
		if x, ok = e.converted(&m.kinds[k], x, index); ok {
			e.add(k*e.step.width+len(m.objects)+i, row, x)
		}
	}
}

// aggregated ends a measure of which all rows make one series.
func (e *Evaluation) aggregated() {
	m := e.step.Measure
	if m.aggregate == "" || len(e.sums) == 0 {
		return
	}
	slices.Sort(e.sums) // so that the order of arrival makes no difference
	x := 0.0
	for _, s := range e.sums {
		x += s
	}
	switch m.aggregate {
	case "max":
		x = e.sums[len(e.sums)-1]
	case "mean":
		x /= float64(len(e.sums))
	case "count":
		x = float64(len(e.sums))
	}
	if math.IsInf(x, 0) {
		return
	}
	if row, ok := e.addRow(nil, m.objects[0], 0); ok {
		e.add(0, row, x)
	}
}
