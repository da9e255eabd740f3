package collector

import (
	"bytes"
	"iter"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// OutputMetrics returns the metrics that the module may make series of, each with the labels that these may have.
func (m *Module) OutputMetrics() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for i := range m.columns {
			c := &m.columns[i]
			var names []string
			for _, l := range m.tables[c.table].labels {
				names = append(names, l.name)
			}
			if c.label != "" {
				names = append(names, c.label)
			}
			if !yield(c.desc.Name, names) {
				return
			}
		}
		m.measures.Series(func(desc *series.Desc, labels []string) bool { return yield(desc.Name, labels) })
	}
}

// MadeOf returns the objects of which measures make a metric.
func (m *Module) MadeOf(metric string) (objects []snmp.OID) {
	m.measures.Series(func(desc *series.Desc, _ []string) bool {
		if desc.Name == metric && desc.Object != nil {
			objects = append(objects, desc.Object)
		}
		return true
	})
	return objects
}

// NameOf returns the name of the metric that is made of an object, of an object that it lies below, or of the first
// one below it; "" if there is none.
func (m *Module) NameOf(oid []byte) string {
	below := ""
	for i := range m.columns {
		c := &m.columns[i]
		switch {
		case bytes.HasPrefix(oid, c.oid):
			return c.desc.Name
		case below == "" && bytes.HasPrefix(c.oid, oid):
			below = c.desc.Name
		}
	}
	return below
}

// Asked is how many columns and instances the module asks a target for.
func (m *Module) Asked() int { return max(len(m.Plan.Columns), len(m.Plan.Walk)) + len(m.Plan.Get) }
