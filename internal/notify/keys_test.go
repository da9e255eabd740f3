package notify

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/setting"
)

func byNotification(a *Alarm) (string, bool) { return a.Notification + a.ID, false }

func named(id, notification string) Transition {
	return Transition{Active: true, Alarm: Alarm{ID: id, Severity: Major, Summary: "summary", Notification: notification}}
}

// Where an alarm goes on under another notification, its raise is confirmed before the clear of the old one is sent:
// whatever is lost, and over a restart.
func TestTheNewRaiseGoesBeforeTheOldClear(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			dir, l := t.TempDir(), &listener{}
			route := l.route("nms")
			route.Key = byNotification
			r := run(t, dir, route)
			defer func() { r.stop() }()
			apply := func(tr Transition) {
				t.Helper()
				if err := r.Apply([]Transition{tr}, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			apply(named("a", "x"))
			settle(time.Minute)
			r.expect(l, "raise a")
			l.set(errNobody, 0)
			apply(named("a", "y"))
			settle(time.Minute)
			if restart {
				r.stop()
				r = run(t, dir, route)
				settle(time.Minute)
			}
			for _, e := range l.told()[1:] {
				if e.Kind != Raise || e.Alarm.Notification != "y" {
					t.Errorf("%s of %s is sent before it is known that the raise arrived", e.Kind, e.Alarm.Notification)
				}
			}
			l.set(nil, 0)
			settle(10 * time.Minute)
			r.expect(l, "raise a, clear a")
			told := l.told()
			if last := told[len(told)-1]; last.Alarm.Notification != "x" {
				t.Errorf("the clear is of %s", last.Alarm.Notification)
			}
			apply(Transition{Alarm: Alarm{ID: "a"}})
			settle(time.Minute)
			r.expect(l, "clear a")
		})
	}
}

// An alarm that is back under its first notification before anything of the second was sent has not changed.
func TestUnsentChangesOfTheKeyAreTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		route := l.route("nms")
		route.Key = byNotification
		r := run(t, t.TempDir(), route)
		defer r.stop()
		for _, id := range []string{"a", "b"} {
			if err := r.Apply([]Transition{named(id, "x")}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		settle(time.Minute)
		l.take()
		if err := r.Apply([]Transition{named("a", "y"), named("b", "y"), named("a", "x"), named("b", "z")}, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		r.expect(l, "raise b, raise b, clear b, clear b")
	})
}

// A reload that changes a receiver's format must send nothing: the receiver has the alarms under
// any key. Queued events must be sent before the clear.
func TestFormatsMayChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &listener{}
		shared := &Shared{Settings: &Settings{EnterpriseOID: setting.ParseOID(labEnterprise)}, Names: builtIn, Logger: slog.New(slog.DiscardHandler)}
		route := func(format string) *Route {
			r := l.route("nms")
			r.Key, r.Scheme = newKey(&ReceiverSettings{Type: "inform", Format: format, Fallback: "disman"}, shared)
			return r
		}
		r := run(t, dir, route("alarm"))
		defer func() { r.stop() }()
		for i := range 3 {
			a := Alarm{ID: fmt.Sprint(i), Rule: "Down", Target: "dev", Labels: map[string]string{"ifIndex": fmt.Sprint(i)}, Notification: "IF-MIB::linkDown", Severity: Major, Variable: fmt.Sprintf("1.3.6.1.2.1.2.2.1.8.%d", i)}
			if i == 2 {
				l.set(errNobody, 0)
			}
			if err := r.Apply([]Transition{{Alarm: a, Active: true}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(time.Minute)
		}
		l.take()
		for i, format := range []string{"disman", "template", "snmp-notifier", "alarm", "template"} {
			if i%2 == 0 {
				if err := r.SetRoutes([]*Route{route(format)}, time.Now()); err != nil {
					t.Fatal(err)
				}
			} else {
				r.stop()
				r = run(t, dir, route(format))
			}
			settle(time.Second)
		}
		if err := r.Apply([]Transition{{Alarm: Alarm{ID: "0"}}, {Alarm: Alarm{ID: "2"}}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		before := len(l.told())
		settle(time.Minute)
		l.set(nil, 0)
		settle(10 * time.Minute)
		var got []string
		for _, e := range l.told()[before:] {
			text := string(e.Kind) + " " + e.Alarm.Labels["ifIndex"]
			if len(got) == 0 || got[len(got)-1] != text {
				got = append(got, text)
			}
		}
		kinds := map[string]int{}
		for i, text := range got {
			kinds[text] = i + 1
		}
		if kinds["clear 0"] == 0 || kinds["raise 2"] == 0 || kinds["clear 2"] < kinds["raise 2"] || kinds["raise 0"]+kinds["raise 1"]+kinds["clear 1"] > 0 {
			t.Errorf("sent %v", got)
		}
	})
}

// Labels that are ignored, and the severity, do not distinguish alarms: each alert is a condition of one alarm, which is
// over with the last of them and shows the worst.
func TestIgnoredLabelsDistinguishNoAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		r := runWith(t, t.TempDir(), OutboxOptions{Ignored: []string{"replica"}}, l.route("nms"))
		defer r.stop()
		alert := func(replica, severity string, active bool) {
			t.Helper()
			a, err := AlarmOf("", map[string]string{"alertname": "A", "target": "dev", "replica": replica, "severity": severity}, nil)
			if err == nil {
				err = r.Apply([]Transition{{Alarm: a, Active: active}}, time.Now())
			}
			if err != nil {
				t.Fatal(err)
			}
			settle(time.Minute)
		}
		alert("1", "minor", true)
		alert("2", "minor", true)
		alert("2", "critical", true)
		alert("1", "minor", false)
		if a := r.Active(); len(a) != 1 || a[0].Severity != Critical || len(r.Conditions()) != 2 {
			t.Errorf("%+v", a)
		}
		alert("2", "critical", false)
		alert("2", "minor", false)
		if got := kindsOf(l); got != "change change clear raise" || len(r.Active()) != 0 {
			t.Errorf("sent %s", got)
		}
	})
}
