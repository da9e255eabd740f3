package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// A receiver that was removed while an alarm was cleared must be sent the clear on its return,
// before new events.
func TestRemovedReceiversAreSentTheClearOnReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, other := &outboxtest.Receiver{}, &outboxtest.Receiver{}
		dir := t.TempDir()
		r := run(t, dir, l.Route("nms"))
		r.say("+a", "+b")
		settle(3 * time.Second)
		r.expectAny(l, "raise a", "raise b")
		if err := r.outbox.SetRoutes([]*queue.Route{other.Route("other")}, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(3 * time.Second)
		r.say("-a")
		r.stop()
		r = run(t, dir, other.Route("other"))
		defer func() { r.stop() }()
		r.say("+a", "-b")
		settle(3 * time.Second)
		r.expect(l, "")
		if err := r.outbox.SetRoutes([]*queue.Route{l.Route("nms")}, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(10 * time.Second)
		if heard := l.Take(); heard != "clear a, clear b, raise a" && heard != "clear b, clear a, raise a" {
			t.Errorf("heard %q", heard)
		}
	})
}
