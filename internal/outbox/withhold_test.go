package outbox

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/originator"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
)

// gathering is a receiver that sends an event half a minute after it was handed over, as the message of a group is.
func gathering(nms *outboxtest.Receiver) *queue.Route {
	route := nms.Route("nms-1")
	route.Deliver = func(ctx context.Context, e *alarm.Event, id int32) (originator.Receipt, error) {
		select {
		case <-time.After(30 * time.Second):
		case <-ctx.Done():
			return originator.Receipt{}, queue.ErrWithheld
		}
		if !queue.Due(ctx) {
			return originator.Receipt{}, queue.ErrWithheld
		}
		return nms.Deliver(ctx, e, id)
	}
	return route
}

func silenceAll(t *testing.T, o *Outbox) (end func()) {
	t.Helper()
	matchers, err := mute.Parse(`alertname=~".+"`)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	id, err := o.Silence(mute.Silence{Matchers: matchers, StartsAt: now, EndsAt: now.Add(100 * time.Hour), CreatedBy: "ann", Comment: "work"}, now)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := o.Expire(id, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *running) sayNamed(word string) {
	r.t.Helper()
	a := alarm.Alarm{ID: word[1:2], Rule: word[1:2], Severity: alarm.Major, Summary: word}
	if err := r.outbox.Apply([]Transition{{Alarm: a, Active: word[0] != '-'}}, time.Now()); err != nil {
		r.t.Fatal(err)
	}
}

// An alarm that is muted before its raise was sent is sent once it is not muted, and not at all if it has ended by then.
func TestARaiseThatWaitsIsWithheld(t *testing.T) {
	for name, c := range map[string]struct {
		within, muted []string // what happens before the silence, and in it
		then          string
	}{
		"goes on":              {[]string{"+a"}, nil, "raise"},
		"changes before":       {[]string{"+a", "+a!"}, nil, "raise"},
		"changes in it":        {[]string{"+a"}, []string{"+a!"}, "raise"},
		"ends":                 {[]string{"+a"}, []string{"-a"}, ""},
		"ends before":          {[]string{"+a", "-a"}, nil, ""},
		"ends and begins anew": {[]string{"+a"}, []string{"-a", "+a"}, "raise"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nms := &outboxtest.Receiver{}
				r := run(t, t.TempDir(), gathering(nms))
				defer r.stop()
				for _, word := range c.within {
					r.sayNamed(word)
				}
				settle(10 * time.Second)
				end := silenceAll(t, r.outbox)
				for _, word := range c.muted {
					r.sayNamed(word)
				}
				settle(10 * time.Minute)
				if got := nms.Kinds(); got != "resync" && got != "" {
					t.Errorf("while muted the receiver was sent %q", got)
				}
				nms.TakeReceived()
				end()
				settle(10 * time.Minute)
				if got := nms.Kinds(); got != c.then {
					t.Errorf("after the silence the receiver was sent %q, want %q", got, c.then)
				}
			})
		})
	}
}

// A raise that an orderly restart finds, and of which nothing was sent, is withheld: while its message waits for others, and
// while other alarms go first. One that may have been sent is sent, muted or not.
func TestARaiseThatWaitsIsWithheldAfterARestart(t *testing.T) {
	for name, c := range map[string]struct {
		route func(*outboxtest.Receiver) *queue.Route
		sent  bool // while muted, after the restart
	}{
		"waits for its group": {gathering, false},
		"waits for its turn": {func(nms *outboxtest.Receiver) *queue.Route {
			route := nms.Route("nms-1")
			route.Spacing = time.Hour
			return route
		}, false},
		"may have been sent": {func(nms *outboxtest.Receiver) *queue.Route {
			route := nms.Route("nms-1")
			route.Deliver = func(ctx context.Context, _ *alarm.Event, _ int32) (originator.Receipt, error) {
				<-ctx.Done()
				return originator.Receipt{Sent: 1}, ctx.Err()
			}
			return route
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nms, dir := &outboxtest.Receiver{}, t.TempDir()
				from := time.Now().Add(time.Hour)
				rules, err := mute.NewRules(nil, []mute.WindowSettings{{Name: "CHG-1", Matchers: []string{`alertname=~".+"`}, From: setting.Time{Time: from}, Until: setting.Time{Time: from.Add(100 * time.Hour)}}}, nil)
				if err != nil {
					t.Fatal(err)
				}
				r := runWith(t, dir, Options{Mutes: rules}, c.route(nms))
				defer func() { r.stop() }()
				r.sayNamed("+b") // goes first
				settle(45 * time.Second)
				r.sayNamed("-b")
				settle(45 * time.Second)
				r.sayNamed("+a")
				settle(10 * time.Second)
				r.stop()
				nms.Take()
				settle(time.Hour)
				r = runWith(t, dir, Options{Mutes: rules}, nms.Route("nms-1"))
				settle(time.Minute)
				if got := nms.Take(); strings.Contains(got, "raise a") != c.sent {
					t.Errorf("while muted the receiver was sent %q, want the raise: %v", got, c.sent)
				}
			})
		})
	}
}

// Whatever happens when: no raise is sent while the alarm is muted, and in the end the receiver knows the active alarms.
func TestNoRaiseIsSentWhileMuted(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 14))
			nms := &outboxtest.Receiver{}
			r := run(t, t.TempDir(), gathering(nms))
			defer r.stop()
			end, active := (func())(nil), false
			knows := false
			look := func() {
				for _, e := range nms.TakeReceived() {
					if e.Kind == alarm.Raise && end != nil {
						t.Errorf("seed %d: a raise was sent in a silence", seed)
					}
					knows = e.Kind != alarm.Clear && (knows || e.Kind == alarm.Raise)
				}
			}
			for range 60 {
				switch random.IntN(5) {
				case 0:
					if end == nil {
						end = silenceAll(t, r.outbox)
					} else {
						end()
						end = nil
					}
				case 1, 2:
					if active = !active; active {
						r.sayNamed("+a")
					} else {
						r.sayNamed("-a")
					}
				case 3:
					if active {
						r.sayNamed("+a" + string(rune('a'+random.IntN(26))))
					}
				}
				settle(time.Duration(1+random.IntN(40)) * time.Second)
				look()
			}
			if end != nil {
				end()
				end = nil
			}
			settle(10 * time.Minute)
			if look(); knows != active {
				t.Errorf("seed %d: the alarm is active: %v, and the receiver knows one: %v", seed, active, knows)
			}
		})
	}
}

// A receiver that left the configuration before an orderly end may have what was sent to it: its raise is not withheld.
func TestAnOrderlyEndKnowsNothingOfAbsentReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, nms, other := t.TempDir(), &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}, &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		r := run(t, dir, nms.Route("nms"), other.Route("other"))
		r.sayNamed("+a")
		settle(time.Second)
		if err := r.outbox.SetRoutes([]*queue.Route{other.Route("other")}, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		silenceAll(t, r.outbox)
		r.stop()
		nms.Set(nil, 0)
		r = run(t, dir, nms.Route("nms"), other.Route("other"))
		defer func() { r.stop() }()
		settle(time.Minute)
		r.sayNamed("-a")
		settle(time.Minute)
		r.expect(nms, "raise a, clear a")
	})
}
