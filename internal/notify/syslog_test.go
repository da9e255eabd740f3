package notify

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
)

// snmptrapd must print the name of the severity and the summary, with every version of SNMP.
func TestSnmptrapdShowsSeverityAndText(t *testing.T) {
	state := openDir(t, t.TempDir())
	options := peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", state.Identity.ID), Modules: "DISMAN-EVENT-MIB:SYSLOG-MSG-MIB:IF-MIB:SNMP-COMMUNITY-MIB"}
	d := peers.StartSnmptrapd(t, options)
	raise := &alarm.Event{Kind: alarm.Raise, At: noon, Alarm: portAlarm()}
	raise.Alarm.Labels = map[string]string{"ifIndex": "17", "ifName": "Gi0/1"}
	over := raise.Alarm.Over(&alarm.Alarm{ClearSummary: "Gi0/1 is up again"})
	end := &alarm.Event{Kind: alarm.Clear, At: noon.Add(4 * time.Second), Alarm: over}
	end.Alarm.RaisedAt = noon
	users := peers.UsualUsers()
	user := users[slices.IndexFunc(users, func(u peers.User) bool { return u.Priv != "" })]
	const index = "168430090"
	for _, test := range []struct {
		auth access.Auth
		kind string
	}{{receivertest.Community(1), "trap"}, {receivertest.Community(2), "trap"}, {receivertest.Community(2), "inform"}, {receivertest.Credentials(user), "trap"}, {receivertest.Credentials(user), "inform"}} {
		route, _ := testRoute(t, ReceiverSettings{Type: test.kind, Format: "disman", Address: d.Address}, test.auth, state.Identity)
		for _, e := range []*alarm.Event{raise, end} {
			before := len(d.Received())
			if _, err := route.Deliver(t.Context(), e, 1); err != nil {
				t.Fatal(err)
			}
			severity, word, text, trigger := "crit(2)", "major", "Gi0/1 is down", "Rising"
			if e.Kind == alarm.Clear {
				severity, word, text, trigger = "notice(5)", "cleared", "Gi0/1 is up again after 4 s", "Falling"
			}
			want := fmt.Sprintf(`|~|syslogMsgSeverity.%[1]s = INTEGER: %[2]s|~|syslogMsgHostName.%[1]s = STRING: core-1|~|`+
				`syslogMsgMsgID.%[1]s = STRING: PortDown|~|syslogMsgMsg.%[1]s = STRING: "%[3]s"|~|sysName.0 = STRING: core-1|~|`+
				`mteTriggerComment."".'PortDown' = STRING: %[4]s: %[3]s|~|ifName.17 = STRING: Gi0/1|~|snmpTrapAddress.0 = IpAddress: 192.0.2.1`, index, severity, text, word)
			got := d.AwaitReceived(t, before+1)[before]
			if !strings.HasSuffix(got, want) || e.Kind == alarm.Raise && test.auth.Version > 1 && !strings.Contains(got, "mteTrigger"+trigger) {
				t.Errorf("version %d, %s is\n%s\nwant … %s", test.auth.Version, e.Kind, got, want)
			}
		}
	}
}

// A raise and its clear have the same objects in the same order and with the same index, whatever the alarm is like.
func TestSyslogObjectsOfRaiseAndClearAreTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	f := dismanFormat(nil, false)
	for range 2000 {
		a := alarm.Alarm{ID: alarm.ID("", "rule", fmt.Sprint(random.Uint64()), nil), Rule: strings.Repeat("rü", random.IntN(40)), Severity: alarm.Severity(1 + random.IntN(6)), Summary: "it is hot", RaisedAt: noon}
		raise, clear := f(&alarm.Event{Kind: alarm.Raise, At: noon, Alarm: a}, maxMessageSize), f(&alarm.Event{Kind: alarm.Clear, At: noon.Add(time.Hour), Alarm: a.Over(&alarm.Alarm{})}, maxMessageSize)
		if len(raise.notification.VarBinds) != len(clear.notification.VarBinds) || raise.objects != clear.objects {
			t.Fatalf("%d and %d objects", len(raise.notification.VarBinds), len(clear.notification.VarBinds))
		}
		for i := range raise.notification.VarBinds {
			if raise.notification.VarBinds[i].Name.Compare(clear.notification.VarBinds[i].Name) != 0 || raise.notification.VarBinds[i].Type != clear.notification.VarBinds[i].Type {
				t.Fatalf("object %d is %s in the raise, %s in the clear", i, raise.notification.VarBinds[i].Name, clear.notification.VarBinds[i].Name)
			}
		}
		if n := syslogIndex(a.ID); n == 0 || n > 1<<31-1 {
			t.Fatalf("index %d", n)
		}
	}
}

// A clear has how long the alarm was active, in at most two units.
func TestTextOfAClearHasTheDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1 s", 4200 * time.Millisecond: "4 s", 59900 * time.Millisecond: "59 s", time.Minute: "1 min", 252 * time.Second: "4 min 12 s",
		2 * time.Hour: "2 h", 26 * time.Hour: "1 d 2 h", 61 * time.Minute: "1 h 1 min",
	} {
		e := alarm.Event{Kind: alarm.Clear, At: noon.Add(d), Alarm: alarm.Alarm{Summary: "up", RaisedAt: noon}}
		if got := eventText(&e); got != "up after "+want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
