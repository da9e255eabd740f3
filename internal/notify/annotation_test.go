package notify

import (
	"reflect"
	"slices"
	"testing"

	"trapline/internal/alarm"
)

func TestAlarmOfLabelsAndAnnotations(t *testing.T) {
	labels := map[string]string{"alertname": "PortDown", "instance": "192.0.2.1:161", "severity": "major", "ifIndex": "3"}
	a, err := AlarmOf("berlin", labels, map[string]string{
		"summary": "it is down", "description": "look there", "value": "2", "trap_variable": " ifOperStatus.3\n",
		"trap_notification": "IF-MIB::linkDown", "trap_clear_notification": "IF-MIB::linkUp",
		"trap_varbinds": "\n ifOperStatus.3 = down\n1.3.6.1.4.1.32473.9.0 counter64=18446744073709551615\n" +
			`x."a = b".1 STRING = "two\nlines"` + "\ny = \nz=a = b\n", "trap_clear_varbinds": "ifOperStatus = up",
		"trap_receivers": "nms-1, nms-2,", "trap_tags": "core",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := alarm.Alarm{
		ID: alarm.ID("berlin", "PortDown", "192.0.2.1:161", labels), Rule: "PortDown", Target: "192.0.2.1:161", Resource: "ifIndex=3", Severity: alarm.Major,
		Summary: "it is down", Description: "look there", Value: "2", Variable: "ifOperStatus.3", Labels: labels, Address: portAlarm().Address,
		Notification: "IF-MIB::linkDown", ClearNotification: "IF-MIB::linkUp", Receivers: []string{"nms-1", "nms-2"}, Tags: []string{"core"},
		VarBinds: []alarm.Binding{
			{Name: "ifOperStatus.3", Value: "down"}, {Name: "1.3.6.1.4.1.32473.9.0", Type: "counter64", Value: "18446744073709551615"},
			{Name: `x."a = b".1`, Type: "STRING", Value: "two\nlines"}, {Name: "y", Value: ""}, {Name: "z", Value: "a = b"},
		},
		ClearVarBinds: []alarm.Binding{{Name: "ifOperStatus", Value: "up"}},
	}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("%+v\nwant\n%+v", a, want)
	}
	again, err := AlarmOf("berlin", labels, annotationsOf(&a))
	if again.Receivers, again.Tags = a.Receivers, a.Tags; err != nil || !reflect.DeepEqual(again, a) {
		t.Errorf("%+v, %v; want\n%+v", again, err, a)
	}
}

// A mistake costs an alarm the line that it stands in.
func TestAlarmsOfAnnotationsThatAreWrong(t *testing.T) {
	if a, err := AlarmOf("", map[string]string{"severity": "major"}, nil); a.ID != "" || err == nil || err.Error() != "an alert without the label alertname: its labels are map[severity:major]" {
		t.Errorf("%+v, %v", a, err)
	}
	for line, want := range map[string]string{
		"ifDescr.1 up":           `trap_varbinds: "ifDescr.1 up" is no variable binding: write NAME[.INDEX] [TYPE] = VALUE`,
		"= 1":                    `trap_varbinds: "= 1" is no variable binding: write NAME[.INDEX] [TYPE] = VALUE`,
		`a."b = 1`:               `trap_varbinds: "a.\"b = 1" is no variable binding: write NAME[.INDEX] [TYPE] = VALUE`,
		"ifDescr.1 whatever = 1": `trap_varbinds: "ifDescr.1 whatever = 1": unknown type "whatever": use one of BITS, Counter32, Counter64, Double, Float, Gauge32, Hex-STRING, INTEGER, IpAddress, OID, STRING, TimeTicks`,
	} {
		a, err := AlarmOf("", map[string]string{"alertname": "A"}, map[string]string{"trap_varbinds": "a = 1\n" + line + "\nb = 2"})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", line, err, want)
		}
		if !slices.Equal(a.VarBinds, []alarm.Binding{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}) || a.Rule != "A" {
			t.Errorf("%s: %+v", line, a)
		}
	}
}
