package measure

import (
	"slices"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Program is the measures of a module, ready to be computed. It is read-only.
type Program struct {
	measures []step
}

// step is a measure with the places where a pass keeps its columns, and the descriptions of its series.
type step struct {
	*Measure
	kept  []int    // of each column
	names []string // of the labels
	descs []output // of each kind its outputs, in the order of outputs()
	width int      // outputs of a kind
	twin  bool     // another measure makes a metric of an object of this one
	fixed []bool   // of each column: more than the values of series depends on it
}

// output is one series.Column that a measure makes of a kind.
type output struct {
	desc  *series.Desc
	extra []string // name and value of the label that the samples have besides those of their row
}

// New prepares measures. Keep returns the place where a pass keeps the values of an object, labelName the name under
// which a label is exposed.
func New(measures []*Measure, keep func(snmp.OID) int, labelName func(string) string) *Program {
	p := &Program{}
	for _, m := range measures {
		s := step{Measure: m}
		for j := range m.columns {
			s.kept = append(s.kept, keep(m.columns[j].OID))
		}
		for j := range m.labels {
			s.names = append(s.names, labelName(m.labels[j].name))
		}
		if m.info != nil {
			for j := range m.info {
				s.names = append(s.names, labelName(m.info[j].name))
			}
			s.descs = []output{{desc: deviceInfo}}
		}
		for j := range m.kinds {
			d := m.descs(&m.kinds[j])
			s.width = len(d)
			s.descs = append(s.descs, d...)
		}
		s.twin = slices.ContainsFunc(measures, func(other *Measure) bool { return other != m && m.resembles(other) })
		s.fixed = m.fixed()
		p.measures = append(p.measures, s)
	}
	return p
}

// Series are the names of the series that the measures may make, each with its labels.
func (p *Program) Series(yield func(desc *series.Desc, labels []string) bool) {
	for i := range p.measures {
		s := &p.measures[i]
		for _, o := range s.descs {
			labels := s.names
			if o.extra != nil {
				labels = append(slices.Clip(labels), o.extra[0])
			}
			if !yield(o.desc, labels) {
				return
			}
		}
	}
}

// descs are the outputs of a kind: those of a value, one for each object that may have it, then those of the limits; or
// those of memory and filesystems.
func (m *Measure) descs(k *kind) (list []output) {
	desc := func(name, help string, column int) *series.Desc {
		d := &series.Desc{Name: name, Help: help, Derived: true, Computed: true}
		if column != none {
			d.Object = m.columns[column].OID
		}
		return d
	}
	if k.metric.Space {
		return m.spaceDescs(k.metric, desc)
	}
	for _, c := range m.objects {
		d := desc(k.metric.Exposed(k.base, ""), k.metric.Help+".", c)
		if k.metric.Counter {
			d.Type = series.Counter
		}
		if k.function == linear && m.plain() && len(k.metric.Units) > 0 {
			d.Derived, d.Scale = false, k.Mul/k.Div
		}
		list = append(list, output{desc: d})
	}
	for _, l := range m.limits {
		c := l.column
		if c == none {
			c = m.objects[0]
		}
		list = append(list, output{desc(k.metric.Exposed(k.base, "_limit"), k.metric.Help+": a limit.", c), []string{LimitType, l.key}})
	}
	return list
}

// plain reports whether values are the numbers of the objects, times a factor that is always the same.
func (m *Measure) plain() bool {
	return m.text == nil && !m.float32 && m.aggregate == "" && m.scale.divide == none && m.scale.multiply == none && m.scale.exponent == none
}

// spaceOutputs are the series of memory and filesystems: the part, or total or percent.
var spaceOutputs = []struct {
	part  int
	infix string
	state string
}{{used, "_usage_bytes", "used"}, {free, "_usage_bytes", "free"}, {buffers, "_usage_bytes", "buffers"}, {cached, "_usage_bytes", "cached"}, {total, "_limit_bytes", ""}, {percent, "_utilization_ratio", ""}}

func (m *Measure) spaceDescs(metric *Metric, desc func(name, help string, column int) *series.Desc) (list []output) {
	helps := map[string]string{"_usage_bytes": " used, free and so on.", "_limit_bytes": ": its size.", "_utilization_ratio": ": how much of it is used."}
	for _, o := range spaceOutputs {
		column := m.first()
		if len(m.space[o.part]) > 0 {
			column = m.space[o.part][0]
		}
		out := output{desc: desc(metric.Name+o.infix, metric.Help+helps[o.infix], column)}
		if o.state != "" {
			out.extra = []string{"state", o.state}
		}
		list = append(list, out)
	}
	return list
}

// rowColumns are the columns whose rows are those of memory and filesystems: an instance is a part of every row, unless
// all are instances.
func (m *Measure) rowColumns() (list []int) {
	all := slices.Concat(m.space[:]...)
	for _, c := range all {
		if m.columns[c].Instance == nil {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return all
	}
	return list
}

// first is the column that hw_id names.
func (m *Measure) first() int {
	if m.info != nil {
		return 0
	}
	if len(m.objects) > 0 {
		return m.objects[0]
	}
	for _, part := range m.space {
		if len(part) > 0 {
			return part[0]
		}
	}
	return none
}
