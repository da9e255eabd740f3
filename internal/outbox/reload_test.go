package outbox

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// Whatever shares a transaction with the end of an alarm finds the alarm cleared.
func TestAnAlarmMayBeClearedEarlierInTheTransaction(t *testing.T) {
	for name, plan := range map[string]func(*running) error{
		"reload": func(r *running) error {
			return r.outbox.do(&change{now: time.Now(), plan: func(p *plan) { p.announceAll(r.outbox.state.queues.All) }})
		},
		"housekeeping": func(r *running) error { return r.outbox.housekeeping(time.Now()) },
		"retry":        func(r *running) error { return r.outbox.Retry("nms", time.Now()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &outboxtest.Receiver{}
			route := l.Route("nms")
			route.RepeatInterval = time.Nanosecond
			r := run(t, t.TempDir(), route)
			defer r.stop()
			r.say("+a")
			settle(10 * time.Second)
			l.Take()
			r.outbox.commits.Lock(t.Context()) // so that both are in the next transaction
			var group sync.WaitGroup
			asked := func() int {
				r.outbox.mu.Lock()
				defer r.outbox.mu.Unlock()
				return len(r.outbox.pending)
			}
			group.Go(func() { r.say("-a") })
			for asked() < 1 {
			}
			group.Go(func() {
				if err := plan(r); err != nil {
					t.Error(name, err)
				}
			})
			for asked() < 2 {
			}
			r.outbox.commits.Unlock()
			group.Wait()
			settle(10 * time.Second)
			r.expect(l, "clear a")
		})
	}
}

// Reloads must not affect events: each alarm is raised and cleared alternately, and its last state
// is sent.
func TestReloadsWhileAlarmsComeAndGo(t *testing.T) {
	const devices, flaps, reloads = 20, 30, 60
	l := &outboxtest.Receiver{}
	r := run(t, t.TempDir(), l.Route("nms"))
	var flapping, reloading sync.WaitGroup
	for i := range devices {
		flapping.Go(func() {
			id := fmt.Sprint(i)
			for range flaps {
				for _, active := range []bool{true, false} {
					tr := Transition{Alarm: alarm.Alarm{ID: id, Severity: alarm.Major, Summary: "summary"}, Active: active}
					if err := r.outbox.ApplyWith([]Transition{tr}, time.Now(), nil); err != nil {
						t.Error(err)
					}
				}
			}
			r.raise(t, id)
		})
	}
	reloading.Go(func() {
		for i := range reloads {
			routes := []*queue.Route{l.Route("nms")}
			routes[0].Window = 1 + i%16
			if i%3 == 1 {
				routes = append(routes, (&outboxtest.Receiver{}).Route("other"))
			}
			if err := r.outbox.SetRoutes(routes, nil, time.Now()); err != nil {
				t.Error(err)
			}
		}
	})
	flapping.Wait()
	reloading.Wait()
	r.stop()
	last := map[string]alarm.Kind{}
	for _, e := range l.Received() {
		if last[e.Alarm.ID] == e.Kind {
			t.Errorf("alarm %s: %s follows %s", e.Alarm.ID, e.Kind, e.Kind)
		}
		last[e.Alarm.ID] = e.Kind
	}
	for id, kind := range last {
		if waits := r.outbox.state.queues.All[0].AlarmQueue(id); len(waits) > 0 {
			kind = waits[len(waits)-1].Kind
		}
		if kind != alarm.Raise {
			t.Errorf("alarm %s is active, and its last notification is a %s", id, kind)
		}
	}
	if len(r.outbox.Active()) != devices {
		t.Errorf("%d alarms are active", len(r.outbox.Active()))
	}
}

func (r *running) raise(t *testing.T, id string) {
	t.Helper()
	if err := r.outbox.Apply([]Transition{{Alarm: alarm.Alarm{ID: id, Severity: alarm.Major, Summary: "summary"}, Active: true}}, time.Now()); err != nil {
		t.Error(err)
	}
}
