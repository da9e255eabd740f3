package runtimeconfig

import (
	"fmt"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/internal/measure"
	"trapline/internal/poller"
)

// MetricsOf returns the metrics that a target may have series of, with their labels.
func (w *Config) MetricsOf(name string) (OutputMetrics, error) {
	i := slices.IndexFunc(w.Targets, func(t *poller.Target) bool { return t.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the configuration has no target %q", name)
	}
	y := OutputMetrics{}
	y.addOwn()
	for _, m := range w.Targets[i].Modules {
		y.Add(m)
	}
	if w.chooses(i) {
		return y, y.addProfiles(w)
	}
	return y, nil
}

// OutputMetrics are metrics by name, with the labels that their series may have.
type OutputMetrics map[string][]string

// Add adds the metrics of a module.
func (y OutputMetrics) Add(m *collector.Module) {
	for name, labels := range m.OutputMetrics() {
		y[name] = append(y[name], labels...)
	}
}

func (y OutputMetrics) addOwn() {
	for _, name := range poller.SelfMetrics() {
		y[name] = poller.SelfLabels
	}
	y[poller.TrapsTotal] = []string{"trap"}
}

// addMeasures adds the metrics that all vendors share, with the labels that some module may give them.
func (y OutputMetrics) addMeasures() {
	for i := range measure.Metrics {
		m := &measure.Metrics[i]
		for _, name := range m.Series() {
			y[name] = slices.Concat(y[name], measure.Common, m.Labels)
			if strings.Contains(name, "_limit") {
				y[name] = append(y[name], measure.LimitType)
			}
		}
	}
}

// addProfiles adds the metrics of all modules that a profile may choose.
func (y OutputMetrics) addProfiles(w *Config) error {
	y.addMeasures()
	book, err := w.Config.Book()
	if err != nil {
		return err
	}
	for _, m := range book.Modules() {
		outputs, err := m.Outputs()
		if err != nil {
			return err
		}
		for _, o := range outputs {
			for _, name := range o.Metrics {
				y[name] = append(y[name], o.Labels...)
			}
		}
	}
	return nil
}
