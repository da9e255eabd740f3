package topology

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/cause"
	"trapline/internal/mute"
)

const interval, budget, step, evaluation = time.Minute, 20 * time.Second, 250 * time.Millisecond, 500 * time.Millisecond

// network is a fleet on a virtual clock: devices that are polled, a rule with a `for`, and a receiver.
type network struct {
	tracker *Tracker
	after   time.Duration // the `for` of the rule
	now     time.Time
	started time.Time
	parents map[string][]string
	dead    map[string]bool
	polls   map[string]*polled
	judged  []judgement // polls that wait for their evaluation
	alerts  map[string]time.Time
	firing  map[string]bool
	known   map[string]bool // to the receiver
	outages *cause.Outages
	events  []string

	roots []string            // nil: links are those of parents
	links [][2]string         // which lead in both directions
	at    map[string][]string // the other ends of the links of each device
}

type polled struct {
	next, began, ends time.Time
	running, again    bool
	up                bool
}

type judgement struct {
	at     time.Time
	device string
	up     bool
}

func newNetwork(r *rand.Rand, after time.Duration, links ...string) *network {
	n := &network{
		tracker: NewTracker(), after: after, now: time.Unix(0, 0), parents: map[string][]string{}, dead: map[string]bool{}, polls: map[string]*polled{},
		alerts: map[string]time.Time{}, firing: map[string]bool{}, known: map[string]bool{},
	}
	n.started = n.now
	for _, link := range links {
		parent, child, _ := strings.Cut(link, ">")
		n.parents[child] = append(n.parents[child], parent)
		n.parents[parent] = append(n.parents[parent], []string{}...)
	}
	var devices []Device
	for _, name := range slices.Sorted(maps.Keys(n.parents)) {
		devices = append(devices, Device{Name: name, Parents: n.parents[name], Interval: interval, Budget: budget})
		n.polls[name] = &polled{next: n.now.Add(time.Duration(r.Int64N(int64(interval))))}
	}
	if err := n.tracker.Configure(&Settings{}, devices); err != nil {
		panic(err)
	}
	return n
}

// answers reports whether a device is reached, and alive.
func (n *network) answers(name string) bool {
	if n.roots != nil {
		return n.reached()[name]
	}
	if n.dead[name] || len(n.parents[name]) == 0 {
		return !n.dead[name]
	}
	return slices.ContainsFunc(n.parents[name], n.answers)
}

// run lets the time pass.
func (n *network) run(d time.Duration) {
	for end := n.now.Add(d); n.now.Before(end); n.now = n.now.Add(step) {
		for _, name := range slices.Sorted(maps.Keys(n.polls)) {
			n.poll(name, n.polls[name])
		}
		for len(n.judged) > 0 && !n.now.Before(n.judged[0].at) {
			n.judge(n.judged[0])
			n.judged = n.judged[1:]
		}
		if n.now.Sub(n.started)%time.Second == 0 {
			n.update()
		}
	}
}

func (n *network) poll(name string, p *polled) {
	if !p.running && !n.now.Before(p.next) {
		p.running, p.began, p.next, p.up = true, n.now, p.next.Add(interval), n.answers(name)
		if p.next.Sub(n.now) < interval/2 {
			p.next = p.next.Add(interval)
		}
		if p.ends = n.now; !p.up {
			p.ends = n.now.Add(budget)
		}
	}
	if !p.running || n.now.Before(p.ends) {
		return
	}
	if p.running = false; p.again {
		p.again, p.next = false, n.now.Add(step)
	}
	if n.tracker.Ended(Poll{Device: name, Began: p.began, Up: p.up}, n.now) {
		n.update()
	}
	n.judged = append(n.judged, judgement{n.now.Add(evaluation), name, p.up})
}

// judge evaluates the rule.
func (n *network) judge(j judgement) {
	if j.up {
		delete(n.alerts, j.device)
		delete(n.firing, j.device)
	} else {
		if n.alerts[j.device].IsZero() {
			n.alerts[j.device] = n.now
		}
		n.firing[j.device] = n.now.Sub(n.alerts[j.device]) >= n.after
	}
	n.notify()
}

func (n *network) update() {
	said := map[string]bool{}
	for name := range n.alerts {
		said[name] = true
	}
	n.outages, _ = n.tracker.Outages(said, n.now)
	for _, name := range n.tracker.Asks() {
		if p := n.polls[name]; p.running {
			p.again = true
		} else {
			p.next = n.now
		}
	}
	n.notify()
}

// notify sends what the receiver does not know.
func (n *network) notify() {
	for _, name := range slices.Sorted(maps.Keys(n.polls)) {
		_, muted := n.outages.Muted(name)
		switch {
		case n.firing[name] && !n.known[name] && !muted:
			n.known[name] = true
			n.events = append(n.events, fmt.Sprintf("raise %s %d", name, len(n.outages.Behind[name])))
		case !n.firing[name] && n.known[name]:
			n.known[name] = false
			n.events = append(n.events, "clear "+name)
		}
	}
}

