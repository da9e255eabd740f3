package topology

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/mute"
)

// newMesh returns a network of links that lead in both directions, "a-b", in which Trapline is next to roots.
func newMesh(r *rand.Rand, after time.Duration, roots []string, links ...string) *network {
	n := newNetwork(r, after)
	n.roots, n.at = roots, map[string][]string{}
	for _, link := range links {
		a, b, _ := strings.Cut(link, "-")
		n.links = append(n.links, [2]string{a, b})
		n.at[a], n.at[b] = append(n.at[a], b), append(n.at[b], a)
	}
	for _, name := range slices.Sorted(maps.Keys(n.at)) {
		n.polls[name] = &polled{next: n.now.Add(time.Duration(r.Int64N(int64(interval))))}
	}
	n.configure()
	return n
}

// configure hands the configuration to the tracker.
func (n *network) configure() {
	var devices []Device
	for name := range n.polls {
		devices = append(devices, Device{Name: name, Interval: interval, Budget: budget})
	}
	if err := n.tracker.Configure(&Settings{Roots: n.roots}, devices); err != nil {
		panic(err)
	}
	n.tracker.SetLinks(n.links)
}

// reached returns the devices that answer.
func (n *network) reached() map[string]bool {
	up := map[string]bool{}
	next := slices.Clone(n.roots)
	for len(next) > 0 {
		name := next[0]
		if next = next[1:]; !n.dead[name] && !up[name] {
			up[name] = true
			next = append(next, n.at[name]...)
		}
	}
	return up
}

// restart begins with nothing but the configuration, the links and the active alarms.
func (n *network) restart() {
	n.tracker, n.judged = NewTracker(), nil
	n.configure()
	maps.DeleteFunc(n.alerts, func(name string, _ time.Time) bool { return !n.firing[name] })
	said := map[string]bool{}
	for name := range n.alerts {
		said[name] = true
	}
	n.outages = n.tracker.Start(said, n.now)
	for i, name := range slices.Sorted(maps.Keys(n.polls)) {
		n.polls[name] = &polled{next: n.now.Add(time.Duration(i+1) * step)}
	}
}

// ring is a ring of six at a root.
var ring = []string{"r-a", "a-b", "b-c", "c-d", "d-e", "e-f", "f-a"}

func TestRingWithTwoCuts(t *testing.T) {
	for seed := range uint64(60) {
		for _, after := range []time.Duration{0, 2 * time.Minute} {
			n := newMesh(rand.New(rand.NewPCG(seed, 1)), after, []string{"r"}, ring...)
			n.run(5*time.Minute + time.Duration(seed)*time.Second)
			n.dead["b"] = true
			n.run(10 * time.Minute)
			if got := n.take(); got != "raise b 0" { // the others are reached the other way round
				t.Fatalf("seed %d, for %v: one cut: %q", seed, after, got)
			}
			n.dead["e"] = true
			n.run(10 * time.Minute)
			if got := n.take(); !strings.HasPrefix(got, "raise e") || strings.Count(got, "raise") != 1 {
				t.Fatalf("seed %d, for %v: two cuts: %q", seed, after, got)
			}
			if got := text(map[string]string{"c": n.outages.Of["c"].Name, "d": n.outages.Of["d"].Name}); got != "c<b d<e" {
				t.Fatalf("seed %d: %q", seed, got)
			}
			n.dead["d"] = true // unseen, for it is behind
			n.dead["b"] = false
			n.run(2*interval + 2*budget + after)
			if got := n.take(); got != "clear b, raise d 0" && got != "raise d 0, clear b" {
				t.Fatalf("seed %d, for %v: one of them is mended: %q", seed, after, got)
			}
		}
	}
}

// mesh returns a random network: a tree, and more links for second ways.
func randomMesh(r *rand.Rand) (roots, links []string) {
	count := 3 + r.IntN(9)
	for i := 1; i < count; i++ {
		links = append(links, fmt.Sprintf("%d-%d", r.IntN(i), i))
	}
	for range r.IntN(count) {
		if a, b := r.IntN(count), r.IntN(count); a != b {
			links = append(links, fmt.Sprintf("%d-%d", a, b))
		}
	}
	roots = []string{"0"}
	if r.IntN(3) == 0 {
		roots = append(roots, fmt.Sprint(r.IntN(count)))
	}
	return roots, links
}

// In any network, devices that fail and recover in any order, restarts and reloads: no device is raised that is alive, and
// in the end each that does not answer is known to the receiver, or is behind one that is.
func TestNoFalseRaiseAndNoHiddenAlarm(t *testing.T) {
	for seed := range seeds(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		roots, links := randomMesh(r)
		n := newMesh(r, []time.Duration{0, 2 * time.Minute}[r.IntN(2)], roots, links...)
		n.run(3 * time.Minute)
		names := slices.Sorted(maps.Keys(n.polls))
		lived, changed := map[string]time.Time{}, map[string]time.Time{} // since when devices are alive; when they changed
		var story []string
		for range 3 + r.IntN(12) {
			name := names[r.IntN(len(names))]
			switch k := r.IntN(8); {
			case k == 0:
				story = append(story, "restart")
				n.restart()
			case k == 1:
				story = append(story, "reload")
				n.configure()
			case n.now.Sub(changed[name]) < interval+2*budget: // an outage that its own polls do not see
			default:
				changed[name] = n.now
				if n.dead[name] = !n.dead[name]; !n.dead[name] {
					lived[name] = n.now
				}
				story = append(story, fmt.Sprintf("%s dead %v", name, n.dead[name]))
			}
			for range r.IntN(40) {
				n.run(10 * time.Second)
				story = n.checkRaises(t, story, lived, seed)
			}
		}
		for range 60 {
			n.run(10 * time.Second)
			story = n.checkRaises(t, story, lived, seed)
		}
		n.checkEnd(t, seed, story)
	}
}

