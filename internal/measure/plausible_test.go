package measure

import (
	"slices"
	"strings"
	"testing"
)

// Each entry is of some series, and each series with a unit of its own has one; its limits have the same.
func TestSeriesHavePlausibleValues(t *testing.T) {
	var all []string
	for i := range Metrics {
		all = append(all, Metrics[i].Series()...)
	}
	for _, b := range plausible {
		if !slices.ContainsFunc(all, func(series string) bool { return strings.HasPrefix(series, b.series) }) {
			t.Errorf("no series begins with %s", b.series)
		}
	}
	for i := range Metrics {
		m := &Metrics[i]
		if len(m.Units) == 0 || m.Name == "device_count" {
			continue
		}
		for _, series := range m.Series() {
			if Plausible(series, -1e30) || Plausible(series, 1e30) {
				t.Errorf("%s may have any value", series)
			}
		}
	}
	temperature := MetricNamed("hw_temperature")
	for number, want := range map[float64]bool{212: true, 2120: false, -999: false} {
		if temperature.Plausible("[degF]", number) != want {
			t.Errorf("%v degrees Fahrenheit: plausible is %v", number, !want)
		}
	}
}
