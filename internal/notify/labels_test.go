package notify

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// Silences, the labels of receivers and group_by compare the same labels, whoever raised the alarm: its own ones, then
// those of its target in the configuration.
func TestAllMatchersCompareTheSameLabels(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 0))
	targets := map[string]map[string]string{"core-1": {"site": "berlin", "rack": "7"}, "core-2": {"site": "paris"}}
	rules, err := mute.NewRules(nil, nil, targets)
	if err != nil {
		t.Fatal(err)
	}
	set, labelsOf := mute.NewSet(nil, rules), func(name string) map[string]string { return targets[name] }
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for range 500 {
		a := &alarm.Alarm{ID: "1", Rule: "PortDown", Severity: alarm.Major, Target: pick("", "core-1", "core-2", "core-3"), Labels: map[string]string{"alertname": "PortDown", "severity": "major"}}
		for _, name := range []string{"site", "rack", "owner"} {
			if random.IntN(3) == 0 {
				a.Labels[name] = pick("berlin", "paris", "7")
			}
		}
		name, value := pick("site", "rack", "owner", "target", "severity", "alertname"), pick("berlin", "paris", "7", "core-1", "major", "PortDown")
		m, err := mute.ParseMatcher(name, "=", value)
		if err != nil {
			t.Fatal(err)
		}
		want := set.Labels(a).Match(mute.Matchers{m})
		var r ReceiverSettings
		if err := yaml.Unmarshal(fmt.Appendf(nil, "labels: {%s: '%s'}\ngroup_by: [%s]", name, value, name), &r); err != nil {
			t.Fatal(err)
		}
		if got := r.matches(labelsOf)(a); got != want {
			t.Fatalf("%s=%s of %+v: a silence matches: %v, a receiver: %v", name, value, a, want, got)
		}
		alert := alertOf(&alarm.Event{Alarm: *a})
		if got := newWebhookGroups(&groupSettings{receiver: &r, targets: labelsOf}).labels(&alert)[name]; (got == value) != want {
			t.Fatalf("%s of %+v: a silence matches %s: %v, and the group has %s", name, a, value, want, got)
		}
	}
}
