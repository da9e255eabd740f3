package outbox

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/snmp"
)

func TestReceiversThatFailAreTriedOneNotificationAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, healthy := &outboxtest.Receiver{Broken: outboxtest.ErrTimeout, Delay: time.Second}, &outboxtest.Receiver{}
		r := run(t, t.TempDir(), l.Route("down"), healthy.Route("up"))
		defer r.stop()
		var want []string
		for i := range 20 {
			r.say(fmt.Sprintf("+%d", i))
			want = append(want, fmt.Sprintf("raise %d", i))
		}
		settle(5 * time.Second)
		r.expectAny(healthy, want...)
		settle(time.Hour)
		first := len(l.Received())
		if first < 16+15 || first > 16+25 { // a window full at first, then by pauses up to five minutes
			t.Errorf("%d deliveries in an hour", first)
		}
		settle(time.Hour)
		if more := len(l.Received()) - first; more < 10 || more > 16 {
			t.Errorf("%d deliveries in the next hour", more)
		}
		r.say("-3")
		l.Set(nil, 0)
		settle(10 * time.Minute)
		r.expectAny(l, append(want, "clear 3")...)
		byEvent := map[string]int32{}
		for _, e := range l.Received() {
			if id, again := byEvent[e.ID]; again && id != e.RequestID {
				t.Errorf("event %s has the request-ids %d and %d", e.ID, id, e.RequestID)
			}
			byEvent[e.ID] = e.RequestID
		}
	})
}

// One notification that the receiver chokes on does not keep the others from it.
func TestAPoisonousNotificationHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Poison: "bad"}
		r := run(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		r.say("+bad")
		var want []string
		for i := range 30 {
			r.say(fmt.Sprintf("+%d", i))
			want = append(want, fmt.Sprintf("raise %d", i))
		}
		settle(time.Minute)
		r.expectAny(l, want...)
		if n := len(l.Received()); n > 30+6 {
			t.Errorf("%d deliveries", n)
		}
	})
}

// An alarm without a notification in the receiver's format must not change the receiver's health.
func TestWhatIsNotSentReachesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		route := l.Route("nms")
		deliver := route.Deliver
		route.Deliver = func(ctx context.Context, e *alarm.Event, id int32) (originator.Receipt, error) {
			if e.Kind == alarm.Change {
				return originator.Receipt{}, nil
			}
			return deliver(ctx, e, id)
		}
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+a")
		settle(time.Minute)
		l.Set(outboxtest.ErrTimeout, 0)
		r.say("+b")
		settle(time.Hour)
		before := len(l.Received())
		for range 60 {
			r.say("a!")
			settle(time.Minute)
		}
		if more := len(l.Received()) - before; more > 16 {
			t.Errorf("%d deliveries in an hour", more)
		}
	})
}

func TestRefusalsAreTriedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Broken: &originator.Error{Reason: access.UnknownUser, Err: context.Canceled}}
		r := run(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		r.say("+a")
		settle(3 * time.Minute)
		if len(l.Received()) != 1 {
			t.Errorf("%d deliveries in three minutes", len(l.Received()))
		}
		l.Set(nil, 0)
		settle(4 * time.Minute)
		r.expect(l, "raise a")
	})
}

func TestReportsThatNobodyKnowsAreNotFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Broken: &originator.Error{Reason: access.ReportReason(snmp.UnknownReport), Err: snmp.UnknownReport}}
		r := run(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		r.say("+a")
		settle(time.Minute)
		l.Set(nil, 0)
		settle(10 * time.Minute)
		r.expect(l, "raise a")
	})
}