// take returns what the receiver was sent since the last call.
func (n *network) take() string {
	text := strings.Join(n.events, ", ")
	n.events = nil
	return text
}

// chain is a chain of three with ten devices at its end: twelve are behind the first.
func chain() []string {
	links := []string{"a>b", "b>c"}
	for i := range 10 {
		links = append(links, fmt.Sprintf("c>leaf-%d", i))
	}
	return links
}

func TestTwelveBehindAChain(t *testing.T) {
	for seed := range uint64(60) {
		for _, after := range []time.Duration{0, 2 * time.Minute} {
			n := newNetwork(rand.New(rand.NewPCG(seed, 1)), after, chain()...)
			expect := func(what string, want ...string) {
				t.Helper()
				if got := n.take(); !slices.Contains(want, got) {
					t.Fatalf("seed %d, for %v: %s: %q, want %q", seed, after, what, got, want)
				}
			}
			n.run(5*time.Minute + time.Duration(seed)*time.Second)
			expect("all answer", "")
			n.dead["a"] = true
			n.run(10 * time.Minute)
			raise := n.take()
			if after > 0 && raise != "raise a 12" || strings.Count(raise, "raise") != 1 || !strings.HasPrefix(raise, "raise a") {
				t.Fatalf("seed %d, for %v: %q", seed, after, raise)
			}
			if len(n.outages.Behind["a"]) != 12 {
				t.Fatalf("seed %d: %q", seed, n.outages.Behind)
			}
			n.dead["a"] = false
			n.dead["leaf-3"] = true
			n.run(interval + 3*budget) // a poll of a may run, and one of the leaf: then its own
			expect("recovery, one stays dead", "clear a, raise leaf-3 0")
			n.run(10 * time.Minute)
			expect("later", "")
			n.dead["leaf-3"], n.dead["b"] = false, true
			n.run(10 * time.Minute)
			got := n.take()
			if strings.Count(got, "raise") != 1 || !strings.Contains(got, "raise b") {
				t.Fatalf("seed %d, for %v: another cause: %q", seed, after, got)
			}
			n.dead["b"] = false
			n.run(10 * time.Minute)
			if got := n.take(); strings.Contains(got, "raise") {
				t.Fatalf("seed %d, for %v: recovery: %q", seed, after, got)
			}
		}
	}
}

// A device whose parents answer is raised once they have been asked; one whose parents cannot be polled after hold and
// their timeouts.
func TestSettling(t *testing.T) {
	n := newNetwork(rand.New(rand.NewPCG(1, 1)), 0, "core-1>access", "core-2>access")
	n.run(5 * time.Minute)
	n.dead["access"] = true
	n.run(interval + budget + 3*time.Second)
	if got := n.take(); got != "raise access 0" {
		t.Errorf("%q", got)
	}
	tracker, at := NewTracker(), time.Unix(0, 0)
	if err := tracker.Configure(&Settings{}, []Device{{Name: "core", Budget: budget}, {Name: "access", Parents: []string{"core"}}}); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{"access": true}
	if !tracker.Ended(Poll{Device: "access", Began: at.Add(-budget)}, at) {
		t.Error("it is not urgent")
	}
	if _, _ = tracker.Outages(nil, at); !slices.Equal(tracker.Asks(), []string{"core"}) {
		t.Error("nobody is asked")
	}
	for _, after := range []time.Duration{0, DefaultHold + budget - 1, DefaultHold + budget} {
		want := after < DefaultHold+budget
		o, _ := tracker.Outages(said, at.Add(after))
		if one, muted := o.Muted("access"); muted != want || muted && one.Reason() != (mute.Reason{Kind: mute.BySettling, Name: "core"}) {
			t.Errorf("after %v: %v", after, one)
		}
	}
}

// A start knows what was down, and asks again.
func TestOutagesAfterARestart(t *testing.T) {
	tracker, at := NewTracker(), time.Unix(0, 0)
	devices := []Device{{Name: "core", Interval: interval}, {Name: "access", Parents: []string{"core"}, Interval: interval}, {Name: "lone", Parents: []string{"core"}, Interval: interval}}
	if err := tracker.Configure(&Settings{}, devices); err != nil {
		t.Fatal(err)
	}
	o := tracker.Start(map[string]bool{"core": true, "access": true}, at)
	if one, _ := o.Muted("access"); one != (cause.Outage{Kind: mute.ByCause, Name: "core"}) || len(o.Behind["core"]) != 1 {
		t.Errorf("%+v", o)
	}
	if _, waits := o.Muted("core"); !waits {
		t.Error("an alarm that was not sent does not wait for a poll")
	}
	tracker.Ended(Poll{Device: "core", Began: at.Add(time.Second)}, at.Add(20*time.Second))
	o, _ = tracker.Outages(map[string]bool{"core": true, "access": true}, at.Add(21*time.Second))
	if _, waits := o.Muted("core"); waits {
		t.Error("it waits after its poll")
	}
}
