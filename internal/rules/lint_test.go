package rules

import (
	"slices"
	"testing"
	"time"
)

// ports is a configuration with a module of interfaces.
var ports = Environment{
	Metrics:      map[string][]string{"ifOperStatus": {"ifIndex", "ifName"}, "ifInErrors": {"ifIndex", "ifName"}, "trapline_target_up": nil},
	TargetLabels: []string{"site"},
	Interval: func(metric string) time.Duration {
		if metric == "ifInErrors" {
			return time.Minute
		}
		return time.Second
	},
	Annotations: func(all map[string]string) (problems, warnings []string) {
		if name, ok := all["trap_notification"]; ok && name != "IF-MIB::linkDown" {
			return []string{"no notification " + name}, []string{"not notified"}
		}
		return nil, nil
	},
}

func TestLint(t *testing.T) {
	for _, test := range []struct {
		name, rule string
		want       []string
	}{
		{"nothing", `{alert: A, expr: 'ifOperStatus{site="x", ifName=~"Gi.*"} == 2', labels: {severity: '{{ $labels.site }}'}, annotations: {
			summary: '{{ $value }} {{ $labels.ifName }}', trap_notification: IF-MIB::linkDown}}`, nil},
		{"the value in a label", `{alert: A, expr: ifOperStatus == 2, labels: {state: '{{ $value }}'}}`,
			[]string{"warning: A: the label state has the value in it: each value raises another alarm and clears the last one. Put it into an annotation"}},
		{"the value in a label, by its other name", `{alert: A, expr: ifOperStatus == 2, labels: {state: '{{ printf "%f" .Value }}'}}`,
			[]string{"warning: A: the label state has the value in it: each value raises another alarm and clears the last one. Put it into an annotation"}},
		{"the value in several labels", `{alert: A, expr: ifOperStatus == 2, labels: {b: '{{ $value }}', a: '{{ $value }}', c: x}}`,
			[]string{"warning: A: the label a has the value in it: each value raises another alarm and clears the last one. Put it into an annotation",
				"warning: A: the label b has the value in it: each value raises another alarm and clears the last one. Put it into an annotation"}},
		{"no target", `{alert: A, expr: count by (site) (ifOperStatus == 2) > 5}`,
			[]string{"warning: A: its alarms have no label target: they are of no device",
				`note: A: is evaluated over all targets at once: count by (site) (ifOperStatus == 2) mixes targets`}},
		{"a target by its rule", `{alert: A, expr: count by (site) (ifOperStatus == 2) > 5, labels: {target: network}}`,
			[]string{"note: A: is evaluated over all targets at once: its labels set the label target"}},
		{"the target of one of several rows", `{alert: A, expr: 'topk(3, ifInErrors)'}`,
			[]string{"note: A: is evaluated over all targets at once: topk(3, ifInErrors) mixes targets"}},
		{"a target lost by matching", `{alert: A, expr: ifInErrors / on (ifIndex) ifOperStatus}`,
			[]string{"warning: A: its alarms have no label target: they are of no device",
				`note: A: is evaluated over all targets at once: ifInErrors / on (ifIndex) ifOperStatus matches series of different targets`}},
		{"a target kept by matching many", `{alert: A, expr: ifInErrors * on (ifIndex) group_left () ifOperStatus}`,
			[]string{`note: A: is evaluated over all targets at once: ifInErrors * on (ifIndex) group_left () ifOperStatus matches series of different targets`}},
		{"a target of the many on the right", `{alert: A, expr: sum by (ifIndex) (ifOperStatus) * on (ifIndex) group_right () ifInErrors}`,
			[]string{"note: A: is evaluated over all targets at once: sum by (ifIndex) (ifOperStatus) mixes targets"}},
		{"a record without a target", `{record: a:b, expr: count(ifOperStatus)}`,
			[]string{"note: a:b: is evaluated over all targets at once: count(ifOperStatus) mixes targets"}},
		{"a short range", `{alert: A, expr: 'rate(ifInErrors[3m]) > 1'}`,
			[]string{"warning: A: rate(ifInErrors[3m]) yields nothing once a pass or two fail, for targets are polled each 1m: better a range of 4m or more"}},
		{"a range of one pass", `{alert: A, expr: 'sum by (target) (increase(ifInErrors[90s])) > 1'}`,
			[]string{"warning: A: increase(ifInErrors[1m30s]) yields nothing, as in Prometheus: it needs two polls, and targets are polled each 1m: write a range of 4m or more"}},
		{"a short range of what is polled often", `{alert: A, expr: 'rate(ifOperStatus[4s]) > 1'}`, nil},
		{"a range that is long enough, and one that may be short", `{alert: A, expr: 'rate(ifInErrors[4m]) > max_over_time(ifInErrors[1m])'}`, nil},
		{"a metric", `{alert: A, expr: ifOperState == 2, annotations: {summary: '{{ $labels.ifAlias }}'}}`,
			[]string{"warning: A: no module yields ifOperState"}},
		{"a metric with its MIB", `{alert: A, expr: 'IF-MIB::ifOperStatus == 2'}`,
			[]string{"warning: A: no module yields IF, MIB::ifOperStatus: expressions name metrics without their MIB: write ifOperStatus"}},
		{"up, as exporters have it", `{alert: A, expr: up == 0 or snmp_up == 0}`, nil},
		{"several metrics", `{alert: A, expr: b / a > a * ifInErrors}`, []string{"warning: A: no module yields a, b"}},
		{"a label in a selector", `{alert: A, expr: 'ifOperStatus{ifAlias="x"} == 2'}`,
			[]string{"warning: A: no series ifOperStatus has the label ifAlias"}},
		{"a label that need not be there", `{alert: A, expr: 'ifOperStatus{ifAlias!="x"} == 2'}`, nil},
		{"a label of a group", `{alert: A, expr: 'max by (target, ifAlias) (ifOperStatus) == 2'}`,
			[]string{"warning: A: no series of its expression has the label ifAlias"}},
		{"a label that the expression makes", `{alert: A, expr: 'label_replace(ifOperStatus, "port", "$1", "ifName", "Gi(.*)") == 2', annotations: {summary: '{{ $labels.port }}'}}`, nil},
		{"a label in an annotation", `{alert: A, expr: ifOperStatus == 2, annotations: {summary: '{{ $labels.ifAlias }}'}}`,
			[]string{"warning: A: no series of its expression has the label ifAlias"}},
		{"a notification", `{alert: A, expr: ifOperStatus == 2, annotations: {trap_notification: linkDown}}`,
			[]string{"error: A: no notification linkDown", "warning: A: not notified"}},
	} {
		var got, want []string
		for _, f := range parse(t, "groups: [{name: g, rules: [{record: made, expr: '1'}, {alert: B, expr: made}]}, {name: h, rules: [\n"+test.rule+"]}]").Lint(&ports) {
			if f.Line == 2 {
				got = append(got, f.String())
			}
		}
		for _, text := range test.want {
			want = append(want, "rules.yml:2: "+text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, want)
		}
	}
}

// Without a configuration, only the rules themselves are looked at.
func TestLintWithoutAConfiguration(t *testing.T) {
	s := parse(t, `groups: [{name: g, rules: [{alert: A, expr: 'rate(x[1s])', labels: {a: '{{ $value }}'}, annotations: {trap_notification: y}}]}]`)
	if got := s.Lint(&Environment{}); len(got) != 1 || got[0].Level != LevelWarning {
		t.Errorf("%v", got)
	}
}
