package outbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

func TestAlarmsAreSentOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := run(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		r.say("+a", "+a", "-b")
		settle(3 * time.Second)
		r.expect(l, "raise a")
		r.say("+a", "a!", "-a", "-a")
		settle(3 * time.Second)
		r.expect(l, "clear a") // the change was superseded
		r.say("+a")
		settle(3 * time.Second)
		r.say("a!")
		settle(3 * time.Second)
		r.say("-a")
		settle(3 * time.Second)
		r.expect(l, "raise a, change a, clear a")
		ids := map[string]bool{}
		for _, e := range l.Received() {
			ids[e.ID] = true
		}
		if len(ids) != 5 || len(r.outbox.Active()) != 0 {
			t.Errorf("5 events have the IDs %v, active are %v", ids, r.outbox.Active())
		}
	})
}

func TestUnsentAlarmsAreNotCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Delay: time.Minute}
		route := l.Route("nms")
		route.Window = 1
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+first")
		synctest.Wait()
		r.say("+a", "-a", "+b", "b!", "-b", "+c", "-c", "+c", "-first", "+first", "-first")
		settle(time.Hour)
		r.expect(l, "raise first, raise c, clear first")
	})
}

func TestEveryTransitionWhereThatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Delay: time.Minute}
		route := l.Route("nms")
		route.EveryTransition = true
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+a", "a!", "a!", "-a", "+a")
		settle(time.Hour)
		r.expect(l, "raise a, change a, change a, clear a, raise a")
	})
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		route := l.Route("nms")
		route.MaxAge = time.Hour
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+late")
		settle(time.Hour - 10*time.Minute)
		r.say("+new")
		settle(30 * time.Minute)
		l.Set(&originator.Error{Reason: access.ErrorStatus, Err: errors.New("tooBig")}, 0)
		settle(10 * time.Minute)
		l.Set(nil, 0)
		r.say("-late")
		settle(10 * time.Minute)
		r.expect(l, "clear late")
		dead, err := r.outbox.DeadLetters("nms")
		if err != nil || len(dead) != 3 || dead[0].Alarm.ID != "late" || dead[0].Why != errExpired.Error() ||
			dead[1].Alarm.ID != "new" || !strings.Contains(dead[1].Why, "tooBig") ||
			dead[2].ID != dead[0].ID || !strings.Contains(dead[2].Why, "tooBig") { // it was sent again once the receiver answered
			t.Errorf("%+v, %v", dead, err)
		}
		if err := r.outbox.Retry("nms", time.Now()); err != nil {
			t.Error(err)
		}
		settle(10 * time.Minute)
		r.expect(l, "raise new")
		if dead, err := r.outbox.DeadLetters("nms"); err != nil || len(dead) > 0 {
			t.Errorf("%+v, %v", dead, err)
		}
	})
}

func TestFlappingAlarmsKeepTheirDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := run(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		for range 100 {
			r.say("+a")
			settle(100 * time.Millisecond)
			r.say("-a")
			settle(100 * time.Millisecond)
		}
		settle(10 * time.Second)
		heard := l.Take()
		if n := strings.Count(heard, "a"); n > 2*2*11 || !strings.HasSuffix(heard, "clear a") {
			t.Errorf("%d notifications in 20 s: %s", n, heard)
		}
		events := l.Received()
		for i := range events[1:] {
			if events[i].Kind == events[i+1].Kind {
				t.Errorf("%s follows %s", events[i+1].ID, events[i].ID)
			}
		}
	})
}

func TestLeasesRepetitionsAndHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		route := l.Route("nms")
		route.RepeatInterval, route.Heartbeat = time.Hour, 90*time.Minute
		r := run(t, t.TempDir(), route)
		defer r.stop()
		settle(2 * time.Second)
		r.expect(l, "heartbeat")
		leased := Transition{Alarm: alarm.Alarm{ID: "a"}, Active: true, Lease: time.Now().Add(4*time.Hour - time.Minute)}
		if err := r.outbox.Apply([]Transition{leased}, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(5 * time.Hour)
		r.expect(l, "raise a, raise a repeat 1, heartbeat, raise a repeat 2, heartbeat, raise a repeat 3, clear a, heartbeat")
		if e := l.Received(); e[1].ID != e[2].ID || e[3].Active != 1 || e[8].Active != 0 {
			t.Errorf("%+v", e)
		}
	})
}

// A trap is sent several times where that is wanted, other alarms' meanwhile, and the next one of its alarm
// behind it. A crash in between begins anew.
func TestTrapsAreSentSeveralTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{}
		route := l.Route("nms")
		route.Times, route.TimesApart = 3, 10*time.Second
		r := run(t, dir, route)
		r.say("+a", "+b")
		settle(time.Second)
		r.expectAny(l, "raise a", "raise b")
		r.say("-a")
		settle(time.Hour)
		heard := l.Take()
		if a := slices.DeleteFunc(strings.Split(heard, ", "), func(e string) bool { return e == "raise b" }); strings.Join(a, ", ") != "raise a, raise a, clear a, clear a, clear a" || strings.Count(heard, "raise b") != 2 {
			t.Errorf("heard %s", heard)
		}
		ids := map[string]bool{}
		for _, e := range l.Received() {
			ids[e.ID] = true
		}
		if len(ids) != 3 {
			t.Errorf("3 events have the IDs %v", ids)
		}
		r.say("-b")
		settle(15 * time.Second)
		r.expect(l, "clear b, clear b")
		r.stop()
		r = run(t, dir, route)
		defer r.stop()
		settle(time.Hour)
		r.expect(l, "clear b, clear b, clear b")
	})
}

