package rules

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/rules/expression"
	"trapline/internal/rules/tables"
	"trapline/internal/series"
	"trapline/mibs"
)

// An alarm has the instance, the value, the condition, and the columns of the row that its annotations name.
func TestAlarms(t *testing.T) {
	r := start(t, `{alert: Slow, expr: 'rate(in_total[1m]) > 90 and on (target, i) speed < 100', labels: {severity: minor}, annotations: {
summary: 'port {{ $labels.i }} of {{ $labels.target }} runs at {{ with query (printf "width{target=''%s'',i=''%s''}" $labels.target $labels.i) }}{{ . | first | value }}{{ end }}',
description: long, trap_tags: "core, edge", trap_receivers: nms, trap_varbinds: "ifAlias.1 = {{ $labels.i }}"}}`)
	for i := range 5 {
		r.poll(`in_total{i="1"} `+number(6000*i).String(), `speed{i="1"} 10`, `width{i="1"} 7`)
	}
	a := r.outbox.Active()[0]
	want := alarm.Alarm{
		ID:     alarm.ID("", "Slow", "sw1", map[string]string{"alertname": "Slow", "i": "1", "target": "sw1"}), // whatever the severity
		Number: 1, Rule: "Slow", Target: "sw1", Address: a.Address, Resource: "i=1", Metric: "in_total", Variable: "1.3.6.1.4.1.32473.105.1", Value: "100", Condition: "> 90",
		Severity: alarm.Minor, Summary: "port 1 of sw1 runs at 7", Description: "long", Labels: map[string]string{"alertname": "Slow", "i": "1", "severity": "minor", "target": "sw1"},
		RaisedAt: a.RaisedAt, Receivers: []string{"nms"}, Tags: []string{"core", "edge"}, VarBinds: []alarm.Binding{{Name: "ifAlias.1", Value: "1"}},
	}
	if !reflect.DeepEqual(a, want) || a.Address.String() != "192.0.2.1" {
		t.Errorf("\n got %+v\nwant %+v", a, want)
	}
}

