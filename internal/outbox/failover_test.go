package outbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// pair is a group of two receivers, one of which is notified.
type pair struct {
	running       *running
	first, second *outboxtest.Receiver
	dir           string
}

func startPair(t *testing.T) *pair {
	p := &pair{first: &outboxtest.Receiver{}, second: &outboxtest.Receiver{}, dir: t.TempDir()}
	p.running = run(t, p.dir, p.routes()...)
	return p
}

func (p *pair) routes() []*queue.Route {
	routes := []*queue.Route{p.first.Route("first"), p.second.Route("second")}
	for _, r := range routes {
		r.Group = "pair"
	}
	return routes
}

// restart runs the next process, after which nobody knows who confirmed.
func (p *pair) restart() {
	p.running.stop()
	p.running = run(p.running.t, p.dir, p.routes()...)
}

func (p *pair) expectBoth(first, second string) {
	p.running.t.Helper()
	p.running.expect(p.first, first)
	p.running.expect(p.second, second)
}

func TestTheFirstThatAcknowledgesIsNotified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPair(t)
		defer func() { p.running.stop() }()
		p.running.say("+a")
		settle(time.Minute)
		p.expectBoth("raise a", "")

		// An event that the first does not acknowledge goes to the second, which is notified of the
		// alarm from then on.
		p.first.Set(outboxtest.ErrTimeout, time.Second)
		p.running.say("+b", "+c")
		settle(time.Minute)
		p.running.say("b!")
		settle(time.Minute)
		p.running.say("-b", "-a")
		settle(time.Minute)
		p.running.expect(p.first, "")
		if got := p.second.Take(); !strings.Contains("raise b, raise c, change b, clear b; raise c, raise b, change b, clear b", got) {
			t.Errorf("heard %s", got)
		}

		// After its return, a receiver that may have received a raise is sent its clear, and is
		// notified of new alarms.
		p.first.Set(nil, 0)
		settle(10 * time.Minute)
		p.running.expectAny(p.first, "clear a", "clear b")
		p.running.say("+d", "-c")
		settle(time.Minute)
		p.running.expectAny(p.first, "raise d", "clear c")
		p.running.expect(p.second, "clear c")
		p.running.say("-d")
		settle(time.Minute)
		p.expectBoth("clear d", "")
	})
}

func TestFailoverOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPair(t)
		defer func() { p.running.stop() }()
		p.first.Set(outboxtest.ErrTimeout, time.Second)
		p.running.say("+a")
		settle(time.Minute)
		p.expectBoth("", "raise a")
		p.restart()
		settle(time.Minute)
		p.expectBoth("", "") // the new process does not send it again
		p.running.say("-a", "+b")
		settle(time.Minute)
		p.running.expect(p.first, "")
		p.running.expectAny(p.second, "clear a", "raise b")
		p.restart()
		p.first.Set(nil, 0)
		settle(time.Minute)
		p.expectBoth("clear a", "")
		p.running.say("-b")
		settle(time.Minute)
		p.expectBoth("clear b", "clear b")

		// A change of an alarm known only to the first is a raise for the second.
		p.running.say("+c")
		settle(time.Minute)
		p.first.Set(outboxtest.ErrTimeout, time.Second)
		p.running.say("c!")
		settle(time.Minute)
		p.expectBoth("raise c", "raise c")
		p.restart()
		p.first.Set(nil, 0)
		p.running.say("-c")
		settle(time.Minute)
		p.expectBoth("clear c", "clear c")
	})
}

// While no receiver acknowledges, nothing may be lost; the first to return must be notified.
func TestGroupsOfWhichNobodyConfirms(t *testing.T) {
	for _, back := range []string{"first", "second"} {
		synctest.Test(t, func(t *testing.T) {
			p := startPair(t)
			defer func() { p.running.stop() }()
			p.first.Set(outboxtest.ErrTimeout, time.Second)
			p.second.Set(outboxtest.ErrTimeout, time.Second)
			var want []string
			for i := range 20 {
				p.running.say(fmt.Sprintf("+%d", i))
				want = append(want, fmt.Sprintf("raise %d", i))
			}
			settle(time.Hour)
			if tried := len(p.first.Received()) + len(p.second.Received()); tried > 2*(16+30) {
				t.Errorf("%d deliveries in an hour", tried)
			}
			there := p.first
			if back == "second" {
				there = p.second
			}
			there.Set(nil, 0)
			settle(11 * time.Minute)
			p.running.expectAny(there, want...)
		})
	}
}

// Whatever comes and goes, who confirmed a raise confirms its end.
func TestNobodyIsLeftWithAnAlarmThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPair(t)
		defer func() { p.running.stop() }()
		ids := []string{"a", "b", "c", "d"}
		active := map[string]bool{}
		for step := range 200 {
			id := ids[(step*7+step/3)%len(ids)]
			word := map[bool]string{true: "-", false: "+"}[active[id]] + id
			active[id] = !active[id]
			p.running.say(word)
			switch step % 23 {
			case 3:
				p.first.Set(outboxtest.ErrTimeout, time.Second)
			case 8:
				p.second.Set(outboxtest.ErrTimeout, 2*time.Second)
			case 13:
				p.second.Set(nil, 0)
			case 17:
				p.restart()
			case 21, 5:
				if err := p.running.outbox.SetRoutes(p.routes()[step%2:], nil, time.Now()); err != nil {
					t.Fatal(err)
				}
			case 19:
				p.first.Set(nil, 0)
			}
			settle(time.Duration(step%5) * 3 * time.Second)
		}
		for _, id := range ids {
			p.running.say("-" + id)
		}
		if err := p.running.outbox.SetRoutes(p.routes(), nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		p.first.Set(nil, 0)
		p.second.Set(nil, 0)
		settle(time.Hour)
		for name, l := range map[string]*outboxtest.Receiver{"first": p.first, "second": p.second} {
			last := map[string]string{}
			for _, e := range strings.Split(l.Take(), ", ") {
				kind, id, _ := strings.Cut(e, " ")
				last[id] = kind
			}
			for id, kind := range last {
				if slices.Contains(ids, id) && kind != string(alarm.Clear) {
					t.Errorf("%s is left with %s %s", name, kind, id)
				}
			}
		}
	})
}
