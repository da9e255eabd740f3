package notify

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// The clear of a deleted row must not repeat the values of the raise: an interface that does not
// exist is notPresent, and other objects are noSuchInstance. The clear's settings in the rule must
// be sent.
func TestClearsOfRowsThatAreGone(t *testing.T) {
	a, err := AlarmOf("", map[string]string{"alertname": "A", "ifIndex": "3", "target": "sw1"}, map[string]string{
		"trap_notification": "IF-MIB::linkDown", "trap_variable": "IF-MIB::ifOperStatus.3", "value": "2",
		"trap_varbinds": "ifAdminStatus = up\nifOperStatus = down\nifAlias = uplink\nsysContact.0 = me", "trap_clear_varbinds": "ifLastChange = 7",
	})
	if err != nil {
		t.Fatal(err)
	}
	show := func(a alarm.Alarm) string {
		d := templateFormat(builtIn, dismanFormat(builtIn, true))(&alarm.Event{Kind: alarm.Clear, At: noon, Alarm: a}, maxMessageSize)
		var list []string
		for _, v := range d.notification.VarBinds {
			text := v.Name.String() + "="
			if n, err := v.Int(); err == nil && v.Type == snmp.Integer {
				text += string('0' + rune(n))
			} else {
				text += v.Type.String()
			}
			list = append(list, text)
		}
		if len(d.faults) > 0 || d.notification.Trap.String() != "1.3.6.1.6.3.1.1.5.4" {
			t.Errorf("%s, faults %v", d.notification.Trap, d.faults)
		}
		return strings.Join(list, " ")
	}
	const ports = "1.3.6.1.2.1.2.2.1."
	over := a.Over(&alarm.Alarm{Value: "1", VarBinds: append([]alarm.Binding{{Name: ports + "8.3", Value: "1"}}, a.VarBinds...)})
	if got, want := show(over), ports+"1.3=3 "+ports+"7.3=1 "+ports+"8.3=1 "+ports+"9.3=TimeTicks 1.3.6.1.2.1.31.1.1.1.18.3=OCTET STRING 1.3.6.1.2.1.1.4.0=OCTET STRING"; got != want {
		t.Errorf("up again: %s\nwant %s", got, want)
	}
	gone := a.Over(&alarm.Alarm{Gone: true, Reason: "the row is gone"})
	if got, want := show(gone), ports+"1.3=3 "+ports+"7.3=noSuchInstance "+ports+"8.3=6 "+ports+"9.3=TimeTicks 1.3.6.1.2.1.1.4.0=OCTET STRING"; got != want {
		t.Errorf("gone: %s\nwant %s", got, want)
	}
	a.Rule, gone.Value = "Hot", ""
	if v := disman(&alarm.Event{Kind: alarm.Clear, Alarm: gone}, builtIn).notification.VarBinds[4]; !slices.Equal(v.Value, []byte{0}) {
		t.Errorf("mteHotValue of a row that is gone: % x", v.Value)
	}
}

// The text of a clear must be the one in the rule, or report that the alarm is over.
func TestTheTextOfClears(t *testing.T) {
	for _, test := range []struct {
		raised, ended alarm.Alarm
		want          string
	}{
		{alarm.Alarm{Summary: "hot"}, alarm.Alarm{}, "over: hot"},
		{alarm.Alarm{Summary: "hot"}, alarm.Alarm{Summary: "hot at 90"}, "over: hot at 90"},
		{alarm.Alarm{Summary: "hot", ClearSummary: "cool"}, alarm.Alarm{Summary: "hot"}, "cool"},
		{alarm.Alarm{Summary: "hot"}, alarm.Alarm{ClearSummary: "at 20"}, "at 20"},
		{alarm.Alarm{Summary: "hot"}, alarm.Alarm{Summary: "over: hot"}, "over: hot"}, // as another Trapline says it
		{alarm.Alarm{Summary: "hot"}, alarm.Alarm{Reason: "the rule is gone"}, "over: hot (the rule is gone)"},
	} {
		over := test.raised.Over(&test.ended)
		if got := over.Text(); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		r.say("+a")
		rest(5 * time.Second)
		if err := r.outbox.Apply([]outbox.Transition{{Alarm: alarm.Alarm{ID: "a", Value: "20"}}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		rest(5 * time.Second)
		received := l.Received()
		if e := received[len(received)-1]; e.Kind != alarm.Clear || e.Alarm.Value != "20" || e.Alarm.Summary != "over: summary" {
			t.Errorf("%+v", e)
		}
	})
}

// The description reaches the format alarm, behind the objects that all notifications have, and webhooks.
func TestDescriptionsAreSent(t *testing.T) {
	format := alarmFormat(setting.ParseOID(labEnterprise).OID, builtIn)
	a := portAlarm()
	plain := format(&alarm.Event{ID: "e", Kind: alarm.Raise, At: noon, Alarm: a}, maxMessageSize)
	a.Description = "first line\nsecond line"
	described := format(&alarm.Event{ID: "e", Kind: alarm.Raise, At: noon, Alarm: a}, maxMessageSize)
	v := described.notification.VarBinds[18]
	if len(described.notification.VarBinds) != len(plain.notification.VarBinds)+1 || v.Name.String() != labEnterprise+".1.1.22.0" || string(v.Value) != "first line second line" {
		t.Errorf("%s = %q of %d", v.Name, v.Value, len(described.notification.VarBinds))
	}
	short := compactFormat(setting.ParseOID(labEnterprise).OID, builtIn)(&alarm.Event{ID: "e", Kind: alarm.Raise, At: noon, Alarm: a}, maxMessageSize)
	if len(short.notification.VarBinds) != 10 {
		t.Errorf("%d variable bindings in the compact profile", len(short.notification.VarBinds))
	}
	if text := webhookOf("hook", &alarm.Event{Kind: alarm.Raise, Alarm: a}).CommonAnnotations["description"]; text != a.Description {
		t.Errorf("a webhook says %q", text)
	}
}

// mteHotValue is the value of the object at mteHotOID, not that of the measure which was made of it.
func TestHotValueIsThatOfTheObject(t *testing.T) {
	const battery = "1.3.6.1.2.1.33.1.2.5.0"
	for _, test := range []struct {
		bindings []alarm.Binding
		want     string
	}{
		{nil, "0.95"},
		{[]alarm.Binding{{Name: battery, Value: "95"}}, "95"},
		{[]alarm.Binding{{Name: "1.3.6.1.2.1.1.3.0", Value: "7"}, {Name: battery, Value: "low"}}, "0.95"},
	} {
		if got := hotValue(&alarm.Alarm{Variable: battery, Value: "0.95", VarBinds: test.bindings}); got != test.want {
			t.Errorf("%v: got %s, want %s", test.bindings, got, test.want)
		}
	}
}
