package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trapline/internal/poller"
)

// arrivals is a world to which reloads add targets, of which some never answer to the end of a poll.
type arrivals struct {
	*rig
	rand   *rand.Rand
	begun  map[string]time.Time
	first  map[string]time.Time // when the first poll ends; zero for never
	polled map[string]bool
}

func (a *arrivals) add(n int) {
	x := target(fmt.Sprint("t", n))
	a.targets = append(a.targets, x)
	a.begun[x.Name], a.first[x.Name] = a.now, time.Time{}
	if a.rand.IntN(3) > 0 {
		a.first[x.Name] = a.now.Add(time.Duration(1+a.rand.IntN(40)) * time.Second)
	}
	a.configure()
}

func (a *arrivals) remove(i int) {
	a.targets = slices.Delete(slices.Clone(a.targets), i, i+1)
	a.configure()
}

// pollAll ends the first polls that are due.
func (a *arrivals) pollAll() {
	for _, x := range a.targets {
		if first := a.first[x.Name]; !first.IsZero() && !first.After(a.now) && !a.polled[x.Name] {
			a.polled[x.Name] = true
			a.e.evaluatePoll(a.Context(), a.e.device(x.Name), &poller.Report{Target: x, Last: &poller.Pass{Start: a.now, Up: true}, Health: setOf(a.T, "trapline_target_up 1")})
		}
	}
}

// Global rules wait for the first poll of each target, whenever it was added, for two intervals at most; those of a target
// wait for no other one; and no stream of new targets stops them.
func TestLawOfWaiting(t *testing.T) {
	const most = 2 * pollTime
	waited := 0
	for seed := range uint64(8) {
		a := &arrivals{
			rig:  start(t, `{alert: All, expr: absent(humidity)}, {alert: One, expr: 'absent(humidity{target="t0"})'}`),
			rand: rand.New(rand.NewPCG(seed, 6)), begun: map[string]time.Time{}, first: map[string]time.Time{}, polled: map[string]bool{},
		}
		a.targets = nil
		a.add(0)
		last, waits := map[string]time.Time{"g/All": a.now, "g/One": a.now}, map[string]time.Time{}
		for n := 1; n < 1500; n++ {
			a.now = a.now.Add(time.Second)
			switch busy := n/300%2 == 1; { // one each few seconds, or rarely
			case busy && a.rand.IntN(5) == 0, a.rand.IntN(200) == 0:
				a.add(n)
			case len(a.targets) > 20:
				a.remove(1 + a.rand.IntN(len(a.targets)-1))
			}
			a.pollAll()
			a.e.dueGlobal(a.Context(), a.due, a.e.now())
			for uid, status := range a.e.statuses() {
				if at := status.last; !at.Equal(a.now) {
					if since := a.now.Sub(last[uid]); since > pollTime && waits[uid].IsZero() {
						waits[uid] = a.now.Add(-time.Second)
					} else if since > most+pollTime+time.Second {
						t.Fatalf("seed %d, second %d: %s was not evaluated for %v", seed, n, uid, since)
					}
					continue
				}
				for _, x := range a.targets {
					if uid == "g/One" && x.Name != "t0" || a.polled[x.Name] {
						continue
					}
					if a.now.Sub(a.begun[x.Name]) < most && a.now.Sub(last[uid]) < most {
						t.Fatalf("seed %d, second %d: %s is evaluated %v after %s was added, which has no poll yet", seed, n, uid, a.now.Sub(a.begun[x.Name]), x.Name)
					}
				}
				if !waits[uid].IsZero() {
					waited++
				}
				last[uid], waits[uid] = a.now, time.Time{}
			}
		}
		a.kill()
	}
	if waited < 20 {
		t.Errorf("rules waited %d times: the law shows little", waited)
	}
}