// On shutdown the outbox must send as much as possible within its time limit; the next process must
// send the rest.
func TestShutdownSendsQueuedEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		ready, slow, down := &outboxtest.Receiver{Delay: time.Second}, &outboxtest.Receiver{Delay: time.Hour}, &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		one := ready.Route("ready")
		one.Window = 1
		routes := []*queue.Route{one, slow.Route("slow"), down.Route("down")}
		r := run(t, dir, routes...)
		r.say("+a", "+b", "+c")
		synctest.Wait()
		begin := time.Now()
		r.stop()
		if took := time.Since(begin); took != drainTime {
			t.Errorf("the end took %s", took)
		}
		r.expectAny(ready, "raise a", "raise b", "raise c")
		slow.Set(nil, 0)
		down.Set(nil, 0)
		r = run(t, dir, routes...)
		settle(time.Minute)
		for _, l := range []*outboxtest.Receiver{slow, down} {
			r.expectAny(l, "raise a", "raise b", "raise c")
		}
		r.expect(ready, "")
		begin = time.Now()
		r.stop()
		if took := time.Since(begin); took != 0 {
			t.Errorf("the end took %s, with nothing to tell", took)
		}
	})
}

func TestRoutesFilterAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, bad := &outboxtest.Receiver{}, &outboxtest.Receiver{}
		only := bad.Route("critical")
		only.Matches = func(a *alarm.Alarm) bool { return a.Severity.AtLeast(alarm.Critical) }
		r := run(t, t.TempDir(), all.Route("all"), only)
		defer r.stop()
		for _, s := range []alarm.Severity{alarm.Minor, alarm.Critical, alarm.Minor, alarm.Cleared} {
			tr := Transition{Alarm: alarm.Alarm{ID: "a", Severity: s}, Active: s != alarm.Cleared}
			if err := r.outbox.Apply([]Transition{tr}, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(5 * time.Second)
		}
		r.expect(all, "raise a, change a, change a, clear a")
		r.expect(bad, "raise a, change a, clear a")
	})
}

// An alarm that is over for another reason than its condition says so.
func TestEndsHaveAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := run(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		r.say("+a")
		settle(5 * time.Second)
		if err := r.outbox.Apply([]Transition{{Alarm: alarm.Alarm{ID: "a", Reason: "rule removed"}}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(5 * time.Second)
		received := l.Received()
		if e := received[len(received)-1]; e.Kind != alarm.Clear || e.Alarm.Text() != "over: summary (rule removed)" {
			t.Errorf("%+v", e)
		}
	})
}

// The next process must send unacknowledged events with the same event ID; new receivers must be
// sent the active alarms.
func TestOutboxOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := &outboxtest.Receiver{}
		r := run(t, dir, l.Route("nms"))
		r.say("+a", "+b")
		settle(3 * time.Second)
		r.expectAny(l, "raise a", "raise b")
		l.Set(outboxtest.ErrTimeout, 0)
		r.say("-a", "+c")
		settle(time.Minute)
		r.stop()
		before := l.Received()
		l.Set(nil, 0)
		added := &outboxtest.Receiver{}
		second := added.Route("second")
		second.Resyncs = true
		r = run(t, dir, l.Route("nms"), second)
		defer r.stop()
		settle(time.Minute)
		r.expectAny(l, "clear a", "raise c")
		r.expectAny(added, "raise b", "raise c", "resync")
		for _, e := range l.Received()[len(before):] {
			if !slices.ContainsFunc(before, func(b outboxtest.Delivery) bool { return b.ID == e.ID && b.Kind == e.Kind && b.Alarm.ID == e.Alarm.ID }) {
				t.Errorf("%+v was not sent before", e)
			}
		}
		var ids []string
		for _, a := range r.outbox.Active() {
			ids = append(ids, a.ID)
		}
		if strings.Join(ids, " ") != "b c" {
			t.Errorf("active are %v", ids)
		}
	})
}

// A raise that the last process may have sent is followed by its clear.
func TestWhatMayHaveBeenSeenIsCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		r := run(t, dir, l.Route("nms"))
		r.say("+first", "+a")
		settle(time.Second)
		r.stop()
		route := l.Route("nms")
		route.Window = 1
		r = run(t, dir, route)
		defer r.stop()
		r.say("-a")
		l.Set(nil, 0)
		settle(time.Hour)
		r.expectAny(l, "raise first", "raise a", "clear a")
	})
}

func TestDeliveriesOfOneAlarmDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Delay: 10 * time.Second}
		r := run(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		begin := time.Now()
		for range 4 {
			for i := range 16 {
				r.say(fmt.Sprintf("%d!", i))
			}
			settle(11 * time.Second)
		}
		settle(time.Minute)
		if l.Overlapped() || len(l.Received()) != 4*16 || time.Since(begin) > 2*time.Minute {
			t.Errorf("%d deliveries, overlap %v", len(l.Received()), l.Overlapped())
		}
	})
}
