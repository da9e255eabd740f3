package expression

import (
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Label is the name of a label and its value.
type Label struct{ Name, Value string }

// ParseSeries reads the selector of one series, such as ifOperStatus{ifIndex="3"}: its labels are equal to something.
func ParseSeries(text string) (metric string, with []Label, err error) {
	matchers, err := Parser.ParseMetricSelector(text)
	if err != nil {
		return "", nil, fmt.Errorf("%q is not a selector: write one such as 'ifOperStatus{ifIndex=\"3\"}', in quotes for the shell", text)
	}
	for _, m := range matchers {
		switch {
		case m.Type != labels.MatchEqual:
			return "", nil, fmt.Errorf("%s: a series is named by equal labels: write %s=\"VALUE\"", text, m.Name)
		case m.Name == model.MetricNameLabel:
			metric = m.Value
		default:
			with = append(with, Label{m.Name, m.Value})
		}
	}
	return metric, with, nil
}
