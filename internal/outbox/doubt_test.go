package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
)

// agents use the outbox of a member while the engine does not answer.
type agents struct {
	*cohortMember
	t       *testing.T
	route   *queue.Route
	silent  time.Time     // when the engine was asked for the last time
	longest time.Duration // a call took
	late    time.Duration // the same, of those that came long after that
	most    int           // changes that waited
	doubts  int           // calls that ended with ErrInDoubt
}

// call has something be asked of the outbox, and notes how long that takes.
func (a *agents) call(n int) {
	o, now := a.outbox, time.Now()
	target := fmt.Sprint("t", n%6)
	tr := Transition{Active: n%4 > 0, Alarm: alarm.Alarm{ID: "source-" + target, Rule: "r", Target: target, Severity: alarm.Major, Summary: "s", Labels: map[string]string{"target": target}}}
	matcher, err := mute.Parse(`target="t1"`)
	if err != nil {
		a.t.Error(err)
	}
	calls := []func() error{
		func() error { return o.Apply([]Transition{tr}, now) },
		func() error {
			return o.ApplyWith([]Transition{tr}, now, []ledger.Write{{Shard: lawShard(target), Key: ledger.Named(ledger.Alert, target), Value: []byte("{}")}})
		},
		func() error {
			_, err := o.Silence(mute.Silence{Matchers: matcher, StartsAt: now, EndsAt: now.Add(time.Minute), CreatedBy: "a", Comment: "b"}, now)
			return err
		},
		func() error { return o.Acknowledge(a.key(target), &alarm.Ack{By: "a"}, now) },
		func() error { _, err := o.Resend(a.key(target), now); return err },
		func() error { return o.Retry("sink", now) },
		func() error { return o.Forward([]alarm.Event{{Kind: alarm.Forward, At: now}}, now) },
		func() error { return o.SetSilences(nil) },
		func() error {
			tr.Alarm.ID = a.key(target)
			l := shards.LateSend{Receiver: "sink", Key: o.state.shards.Place(&tr.Alarm, tr.Alarm.ID), Event: &alarm.Event{ID: "late", Kind: alarm.Raise, Alarm: tr.Alarm}}
			a.cohort.mu.Lock()
			a.cohort.late[target] = true
			a.cohort.mu.Unlock()
			return o.Repeat(l.Text())
		},
		func() error {
			other := *a.route
			other.Name, other.Deliver = "other", unheard
			return o.SetRoutes([]*queue.Route{a.route, &other}[:1+n%2], nil, now)
		},
		func() error { o.Note(journal.Event{Kind: journal.Reload}); return nil },
		func() error { _, err := o.Waiting(); return err },
		func() error { o.Standings(nil); return nil },
	}
	err = calls[n%len(calls)]()
	took := time.Since(now)
	o.mu.Lock()
	waiting := len(o.pending)
	o.mu.Unlock()
	a.cohort.mu.Lock()
	defer a.cohort.mu.Unlock()
	a.longest, a.most = max(a.longest, took), max(a.most, waiting)
	if now.Sub(a.silent) > 2*doubtWait {
		a.late = max(a.late, took)
	}
	lost := (*ledger.Lost)(nil)
	switch {
	case errors.Is(err, ErrInDoubt):
		a.doubts++
	case err != nil && !errors.As(err, &lost) && !errors.Is(err, ErrNoAlarm):
		a.t.Errorf("call %d: %v", n%len(calls), err)
	}
}

// unheard is the Deliver of a receiver that acknowledges whatever it is sent.
func unheard(context.Context, *alarm.Event, int32) (originator.Receipt, error) {
	return originator.Receipt{Sent: 1, RTT: 1}, nil
}

func (a *agents) key(target string) string {
	return a.outbox.Identify(&alarm.Alarm{ID: "source-" + target})
}

// While the engine does not answer, callers are answered in a bounded time, no more changes wait than there are callers and
// deliveries, and the process ends in time, or goes on as soon as there is an answer.
func TestASilentEngineHoldsNobodyUp(t *testing.T) {
	const callers = 40
	for seed, returns := range map[uint64]bool{1: false, 2: true} {
		synctest.Test(t, func(t *testing.T) {
			c := newCohort(t, seed, 1)
			m := c.members[0]
			a := &agents{cohortMember: m, t: t, route: m.outbox.state.queues.All[0].Route}
			for i := range lawShards {
				c.take(fmt.Sprint(i), m)
			}
			c.take("global", m)
			for target := range 12 {
				c.truth[fmt.Sprint("t", target)] = true
			}
			c.assertAll()
			settle(time.Duration(c.random.IntN(200)) * time.Millisecond) // some deliveries are in flight
			out := make(chan struct{})
			c.mu.Lock()
			c.outage = out
			c.mu.Unlock()
			a.silent = time.Now()
			var all sync.WaitGroup
			for i := range uint64(callers) {
				all.Go(func() {
					for random, end := rand.New(rand.NewPCG(seed, i)), time.Now().Add(20*time.Second); time.Now().Before(end); {
						a.call(random.IntN(1000))
						time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
					}
				})
			}
			all.Wait()
			began := time.Now()
			m.outbox.Drop("0", false)
			if took := time.Since(began); took > dropWait {
				t.Errorf("a shard was dropped after %v", took)
			}
			c.setOwner("0", nil)
			if window := a.route.Window; a.longest > doubtWait || a.late > 0 || a.most > callers+2*window+1 || a.doubts < callers {
				t.Errorf("calls took up to %v, late ones %v, and %d ended in doubt; up to %d changes waited", a.longest, a.late, a.doubts, a.most)
			}
			if returns {
				c.mu.Lock()
				c.outage = nil
				c.mu.Unlock()
				close(out)
				settle(time.Second)
				c.take("0", m)
				if err := m.outbox.SetRoutes([]*queue.Route{a.route}, nil, time.Now()); err != nil {
					t.Error(err)
				}
				if violations := c.end(true); len(violations) > 0 {
					t.Error(violations)
				}
				return
			}
			began = time.Now()
			m.stop()
			if took := time.Since(began); took > drainTime+3*doubtWait {
				t.Errorf("the process ended after %v", took)
			}
			m.outbox.mu.Lock()
			defer m.outbox.mu.Unlock()
			if active := m.outbox.state.index.Keys(); slices.Contains(active, "") || len(m.outbox.pending) > 0 {
				t.Errorf("%d alarms are active, %d changes wait", len(active), len(m.outbox.pending))
			}
		})
	}
}
