package outbox

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// Forwarded notifications leave room for alarms: so many of each device wait, and half of the queue. They are in the queue
// after a restart.
func TestForwardedNotificationsAreBounded(t *testing.T) {
	for _, test := range []struct{ maxEvents, devices, want int }{{10_000, 1, queue.MaxForwarded}, {600, 3, 300}, {10_000, 2, 2 * queue.MaxForwarded}} {
		synctest.Test(t, func(t *testing.T) {
			l, dir := &outboxtest.Receiver{Delay: 1000 * time.Hour}, t.TempDir()
			route := l.Route("nms")
			route.MaxEvents, route.Window = test.maxEvents, 1
			route.Forwards = func(e *alarm.Event) bool { return e.Alarm.Target != "other" }
			r := run(t, dir, route)
			list := []alarm.Event{{Kind: alarm.Forward, Alarm: alarm.Alarm{Target: "other"}}}
			for i := range test.devices * (queue.MaxForwarded + 100) {
				list = append(list, alarm.Event{Kind: alarm.Forward, At: time.Now(), Trap: []byte{1}, Alarm: alarm.Alarm{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i % test.devices)})}})
			}
			if err := r.outbox.Forward(list, time.Now()); err != nil {
				t.Fatal(err)
			}
			waiting := func() (n int) {
				r.outbox.mu.Lock()
				defer r.outbox.mu.Unlock()
				for _, one := range r.outbox.state.queues.All[0].Rows() {
					if one.Kind == alarm.Forward {
						n++
					}
				}
				return n
			}
			if n := waiting(); n != test.want {
				t.Errorf("%+v: %d wait", test, n)
			}
			r.say("+a")
			r.stop()
			r = run(t, dir, route)
			defer r.stop()
			if n := waiting(); n != test.want {
				t.Errorf("%+v: %d wait after a restart", test, n)
			}
		})
	}
}
