package rules

import (
	"strings"
	"testing"

	"trapline/internal/setting"
)

func at(v float64) *float64 { return &v }

func TestThresholdsAreRules(t *testing.T) {
	for _, test := range []struct {
		name string
		Threshold
		want string
	}{
		{"above", Threshold{Above: at(90)}, `m > 90`},
		{"below", Threshold{Below: at(-1.5)}, `m < -1.5`},
		{"back", Threshold{Above: at(90), Clear: at(80), Severity: "major", Labels: map[string]string{"team": "net"}},
			`m > 90 or (m > 80) and ignoring (alertname, alertstate, severity, team) ALERTS{alertname="T",alertstate="firing"}`},
		{"limits of targets", Threshold{Below: at(10), Clear: at(12), LimitLabel: "low"},
			`(m < on (target) group_left () trapline_target_limit{limit="low"} or m < 10 unless on (target) trapline_target_limit{limit="low"}) or ` +
				`((m < on (target) group_left () (trapline_target_limit{limit="low"} + 2) or m < 12 unless on (target) trapline_target_limit{limit="low"})) and ignoring (alertname, alertstate, severity) ALERTS{alertname="T",alertstate="firing"}`},
	} {
		test.Name, test.Metric = "T", "IF-MIB::m"
		if m := test.Problems(); len(m) > 0 {
			t.Errorf("%s: %v", test.name, m)
		}
		r := NewSet([]*Group{ThresholdGroup("snmp.yml", []Threshold{test.Threshold}, lineOne)}).Rules()[0]
		if r.Text != test.want || r.Global != "" {
			t.Errorf("%s:\n got %s %s\nwant %s", test.name, r.Text, r.Global, test.want)
		}
	}
}

func TestMistakesOfThresholds(t *testing.T) {
	for _, test := range []struct {
		Threshold
		path, want string
	}{
		{Threshold{Metric: "m", Above: at(1)}, "name", "a threshold needs a name"},
		{Threshold{Name: "T", Above: at(1)}, "metric", `threshold "T" needs a metric`},
		{Threshold{Name: "T", Metric: "m"}, "", `threshold "T": set one of above and below`},
		{Threshold{Name: "T", Metric: "m", Above: at(1), Below: at(0)}, "", `threshold "T": set one of above and below`},
		{Threshold{Name: "T", Metric: "m", Above: at(1), Clear: at(2)}, "clear", `threshold "T" would clear and raise at the same value: write a clear of at most 1`},
		{Threshold{Name: "T", Metric: "m", Above: at(1), LimitLabel: "target"}, "limit_label", "the label target is the target's name"},
		{Threshold{Name: "T", Metric: "m", Above: at(1), Summary: "{{ .No"}, "", `threshold "T": annotation "summary": template: __alert_T:1: unclosed action`},
	} {
		m := test.Problems()
		if len(m) != 1 || m[0] != (setting.Problem{Path: test.path, Text: test.want}) {
			t.Errorf("%q, want %s: %s", m, test.path, test.want)
		}
	}
}

// A threshold raises at its limit, and clears when the value has come back; targets have limits of their own.
func TestThresholdsRaiseAndClear(t *testing.T) {
	r := start(t, "", "usual", "own")
	r.set = NewSet([]*Group{ThresholdGroup("snmp.yml", []Threshold{{Name: "Hot", Metric: "temperature", Above: at(40), Clear: at(30), LimitLabel: "hot"}}, lineOne)})
	r.targets[1].Labels = map[string]string{"hot": "60", "rack": "a"}
	r.configure()
	for _, step := range []struct {
		value float64
		want  string
	}{
		{40, ""}, {41, "raise usual"}, {35, ""}, {30, "clear usual"}, {35, ""}, {60, "raise usual"}, {61, "raise own"}, {51, ""}, {50, "clear own"}, {30, "clear usual"},
	} {
		r.now = r.now.Add(pollTime)
		for _, target := range r.targets {
			r.pollOf(target, nil, `temperature{i="1"} `+number(step.value).String())
		}
		if got := r.takeTargets(); got != step.want {
			t.Errorf("at %g: %q, want %q", step.value, got, step.want)
		}
	}
}

// takeTargets is take, with the targets in the place of the rules.
func (r *rig) takeTargets() string {
	r.Helper()
	waiting, err := r.outbox.Waiting()
	r.must(err)
	var list []string
	for _, e := range waiting[0].Events {
		if e.Alarm.ID != "" {
			list = append(list, string(e.Kind)+" "+e.Alarm.Target)
		}
	}
	sent := r.taken
	r.taken = len(list)
	return strings.Join(list[sent:], ", ")
}

func lineOne(int) int { return 1 }