// An alarm has the values of the OBJECTS of its notification as of the last poll; so has its clear, before the values
// of the raise.
func TestObjectsOfNotifications(t *testing.T) {
	r := start(t, `{alert: Down, expr: oper == 2, annotations: {trap_notification: "IF-MIB::linkDown", trap_varbinds: "ifAlias = x"}}`)
	tree := func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }
	r.e.Configure(Configuration{Set: r.set, Targets: r.targets, Names: tree})
	r.poll(`oper{ifIndex="7"} 2`, `ifAdminStatus{ifIndex="7"} 1`)
	r.poll(`oper{ifIndex="7"} 1`, `ifAdminStatus{ifIndex="7"} 2`)
	waiting, err := r.outbox.Waiting()
	r.must(err)
	var got [][]alarm.Binding
	for _, e := range waiting[0].Events {
		got = append(got, e.Alarm.VarBinds)
	}
	const admin = "1.3.6.1.2.1.2.2.1.7.1"
	want := [][]alarm.Binding{{{Name: "ifAlias", Value: "x"}, {Name: admin, Value: "1"}}, {{Name: admin, Value: "2"}, {Name: "ifAlias", Value: "x"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A clear has the value that cleared the alarm, in its text too where that shows it. A row that is gone has none.
func TestClearsShowWhatClearedThem(t *testing.T) {
	for _, test := range []struct{ rule, raised, cleared, gone string }{
		{`{alert: A, expr: m > 40, annotations: {summary: "at {{ $value }}"}}`, "at 50 50", "over: at 50 30", "over: at 50 (the row is gone) "},
		{`{alert: A, expr: m > 40, annotations: {summary: "at {{ $value }}", clear_summary: "back at {{ $value }}", value: "{{ $value }} C"}}`, "at 50 50 C", "back at 30 30 C", "over: at 50 (the row is gone) "},
		{`{alert: A, expr: 80 < m * 2 and m > 0}`, "A 100", "over: A 60", "over: A (the row is gone) "},
		{`{alert: A, expr: 'm > 40 or m > 35 and ignoring (alertname, alertstate) ALERTS{alertstate="firing"}'}`, "A 50", "over: A 30", "over: A (the row is gone) "},
		{`{alert: A, expr: m > on (target) group_left () n}`, "A 50", "over: A 30", "over: A (the row is gone) "},
	} {
		r := start(t, test.rule)
		sent := func() string {
			waiting, err := r.outbox.Waiting()
			r.must(err)
			a := waiting[0].Events[len(waiting[0].Events)-1].Alarm
			return a.Text() + " " + a.Value
		}
		r.poll(`m{i="1"} 50`, `m{i="2"} 1`, "n 40")
		raised := sent()
		r.poll(`m{i="1"} 30`, `m{i="2"} 1`, "n 40")
		cleared := sent()
		r.poll(`m{i="1"} 50`, `m{i="2"} 1`, "n 40")
		r.poll(`m{i="2"} 1`, "n 40")
		if gone := sent(); raised != test.raised || cleared != test.cleared || gone != test.gone {
			t.Errorf("%s: %q, %q, %q", test.rule, raised, cleared, gone)
		}
	}
}

// The severity may depend on the value, and on the rule file: the alert goes on, and is one alarm.
func TestSeveritiesChange(t *testing.T) {
	r := start(t, `{alert: A, expr: m > 40, for: 1m, labels: {severity: '{{ if gt $value 80.0 }}critical{{ else }}minor{{ end }}', team: net}}, {alert: B, expr: 'ALERTS{alertname="A",alertstate="firing",severity="critical"}'}`)
	want := func(when, events string) {
		t.Helper()
		var list []string
		waiting, err := r.outbox.Waiting()
		r.must(err)
		for _, e := range waiting[0].Events[r.taken:] {
			list = append(list, fmt.Sprintf("%s %s %s", e.Kind, e.Alarm.Rule, e.Alarm.Severity))
		}
		r.taken = len(waiting[0].Events)
		if got := strings.Join(list, ", "); got != events {
			t.Errorf("%s: %q, want %q", when, got, events)
		}
	}
	r.poll("m 50")
	r.poll("m 90")
	want("pending", "")
	r.poll("m 50")
	want("after a minute", "raise A minor")
	r.poll("m 90")
	r.poll("m 90")
	want("worse", "change A critical, raise B critical")
	if got := r.e.statuses()["g/A"].alerts[0].Labels.String(); got != `{alertname="A", severity="critical", target="sw1", team="net"}` {
		t.Error(got)
	}
	r.restart(pollTime)
	r.poll("m 90")
	want("after a restart", "")
	severities := []string{"major", "minor", "warning"}
	for i := range 52 {
		severity := severities[i%len(severities)]
		r.use(`{alert: A, expr: m > 40, for: 1m, labels: {severity: ` + severity + `, team: net}}`)
		r.configure()
		r.poll("m 90")
		if i == 0 {
			want("by another rule", "clear B critical, change A major")
		} else {
			want("by another rule", "change A "+severity)
		}
	}
	r.poll("m 1")
	want("over", "clear A "+severities[51%len(severities)])
	if ids := map[string]bool{}; true {
		waiting, err := r.outbox.Waiting()
		r.must(err)
		for _, e := range waiting[0].Events {
			if e.Alarm.Rule == "A" {
				ids[e.Alarm.ID] = true
			}
		}
		if len(ids) != 1 {
			t.Errorf("one alarm has the IDs %v", ids)
		}
	}
}

// Alarms that are refused are raised once there is room; ends are taken meanwhile.
func TestRefusedAlarmsAreRaisedLater(t *testing.T) {
	r := start(t, `{alert: A, expr: m > 40}`)
	r.most = 2
	r.restart(pollTime)
	r.poll(`m{i="1"} 50`, `m{i="2"} 50`, `m{i="3"} 1`)
	if got := r.take(); len(got) != len("raise A i=1, raise A i=2") {
		t.Error(got)
	}
	r.poll(`m{i="1"} 50`, `m{i="2"} 50`, `m{i="3"} 50`)
	r.want("a third", "")
	r.poll(`m{i="1"} 1`, `m{i="2"} 50`, `m{i="3"} 50`)
	r.poll(`m{i="1"} 1`, `m{i="2"} 50`, `m{i="3"} 50`)
	r.want("one has ended", "clear A i=1, raise A i=3")
}

// Annotations are expanded again if a queried sample or the rule changes, though value and labels stay the same.
func TestAnnotationsFollow(t *testing.T) {
	rule := func(summary string) string {
		return `{alert: Hot, expr: temperature > 40, annotations: {summary: '` + summary + `'}}`
	}
	r := start(t, rule(`fan {{ with query "fan" }}{{ . | first | value }}{{ end }}`))
	want := func(summary string) {
		t.Helper()
		if got := r.e.statuses()["g/Hot"].alerts[0].Annotations.Get("summary"); got != summary {
			t.Errorf("got %q, want %q", got, summary)
		}
	}
	r.poll("temperature 50", "fan 1")
	want("fan 1")
	r.poll("temperature 50", "fan 2")
	want("fan 2")
	r.use(rule("at {{ $value }}"))
	r.configure()
	r.poll("temperature 50", "fan 2")
	want("at 50")
	r.restart(pollTime)
	r.use(rule("still at {{ $value }}"))
	r.configure()
	r.poll("temperature 50", "fan 2")
	want("still at 50")
}

// A notification has the value of the object as the agent sent it, without scaling.
func TestObjectsAreNotScaled(t *testing.T) {
	for _, c := range []struct {
		desc series.Desc
		raw  float64
		want string // empty for nothing
	}{
		{series.Desc{}, 21.5, "21.5"},
		{series.Desc{Scale: 0.1}, 215, "215"},
		{series.Desc{Scale: 0.001}, 123457, "123457"},
		{series.Desc{Scale: -2, Offset: 10}, 0, "0"},
		{series.Desc{Offset: -273.15}, 300, "300"},
		{series.Desc{Scale: 2}, 2.5, ""},   // no integer
		{series.Desc{Offset: 1e20}, 7, ""}, // which is lost
		{series.Desc{Derived: true}, 1, ""},
	} {
		v := c.raw * cmp.Or(c.desc.Scale, 1)
		v += c.desc.Offset
		column := &series.Column{Desc: &c.desc, Table: &series.Table{Ends: []uint32{0}}, Values: []float64{v}}
		if got, _ := tables.TextIn(column, 0); got != c.want {
			t.Errorf("%+v of %v: %q, want %q", c.desc, c.raw, got, c.want)
		}
	}
}

func TestConditions(t *testing.T) {
	for expr, want := range map[string][2]string{
		`a > 5`:                           {"a", "> 5"},
		`rate(a[5m]) * 8 / b >= bool 0.9`: {"a", ">= 0.9"},
		`5 < a`:                           {"a", "< a"},
		`a and b`:                         {"a", ""},
		`absent(a)`:                       {"a", ""},
		`{x="1"} > 5`:                     {"", "> 5"},
		`a > on (target) group_left () max_over_time(a_long_name{with="labels"}[1h] offset 1d) * 10000`: {"a", "> ..."},
	} {
		e, err := expression.Parser.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if metric, text := expression.Condition(e); metric != want[0] || text != want[1] {
			t.Errorf("%s: %q %q, want %q", expr, metric, text, want)
		}
	}
}

// The text of an alarm that was raised earlier has the present value after a start too: changes of values alone are not stored.
func TestTextsHaveThePresentValue(t *testing.T) {
	r := start(t, `{alert: Hot, expr: temperature > 30, annotations: {summary: "{{ $value }} degrees"}}`)
	want := func(when, text string) {
		t.Helper()
		waiting, err := r.outbox.Waiting()
		if a := r.outbox.Active()[0]; err != nil || a.Summary != text || len(waiting) != 1 {
			t.Errorf("%s: %v, %q, %d notifications, want %q and 1", when, err, a.Summary, len(waiting), text)
		}
	}
	r.poll("temperature 40")
	want("raised", "40 degrees")
	r.poll("temperature 50")
	want("another value", "50 degrees")
	for range 2 {
		r.restart(time.Minute)
		r.poll("temperature 50")
		want("after a start", "50 degrees")
	}
}
