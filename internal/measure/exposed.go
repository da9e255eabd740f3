package measure

import "sync"

// Exposition describes the series of a name.
type Exposition struct {
	Metric *Metric
	Rank   int    // place of the metric in Metrics
	Unit   string // as in Metric.Units; "1" of ratios
	Role   Role
}

// Role is the part of a metric that a series has.
type Role byte

// The roles: the value itself, a limit of it; of memory and filesystems those of the space and how much of it is used.
const (
	Value Role = iota
	Limit
	Usage
	Size
)

var expositions = sync.OnceValue(func() map[string]Exposition {
	all := map[string]Exposition{}
	for i := range Metrics {
		m := &Metrics[i]
		switch {
		case m.Space:
			all[m.Name+"_usage_bytes"] = Exposition{m, i, "By", Usage}
			all[m.Name+"_limit_bytes"] = Exposition{m, i, "By", Size}
			all[m.Name+"_utilization_ratio"] = Exposition{m, i, "1", Value}
		case len(m.Units) == 0:
			all[m.Name] = Exposition{m, i, "", Value}
		}
		if m.Space {
			continue
		}
		for _, unit := range m.Units {
			if limit := m.Exposed(unit, "_limit"); MetricNamed(limit) == nil {
				all[limit] = Exposition{m, i, unit, Limit}
			}
			all[m.Exposed(unit, "")] = Exposition{m, i, unit, Value}
		}
	}
	return all
})

// ExpositionOf returns what the series of a name show; ok is false where no measure makes such series.
func ExpositionOf(name string) (x Exposition, ok bool) {
	x, ok = expositions()[name]
	return x, ok
}
