package rules

import (
	"slices"
	"testing"

	"trapline/internal/alarm"
)

// alarms returns those that receivers are sent, in the order of their rules and labels.
func (r *rig) alarms() (list []alarm.Alarm) {
	r.Helper()
	waiting, err := r.outbox.Waiting()
	r.must(err)
	for _, e := range waiting[0].Events {
		if e.Alarm.ID != "" {
			list = append(list, e.Alarm)
		}
	}
	return list
}

// An alarm about a measure has the instance and the value of the object that it was made of, not those of another object
// with the same measure.
func TestAlarmsAboutMeasuresHaveTheObject(t *testing.T) {
	for _, test := range []struct{ rule, variable, value string }{
		{`expr: hw_temperature_celsius > 40`, "1.3.6.1.4.1.32473.104.2", "415"},
		{`expr: 'hw_temperature_celsius > on (target, hw_id) group_left () hw_limit'`, "1.3.6.1.4.1.32473.104.2", "415"},
		{`expr: 'max by (target, hw_name) (hw_temperature_celsius) > 40'`, "1.3.6.1.4.1.32473.104.2", "415"},
		{`expr: avg by (target) (hw_temperature_celsius) > 0`, "", ""},
		{`expr: temperature > 40`, "1.3.6.1.4.1.32473.116.1", ""},
	} {
		r := start(t, `{alert: Hot, `+test.rule+`, annotations: {summary: 'of {{ $labels.__oid__ }}'}}`)
		r.poll(`hw_temperature_celsius{hw_id="a",hw_name="A"} 20`, `hw_temperature_celsius{hw_id="b",hw_name="B"} 41.5`,
			`hw_limit{hw_id="b",hw_name="B"} 40`, `heat{i="1"} 200`, `heat{i="2"} 415`, `temperature{i="1"} 50`)
		list := r.alarms()
		if len(list) != 1 {
			t.Errorf("%s: %d alarms", test.rule, len(list))
			continue
		}
		a := list[0]
		if a.Variable != test.variable || a.Summary != "of "+test.variable {
			t.Errorf("%s: the variable is %q, the summary %q", test.rule, a.Variable, a.Summary)
		}
		var want []alarm.Binding
		if test.value != "" {
			want = []alarm.Binding{{Name: test.variable, Value: test.value}}
		}
		if !slices.Equal(a.VarBinds, want) {
			t.Errorf("%s: bindings %v, want %v", test.rule, a.VarBinds, want)
		}
	}
}

// The OID that a rule names is the same after a restart, and so nothing is sent again.
func TestTheOIDOfAMeasureSurvivesARestart(t *testing.T) {
	r := start(t, `{alert: Hot, expr: hw_temperature_celsius > 40, annotations: {trap_variable: '{{ $labels.__oid__ }}'}}`)
	rows := []string{`hw_temperature_celsius{hw_id="a",hw_name="A"} 50`, `heat{i="1"} 500`}
	r.poll(rows...)
	r.want("hot", "raise Hot hw_id=a, hw_name=A")
	r.restart(pollTime)
	r.poll(rows...)
	r.want("after a restart", "")
}
