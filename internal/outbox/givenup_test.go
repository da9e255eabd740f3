package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
)

// A raise that was given up is sent anew if the alarm returns to its key: the clear behind it is not taken back.
func TestARaiseThatWasGivenUpIsSentAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nms := &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		route := nms.Route("nms")
		route.Key, route.Scheme, route.MaxAge = byNotification, "n", 60*time.Second
		r := run(t, t.TempDir(), route)
		defer r.stop()
		is := func(notification string) {
			a := alarm.Alarm{ID: "a", Severity: alarm.Major, Notification: notification, Summary: "summary"}
			if err := r.outbox.Apply([]Transition{{Alarm: a, Active: true}}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		is("x")
		settle(50 * time.Second)
		is("y")
		settle(55 * time.Second)
		is("x")
		nms.TakeReceived() // of which it has kept nothing
		nms.Set(nil, 0)
		settle(3 * time.Hour)
		knows := map[string]bool{}
		for _, e := range nms.Received() {
			knows[e.Alarm.Notification] = e.Kind != alarm.Clear
		}
		if !knows["x"] || knows["y"] {
			t.Errorf("in the end the receiver knows %v", knows)
		}
	})
}
