package rules

import (
	"cmp"
	"reflect"
	"testing"

	"trapline/internal/notify"
	"trapline/internal/series"
	"trapline/mibs"
)

// An alarm says what it is about: the instance, the value, the condition, and what its annotations ask for,
// other columns of the row among them.
func TestAlarms(t *testing.T) {
	r := start(t, `{alert: Slow, expr: 'rate(in_total[1m]) > 90 and on (target, i) speed < 100', labels: {severity: minor}, annotations: {
summary: 'port {{ $labels.i }} of {{ $labels.target }} runs at {{ with query (printf "width{target=''%s'',i=''%s''}" $labels.target $labels.i) }}{{ . | first | value }}{{ end }}',
description: long, trap_tags: "core, edge", trap_receivers: nms, trap_varbinds: "ifAlias.1 = {{ $labels.i }}"}}`)
	for i := range 5 {
		r.poll(`in_total{i="1"} `+number(6000*i).String(), `speed{i="1"} 10`, `width{i="1"} 7`)
	}
	a := r.outbox.Active()[0]
	want := notify.Alarm{
		ID:   notify.AlarmID("", "Slow", "sw1", map[string]string{"alertname": "Slow", "i": "1", "target": "sw1"}), // whatever the severity
		Rule: "Slow", Target: "sw1", Address: a.Address, Resource: "i=1", Metric: "in_total", Variable: "1.3.6.1.4.1.32473.105.1", Value: "100", Condition: "> 90",
		Severity: notify.Minor, Summary: "port 1 of sw1 runs at 7", Description: "long", Labels: map[string]string{"alertname": "Slow", "i": "1", "severity": "minor", "target": "sw1"},
		RaisedAt: a.RaisedAt, Receivers: []string{"nms"}, Tags: []string{"core", "edge"}, VarBinds: []notify.Binding{{Name: "ifAlias.1", Value: "1"}},
	}
	if !reflect.DeepEqual(a, want) || a.Address.String() != "192.0.2.1" {
		t.Errorf("\n got %+v\nwant %+v", a, want)
	}
}

// What a pass says of the OBJECTS of a notification goes with its alarm, and what it says then with the clear.
func TestObjectsOfNotifications(t *testing.T) {
	r := start(t, `{alert: Down, expr: oper == 2, annotations: {trap_notification: "IF-MIB::linkDown", trap_varbinds: "ifAlias = x"}}`)
	tree := func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }
	r.e.Configure(Configuration{Set: r.set, Targets: r.targets, Names: tree})
	r.poll(`oper{ifIndex="7"} 2`, `ifAdminStatus{ifIndex="7"} 1`)
	r.poll(`oper{ifIndex="7"} 1`, `ifAdminStatus{ifIndex="7"} 2`)
	waiting, err := r.outbox.Waiting()
	r.must(err)
	var got [][]notify.Binding
	for _, e := range waiting[0].Events {
		got = append(got, e.Alarm.VarBinds)
	}
	const admin = "1.3.6.1.2.1.2.2.1.7.1"
	want := [][]notify.Binding{{{Name: "ifAlias", Value: "x"}, {Name: admin, Value: "1"}}, {{Name: "ifAlias", Value: "x"}, {Name: admin, Value: "2"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Annotations follow what they look at, and the rule that they are of, where value and labels stay the same.
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

// What is sent of an object is what the agent said, whatever the metric makes of it.
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
		if got, _ := textIn(column, 0); got != c.want {
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
		e, err := language.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if metric, text := condition(e); metric != want[0] || text != want[1] {
			t.Errorf("%s: %q %q, want %q", expr, metric, text, want)
		}
	}
}
