package measure

import (
	"bytes"
	"math"
	"slices"

	"trapline/internal/held"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Input is the content of a pass.
type Input struct {
	Lists   []held.List              // the values of each place
	Lost    func(object []byte) bool // whether an object did not arrive whole
	Indexes bool                     // the tables say which index each row has
	Room    int                      // octets that the series may take
	Memory  *Memory                  // of the passes before; may be nil
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

	inputs []held.Digest // of the step, for its memo
	noting bool          // notes are to be remembered
	notes  []reading
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
		if e.compute(in.Memory.of(i, e.program)); e.over {
			full = e.step.columns[e.step.first()].OID
			break
		}
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

// compute makes the outputs of the step, by its memo where that counts.
func (e *Evaluation) compute(m *memo) {
	if m != nil {
		if e.inputs = e.inputsOf(e.inputs[:0]); e.recalled(m) {
			m.patience.hit()
			return
		}
		m.patience.missed()
	}
	e.noting, e.notes = m != nil, e.notes[:0]
	room := e.in.Room
	e.start()
	if e.step.info != nil {
		e.identify()
	} else {
		e.rows()
	}
	if e.over {
		return
	}
	if e.aggregated(); m != nil && !e.over {
		e.remember(m, room-e.in.Room)
	}
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
	f, scaled := e.factorOf(k, index)
	for i, column := range e.step.objects {
		at := e.own(column, index)
		if at < 0 || !scaled {
			continue
		}
		r := reading{column: int16(column), kind: int16(k), limit: none, at: int32(at), factor: f, out: none}
		x, ok := e.read(&r, e.list(column).Get(at))
		switch {
		case !ok:
			e.note(r)
			continue
		case e.step.aggregate != "":
			r.out = summed
			e.sums = append(e.sums, x)
			e.note(r)
			return
		}
		row, fresh := e.addRow(index, k)
		if !fresh {
			return
		}
		r.out = int16(k*e.step.width + i)
		e.add(int(r.out), row, x)
		e.note(r)
		e.addLimits(&r, row, index)
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

// own returns the place of a column's value in the row with that index, or none.
func (e *Evaluation) own(column int, index []byte) int {
	c := &e.step.columns[column]
	if c.Instance != nil && !bytes.Equal(c.Instance, index) {
		return none
	}
	at := e.list(column).Keys.Find(index, e.guess[column])
	if at >= 0 {
		e.guess[column] = at + 1
	}
	return at
}

// find returns the value of a column in the row with that index: see place; or that of a part of the index, until the
// next call.
func (e *Evaluation) find(column int, index []byte) (v snmp.VarBind, ok bool) {
	if c := &e.step.columns[column]; c.part != 0 {
		p, content, ok := partOf(e.step.columns[e.step.first()].Index, index, c.part)
		if !ok {
			return v, false
		}
		v = p.value(e.part[:0], content)
		e.part = v.Value
		return v, true
	}
	at := e.place(column, index)
	if at < 0 {
		return v, false
	}
	return e.list(column).Get(at), true
}

// place returns the place of a column's value in the row with that index, in the one that the beginning of the index
// leads to, or of a scalar's; or none.
func (e *Evaluation) place(column int, index []byte) int {
	c := &e.step.columns[column]
	switch {
	case c.Instance != nil:
		return e.list(column).Keys.Find(c.Instance, 0)
	case c.Scalar:
		return e.list(column).Keys.Find(e.key, 0)
	case c.from != nil:
		key, ok := led(e.lead[:0], index, e.step.columns[e.step.first()].Index, c.from)
		e.lead = key
		if !ok {
			return none
		}
		return e.own(column, key)
	}
	if at := e.own(column, index); at >= 0 {
		return at
	}
	if first := e.step.first(); c.Known && c.Table == e.step.columns[first].Table {
		return none
	}
	list := e.list(column)
	if list.Keys.Len() == 0 {
		return none
	}
	for front := snmp.OID(index).Parent(); len(front) > 0; front = front.Parent() {
		if at := list.Keys.Find(front, e.guess[column]); at >= 0 {
			e.guess[column] = at
			return at
		}
	}
	return none
}

// read returns the number that a reading makes of a value, if it is one.
func (e *Evaluation) read(r *reading, v snmp.VarBind) (x float64, ok bool) {
	m := e.step.Measure
	k := &m.kinds[r.kind]
	switch {
	case r.limit != none && r.column == none:
		x, ok = m.limits[r.limit].number, true
	case r.limit != none:
		x, ok = e.number(v)
	case m.states != nil:
		return e.state(v)
	case k.metric.Info:
		return 1, true
	default:
		x, ok = e.number(v)
	}
	if !ok {
		return 0, false
	}
	if _, absent := m.absent.ofNumber(x); absent {
		return 0, false
	}
	return k.converted(x, r.factor)
}

// converted scales a number and converts it to the unit of the series.
func (k *kind) converted(x float64, f factor) (float64, bool) {
	x = k.value(f.scaled(x)) + 0 // never -0
	return x, !math.IsNaN(x) && !math.IsInf(x, 0)
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

// addLimits adds the limits of a value.
func (e *Evaluation) addLimits(of *reading, row int32, index []byte) {
	m := e.step.Measure
	for i := range m.limits {
		l := &m.limits[i]
		r := reading{column: int16(l.column), kind: of.kind, limit: int16(i), at: none, factor: of.factor, out: none}
		var v snmp.VarBind
		if l.column != none {
			var ok bool
			if v, ok = e.find(l.column, index); !ok {
				continue
			}
			if e.noting {
				r.at = int32(e.place(l.column, index))
			}
		}
		x, ok := e.read(&r, v)
		if ok {
			r.out = int16(int(r.kind)*e.step.width + len(m.objects) + i)
			e.add(int(r.out), row, x)
		}
		e.note(r)
	}
}

// aggregated ends a measure of which all rows make one series.
func (e *Evaluation) aggregated() {
	x, ok := e.step.aggregated(e.sums)
	if !ok {
		return
	}
	if row, fresh := e.addRow(nil, 0); fresh {
		e.add(0, row, x)
	}
}

// aggregated is the value that all rows make, if there is one.
func (m *Measure) aggregated(values []float64) (x float64, ok bool) {
	if m.aggregate == "" || len(values) == 0 {
		return 0, false
	}
	slices.Sort(values) // so that the order of arrival makes no difference
	for _, v := range values {
		x += v
	}
	switch m.aggregate {
	case "max":
		x = values[len(values)-1]
	case "mean":
		x /= float64(len(values))
	case "count":
		x = float64(len(values))
	}
	return x, !math.IsInf(x, 0)
}
