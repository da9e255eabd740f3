package outbox

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
)

// The latest state of every alarm must be sent, whatever was dropped, and the overflow must be
// reported.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Delay: time.Minute}
		route := l.Route("nms")
		route.Window, route.MaxEvents, route.Resyncs = 1, 4, true
		r := run(t, t.TempDir(), route)
		defer r.stop()
		settle(time.Hour)
		r.expect(l, "resync")
		r.say("+a", "+b", "+c")
		settle(time.Hour)
		r.expect(l, "raise a, raise b, raise c")
		r.say("+busy")
		synctest.Wait()
		for _, word := range []string{"a!", "b!", "c!", "-b", "+b", "-c", "+c", "+d", "+e"} {
			r.say(word)
		}
		settle(time.Hour)
		r.expect(l, "raise busy, resync dropped 5, raise d, raise e")
	})
}

// The same holds where events are few and large.
func TestOverflowByOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Delay: time.Minute}
		route := l.Route("nms")
		route.Window, route.MaxBytes, route.Resyncs, route.EveryTransition = 1, 20000, true, true
		r := run(t, t.TempDir(), route)
		defer r.stop()
		settle(time.Hour)
		r.say("+a", "+busy")
		settle(time.Hour)
		l.Take()
		r.say("-busy")
		synctest.Wait()
		for range 10 {
			large := alarm.Alarm{ID: "a", Summary: strings.Repeat("y", 4000)}
			if err := r.outbox.Apply([]Transition{{Alarm: alarm.Alarm{ID: "a"}}, {Alarm: large, Active: true}}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		r.outbox.mu.Lock()
		q := *r.outbox.state.queues.All[0]
		r.outbox.mu.Unlock()
		if q.Size() > 20000+1000 || q.Size() < 4000 {
			t.Errorf("%d octets wait", q.Size())
		}
		settle(time.Hour)
		heard := l.Take()
		alarm := strings.ReplaceAll(heard, ", resync dropped 16", "")
		if alarm != "clear busy, clear a, raise a, clear a, raise a" || alarm == heard {
			t.Errorf("heard %s", heard)
		}
	})
}