// checkRaises fails if a device was raised that has been alive for longer than a poll and an evaluation take.
func (n *network) checkRaises(t *testing.T, story []string, lived map[string]time.Time, seed uint64) []string {
	t.Helper()
	for _, event := range n.events {
		story = append(story, fmt.Sprintf("[%v %s]", n.now.Sub(n.started), event))
		words := strings.Fields(event)
		if at := lived[words[1]]; words[0] == "raise" && !n.dead[words[1]] && n.now.Sub(at) > interval+2*budget+10*time.Second {
			t.Fatalf("seed %d: false raise of %s: roots %v, links %v, for %v:\n%s", seed, words[1], n.roots, n.links, n.after, strings.Join(story, "\n"))
		}
	}
	n.events = nil
	return story
}

// seeds is the number of random histories: more of them in a long run.
func seeds(n uint64) uint64 {
	if os.Getenv("TRAPLINE_SOAK") != "" {
		return 40 * n
	}
	return n
}

func (n *network) checkEnd(t *testing.T, seed uint64, story []string) {
	t.Helper()
	up := n.reached()
	for name := range n.polls {
		one, muted := n.outages.Muted(name)
		switch {
		case up[name] && (n.known[name] || muted):
			t.Fatalf("seed %d: %s answers, and is known or muted (%v): %v:\n%s", seed, name, one, n.links, strings.Join(story, "\n"))
		case up[name] || n.known[name]:
		case !muted || one.Kind != mute.ByCause || !n.known[one.Name] || !slices.Contains(n.outages.Behind[one.Name], name):
			t.Fatalf("seed %d: %s is hidden (%v): roots %v, %v:\n%s", seed, name, one, n.roots, n.links, strings.Join(story, "\n"))
		}
	}
}

// Whatever the order of polls, the same devices are muted, by the same causes.
func TestTheOrderOfPollsDecidesNothing(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		roots, links := randomMesh(r)
		dead := []int{r.IntN(len(links)), r.IntN(len(links))}
		var want string
		for order := range uint64(4) {
			n := newMesh(rand.New(rand.NewPCG(order, 1)), 0, roots, links...)
			n.run(2*time.Minute + time.Duration(order)*7*time.Second)
			for _, i := range dead {
				n.dead[strings.Split(links[i], "-")[1]] = true
			}
			n.run(10 * time.Minute)
			behind := map[string]string{}
			for name, one := range n.outages.Of {
				behind[name] = one.Name
			}
			got := text(behind)
			if order == 0 {
				want = got
			}
			if got != want {
				t.Fatalf("seed %d: %q, want %q", seed, got, want)
			}
		}
	}
}

// While a device is in maintenance, those that are down and reached over it alone are in maintenance; at the end they are
// asked, and raised if they are still down.
func TestMaintenanceOfAParent(t *testing.T) {
	for seed := range uint64(20) {
		n := newMesh(rand.New(rand.NewPCG(seed, 1)), 0, []string{"r"}, "r-a", "a-b", "b-c", "r-x", "x-y", "a-y")
		n.run(3*time.Minute + time.Duration(seed)*time.Second)
		n.tracker.Maintain(map[string]string{"a": "CHG-1"})
		n.dead["b"] = true // a answers, but does not forward
		n.run(5 * time.Minute)
		if got := n.take(); got != "" {
			t.Fatalf("seed %d: in maintenance: %q", seed, got)
		}
		if one, _ := n.outages.Muted("b"); one.Reason() != (mute.Reason{Kind: mute.ByMaintenance, Name: "CHG-1"}) {
			t.Fatalf("seed %d: %v", seed, one)
		}
		n.dead["y"] = true // which is reached over x, too
		n.run(2 * time.Minute)
		if got := n.take(); got != "raise y 0" {
			t.Fatalf("seed %d: beside the maintenance: %q", seed, got)
		}
		n.restart()
		n.tracker.Maintain(nil)
		n.dead["y"] = false
		n.run(interval + 2*budget)
		if got := n.take(); strings.Count(got, "raise") != 1 || !strings.Contains(got, "raise b") || !strings.Contains(got, "clear y") {
			t.Fatalf("seed %d: after it: %q", seed, got)
		}
	}
}

// However short the outage of a device is, none behind it is raised: each is asked again once those by which it is reached
// have answered. Two outages within the timeouts of a device that none of these polls sees are beyond that.
func TestShortOutagesRaiseNoneBehind(t *testing.T) {
	for seed := range seeds(150) {
		r := rand.New(rand.NewPCG(seed, 4))
		roots, links := randomMesh(r)
		n := newMesh(r, []time.Duration{0, 0, 2 * time.Minute}[r.IntN(3)], roots, links...)
		n.run(3 * time.Minute)
		names := slices.Sorted(maps.Keys(n.polls))
		for range 8 {
			name := names[r.IntN(len(names))]
			lasts := time.Duration(1+r.IntN(4*90)) * step
			n.dead[name] = true
			n.run(lasts)
			n.dead[name] = false
			n.run(4 * time.Minute)
			for _, event := range n.events {
				if words := strings.Fields(event); words[1] != name {
					t.Fatalf("seed %d: %s is not there for %s, for %v: %q: roots %v, links %v", seed, name, lasts, n.after, n.events, n.roots, n.links)
				}
			}
			n.events = nil
		}
	}
}
