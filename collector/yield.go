package collector

import "iter"

// Yields gives the metrics that the module may make series of, each with the labels that these may have.
func (m *Module) Yields() iter.Seq2[string, []string] {
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
	}
}
