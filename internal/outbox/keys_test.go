package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
)

func byNotification(a *alarm.Alarm) (string, bool) { return a.Notification + a.ID, false }

func named(id, notification string) Transition {
	return Transition{Active: true, Alarm: alarm.Alarm{ID: id, Severity: alarm.Major, Summary: "summary", Notification: notification}}
}

// Where an alarm goes on under another notification, its raise is confirmed before the clear of the old one is sent:
// whatever is lost, and over a restart.
func TestTheNewRaiseGoesBeforeTheOldClear(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			dir, l := t.TempDir(), &outboxtest.Receiver{}
			route := l.Route("nms")
			route.Key = byNotification
			r := run(t, dir, route)
			defer func() { r.stop() }()
			apply := func(tr Transition) {
				t.Helper()
				if err := r.outbox.Apply([]Transition{tr}, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			apply(named("a", "x"))
			settle(time.Minute)
			r.expect(l, "raise a")
			l.Set(outboxtest.ErrTimeout, 0)
			apply(named("a", "y"))
			settle(time.Minute)
			if restart {
				r.stop()
				r = run(t, dir, route)
				settle(time.Minute)
			}
			for _, e := range l.Received()[1:] {
				if e.Kind != alarm.Raise || e.Alarm.Notification != "y" {
					t.Errorf("%s of %s is sent before it is known that the raise arrived", e.Kind, e.Alarm.Notification)
				}
			}
			l.Set(nil, 0)
			settle(10 * time.Minute)
			r.expect(l, "raise a, clear a")
			received := l.Received()
			if last := received[len(received)-1]; last.Alarm.Notification != "x" {
				t.Errorf("the clear is of %s", last.Alarm.Notification)
			}
			apply(Transition{Alarm: alarm.Alarm{ID: "a"}})
			settle(time.Minute)
			r.expect(l, "clear a")
		})
	}
}

// An alarm that is back under its first notification before anything of the second was sent has not changed.
func TestUnsentChangesOfTheKeyAreTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		route := l.Route("nms")
		route.Key = byNotification
		r := run(t, t.TempDir(), route)
		defer r.stop()
		for _, id := range []string{"a", "b"} {
			if err := r.outbox.Apply([]Transition{named(id, "x")}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		settle(time.Minute)
		l.Take()
		if err := r.outbox.Apply([]Transition{named("a", "y"), named("b", "y"), named("a", "x"), named("b", "z")}, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		r.expectAny(l, "raise b", "raise b", "clear b", "clear b")
	})
}

// Labels that are ignored, and the severity, do not distinguish alarms: each alert is a condition of one alarm, which is
// over with the last of them and shows the worst.
func TestIgnoredLabelsDistinguishNoAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := runWith(t, t.TempDir(), Options{Ignored: []string{"replica"}}, l.Route("nms"))
		defer r.stop()
		alert := func(replica, severity string, active bool) {
			t.Helper()
			labels := map[string]string{"alertname": "A", "target": "dev", "replica": replica, "severity": severity}
			a := alarm.Alarm{ID: alarm.ID("", "A", "dev", labels), Rule: "A", Target: "dev", Labels: labels, Severity: alarm.ParseSeverity(severity)}
			if err := r.outbox.Apply([]Transition{{Alarm: a, Active: active}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(time.Minute)
		}
		alert("1", "minor", true)
		alert("2", "minor", true)
		alert("2", "critical", true)
		alert("1", "minor", false)
		if a := r.outbox.Active(); len(a) != 1 || a[0].Severity != alarm.Critical || len(r.outbox.Conditions()) != 2 {
			t.Errorf("%+v", a)
		}
		alert("2", "critical", false)
		alert("2", "minor", false)
		if got := l.Kinds(); got != "change change clear raise" || len(r.outbox.Active()) != 0 {
			t.Errorf("sent %s", got)
		}
	})
}
