package fleet

import (
	"testing"

	"github.com/prometheus/prometheus/model/labels"
)

// Of the answer of another member, the samples of targets that it was not asked about are left out: they are in the way of those that are
// polled here.
func TestSamplesOfOtherTargetsAreLeftOut(t *testing.T) {
	a := &Answer{Series: []Series{
		{Labels: labels.FromStrings("__name__", "up", "target", "a")}, {Labels: labels.FromStrings("__name__", "up", "target", "b")},
		{Labels: labels.FromStrings("__name__", "up")}, {Labels: labels.FromStrings("__name__", "up", "target", "c")},
	}}
	a.Keep([]string{"a", "c", "d"})
	if len(a.Series) != 2 || a.Series[0].Labels.Get("target") != "a" || a.Series[1].Labels.Get("target") != "c" {
		t.Error(a.Series)
	}
}
