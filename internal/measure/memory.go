package measure

import (
	"slices"

	"trapline/internal/held"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Memory is what the passes of a module over one target need not compute again: of each measure the labels of the rows,
// and which value makes which sample. It counts for a pass whose indexes are the same, and all values that more than the
// numbers of samples depend on: names, states of conditions, kinds, scales. The zero Memory is empty. It must not be used
// by two passes at once.
type Memory struct{ steps []memo }

// memo is the memory of a measure.
type memo struct {
	inputs   []held.Digest // of the columns, of a column with readings only of its indexes; nil: nothing is known
	indexes  bool          // the tables say which index each row has
	readings []reading
	columns  []series.Column // the outputs, without values
	sizes    []int           // how many values each has
	table    *series.Table
	room     int // octets that the series take
	patience patience
}

// reading is a value, and what a pass did with it.
type reading struct {
	column, kind int16 // the column, and the kind that its row has
	limit        int16 // which limit it is; none: the value of an object
	out          int16 // the output, or what became of it
	at           int32 // its place in the column; none: a limit that is a number
	factor       factor
}

// What becomes of a reading instead of a sample of an output.
const (
	// none: it is no value.
	summed = -2 // it is a part of an aggregate
)

// patience says when to look into a memory, and to fill it. Where the inputs are other ones at each pass, that is seldom.
type patience struct{ misses, wait uint8 }

const (
	maxMisses = 3
	maxWait   = 50 // passes
)

// asks reports whether the pass uses the memory.
func (p *patience) asks() bool {
	if p.wait > 0 {
		p.wait--
		return false
	}
	return true
}

func (p *patience) hit() { p.misses = 0 }

func (p *patience) missed() {
	if p.misses++; p.misses >= maxMisses {
		p.misses, p.wait = maxMisses, maxWait
	}
}

// fixed reports of each column whether labels, kinds, conditions or scales depend on it: then it must be as it was.
func (m *Measure) fixed() []bool {
	fixed := make([]bool, len(m.columns))
	add := func(columns ...int) {
		for _, c := range columns {
			if c != none && m.columns[c].part == 0 {
				fixed[c] = true
			}
		}
	}
	add(m.by, m.scale.divide, m.scale.multiply, m.scale.exponent, m.scale.precision)
	for i := range m.only {
		add(m.only[i].column)
	}
	for i := range m.labels {
		l := &m.labels[i]
		add(l.column, l.port)
		for _, s := range l.text {
			for _, r := range s.refs {
				if r.name != "" {
					add(r.number)
				}
			}
		}
	}
	return fixed
}

// remembers reports whether the step can be remembered. Memory, filesystems and inventories are of few rows, what twins
// leave out depends on each other, and a part of the index has no place.
func (s *step) remembers() bool {
	part := func(l limit) bool { return l.column != none && s.columns[l.column].part != 0 }
	return s.info == nil && !s.twin && !s.kinds[0].metric.Space && !slices.ContainsFunc(s.limits, part)
}

// of returns the memo of measure i of a program if the pass uses it.
func (m *Memory) of(i int, p *Program) *memo {
	if m == nil || !p.measures[i].remembers() {
		return nil
	}
	if len(m.steps) != len(p.measures) {
		m.steps = make([]memo, len(p.measures))
	}
	if !m.steps[i].patience.asks() {
		return nil
	}
	return &m.steps[i]
}

// inputsOf appends the digests of the step's columns.
func (e *Evaluation) inputsOf(dst []held.Digest) []held.Digest {
	for i := range e.step.columns {
		if list := e.list(i); e.step.fixed[i] {
			dst = append(dst, list.Digest())
		} else {
			dst = append(dst, list.Keys.Digest())
		}
	}
	return dst
}

// recalled computes the outputs with a memo. It returns false, and the outputs are undefined, if the memo does not count.
func (e *Evaluation) recalled(m *memo) bool {
	if m.inputs == nil || m.indexes != e.in.Indexes || m.room > e.in.Room || !slices.Equal(e.inputs, m.inputs) {
		return false
	}
	e.outs = append(e.outs[:0], m.columns...)
	total := 0
	for _, n := range m.sizes {
		total += n
	}
	values := make([]float64, total)
	for i, n := range m.sizes {
		e.outs[i].Values, values = values[:0:n], values[n:]
	}
	e.table, e.sums = m.table, e.sums[:0]
	for i := range m.readings {
		if !e.again(&m.readings[i]) {
			return false
		}
	}
	if x, ok := e.step.aggregated(e.sums); ok {
		e.outs[0].Values = append(e.outs[0].Values, x)
	}
	for i, n := range m.sizes {
		if len(e.outs[i].Values) != n {
			return false
		}
	}
	e.in.Room -= m.room
	return true
}

// again reports whether a reading becomes what it became before, and adds its sample.
func (e *Evaluation) again(r *reading) bool {
	var v snmp.VarBind
	if r.at >= 0 {
		v = e.list(int(r.column)).Get(int(r.at))
	}
	x, ok := e.read(r, v)
	if ok != (r.out != none) {
		return false
	}
	switch {
	case r.out >= 0:
		c := &e.outs[r.out]
		c.Values = append(c.Values, x)
	case r.out == summed:
		e.sums = append(e.sums, x)
	}
	return true
}

// note writes a reading down if it is to be remembered.
func (e *Evaluation) note(r reading) {
	if e.noting {
		e.notes = append(e.notes, r)
	}
}

// maxIdle is how many readings a memo keeps that are no samples: rows that are left out, or parts of an aggregate. Of
// those a device can have any number, and they take memory from one poll to the next.
const maxIdle = 1 << 10

// remember fills a memo with what the step made, which took so many octets.
func (e *Evaluation) remember(m *memo, room int) {
	if len(e.notes) > e.samples()+maxIdle {
		*m = memo{patience: m.patience}
		return
	}
	*m = memo{inputs: slices.Clone(e.inputs), indexes: e.in.Indexes, readings: slices.Clone(e.notes), table: e.table, room: room, patience: m.patience}
	for i := range e.outs {
		c := e.outs[i]
		m.sizes = append(m.sizes, len(c.Values))
		c.Values = nil
		m.columns = append(m.columns, c)
	}
}

// samples is how many samples the outputs have.
func (e *Evaluation) samples() (n int) {
	for i := range e.outs {
		n += len(e.outs[i].Values)
	}
	return n
}
