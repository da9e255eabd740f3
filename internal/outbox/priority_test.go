package outbox

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
)

// ordinaryRate is how many deliveries a second are usual.
const ordinaryRate = 50

func severe(id string, s alarm.Severity) Transition {
	return Transition{Alarm: alarm.Alarm{ID: id, Severity: s, Summary: "summary"}, Active: true}
}

// sentTo returns the IDs of the alarms sent, in order.
func sentTo(l *outboxtest.Receiver) (ids []string) {
	for _, e := range l.Received() {
		ids = append(ids, e.Alarm.ID)
	}
	return ids
}

// A critical alarm behind thousands of minor ones is sent with the next deliveries, whether slots are taken or not; and so
// is a line in which a critical event waits behind another one.
func TestCriticalAlarmsGoFirst(t *testing.T) {
	minors := trials(1000, 5000)
	for _, delay := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			l := &outboxtest.Receiver{}
			route := l.Route("nms")
			route.Spacing = time.Second / ordinaryRate
			r := run(t, t.TempDir(), route)
			defer r.stop()
			var storm []Transition
			for i := range minors {
				storm = append(storm, severe(fmt.Sprint("minor-", i), alarm.Minor))
			}
			if err := r.outbox.Apply(append(storm, severe("behind", alarm.Warning)), time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(10 * time.Second)
			l.Set(nil, delay)
			settle(time.Second)
			before := len(sentTo(l))
			if err := r.outbox.Apply([]Transition{severe("critical", alarm.Critical), {Alarm: alarm.Alarm{ID: "minor-0"}}, severe("minor-0", alarm.Critical)}, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(2 * time.Second)
			after := sentTo(l)[before:]
			if at := slices.Index(after, "critical"); at < 0 || at > 1 {
				t.Errorf("after a delay of %s critical is delivery %d: %v", delay, at, after)
			}
			if delay > 0 {
				return
			}
			settle(10 * time.Second)
			if n := len(sentTo(l)); n < minors/ordinaryRate || slices.Index(sentTo(l)[before:], "minor-0") > 4 {
				t.Errorf("%d were sent", n)
			}
			settle(time.Duration(minors) * time.Second / ordinaryRate)
			if got := len(sentTo(l)); got != minors+4 {
				t.Errorf("%d were sent", got)
			}
			var kinds []alarm.Kind
			for _, e := range l.Received() {
				if e.Alarm.ID == "minor-0" {
					kinds = append(kinds, e.Kind)
				}
			}
			if !slices.Equal(kinds, []alarm.Kind{alarm.Raise, alarm.Clear, alarm.Raise}) {
				t.Errorf("minor-0: %v", kinds)
			}
		})
	}
}

// While urgent events keep coming, each tenth delivery is the oldest.
func TestNoEventStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		route := l.Route("nms")
		route.Window, route.Spacing = 1, time.Second
		r := run(t, t.TempDir(), route)
		defer r.stop()
		for i := range 5 {
			if err := r.outbox.Apply([]Transition{severe(fmt.Sprint("warning-", i), alarm.Warning)}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 60 {
			two := []Transition{severe(fmt.Sprint("critical-", i), alarm.Critical), severe(fmt.Sprint("more-", i), alarm.Critical)}
			if err := r.outbox.Apply(two, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(time.Second)
		}
		var at []int
		for i, id := range sentTo(l) {
			if id[0] == 'w' {
				at = append(at, i)
			}
		}
		if len(at) != 5 || at[4] > 50 {
			t.Errorf("warnings are deliveries %v", at)
		}
	})
}
