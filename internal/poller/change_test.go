package poller

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Targets that come, go and change, also while they are polled, do not disturb the pace of others, and those that are
// there at the end are polled.
func TestChangesDisturbNoOthers(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			f := &fleet{kinds: map[string]kind{}}
			stable := map[string]bool{}
			present := map[string]*Target{}
			for i := range 100 {
				name := fmt.Sprintf("t%d", i)
				f.kinds[name] = prompt
				if stable[name] = i < 50; i < 50 {
					present[name] = target(name, time.Minute)
				}
			}
			p := New(Options{PassOptions: PassOptions{Open: f.open}, Logger: slog.New(slog.DiscardHandler)})
			set := func() {
				var all []*Target
				for _, x := range present {
					all = append(all, x)
				}
				p.SetTargets(all)
			}
			set()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- p.Run(ctx) }()
			for range 90 {
				time.Sleep(time.Duration(r.IntN(20)) * time.Second)
				for range r.IntN(30) {
					name := fmt.Sprintf("t%d", 50+r.IntN(50))
					switch {
					case present[name] != nil && r.IntN(2) == 0:
						delete(present, name)
					default:
						present[name] = target(name, time.Duration(1+r.IntN(3))*time.Minute)
					}
				}
				for name := range stable {
					if stable[name] && r.IntN(4) == 0 {
						present[name] = target(name, time.Minute) // read again, and the same
					}
				}
				set()
			}
			time.Sleep(4 * time.Minute)
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if len(p.states) != len(present) || len(p.schedule) != len(present) || len(*p.roster.Load()) != len(present) {
				t.Fatalf("seed %d: %d states, %d in the schedule, %d in the list, want %d", seed, len(p.states), len(p.schedule), len(*p.roster.Load()), len(present))
			}
			for name := range present {
				s := p.states[name]
				if s == nil || s.target != present[name] || !slices.Contains(p.schedule, s) || s.passes.Load() == 0 {
					t.Fatalf("seed %d: %s is not polled", seed, name)
				}
				if stable[name] && (s.late.Load() > 0 || s.missed.Load() > 0 || s.passes.Load() < 14) {
					t.Errorf("seed %d: %s: %d polls, %d late, %d left out", seed, name, s.passes.Load(), s.late.Load(), s.missed.Load())
				}
			}
		})
	}
}

// However often reloads change intervals, or labels, no poll begins later than it was planned, nor later than the new
// interval after the last one, and none too soon where the interval alone changes.
func TestReloadsPutNoPollOff(t *testing.T) {
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			reloads{T: t, r: rand.New(rand.NewPCG(seed, 5)), n: newNetwork(), due: map[string]time.Duration{}, counted: map[string]int{}, begun: map[string]time.Time{}}.run()
		})
	}
}

// reloads change targets. Every other one has other labels, too, each time.
type reloads struct {
	*testing.T
	r       *rand.Rand
	n       *network
	due     map[string]time.Duration // after the last poll, at the latest
	counted map[string]int           // polls
	begun   map[string]time.Time     // the last of them
}

func (l reloads) target(i int, interval time.Duration) *Target {
	x := target(fmt.Sprint("t", i), interval)
	l.n.latency[x.Name] = 3 * time.Second // longer than from one reload to the next
	if i%2 == 1 {
		x.Labels = map[string]string{"n": fmt.Sprint(l.r.Int())}
	}
	return x
}

func (l reloads) run() {
	intervals := []time.Duration{20 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}
	targets := make([]*Target, 1600)
	for i := range targets {
		targets[i] = l.target(i, time.Minute)
		l.due[targets[i].Name], l.begun[targets[i].Name] = time.Minute, time.Now()
	}
	poll(l.T, l.n, 0, targets, func(p *Poller) {
		for range 150 {
			time.Sleep(time.Duration(l.r.Int64N(int64(3 * time.Second))))
			synctest.Wait()
			l.n.mu.Lock()
			for i, x := range targets {
				if !l.keeps(x, i%2 == 0) {
					l.n.mu.Unlock()
					return
				}
				targets[i] = l.target(i, intervals[l.r.IntN(len(intervals))])
				l.due[x.Name] = min(l.due[x.Name], max(targets[i].Interval, time.Since(l.begun[x.Name])))
			}
			l.n.mu.Unlock()
			p.SetTargets(targets)
		}
	})
}

// keeps reports whether the polls of a target since the last reload keep the law.
func (l reloads) keeps(x *Target, paced bool) bool {
	for _, at := range l.n.passes[x.Name][l.counted[x.Name]:] {
		if gap := at.Sub(l.begun[x.Name]); paced && l.counted[x.Name] > 1 && gap < 10*time.Second {
			l.Errorf("%s: %v between polls", x.Name, gap)
			return false
		}
		l.counted[x.Name]++
		l.begun[x.Name], l.due[x.Name] = at, x.Interval*3/2 // the next one keeps to its place in the interval
	}
	if since := time.Since(l.begun[x.Name]); since > l.due[x.Name] {
		l.Errorf("%s has not been polled for %v: want %v at most", x.Name, since, l.due[x.Name])
		return false
	}
	return true
}

// BenchmarkSetTargets replaces 1 % of 50,000 targets, the others being the same.
func BenchmarkSetTargets(b *testing.B) {
	p := New(Options{Logger: slog.New(slog.DiscardHandler)})
	const many = 50_000
	targets := make([]*Target, many)
	for i := range targets {
		targets[i] = target(fmt.Sprintf("t%d", i), time.Minute)
	}
	p.SetTargets(targets)
	for i := 0; b.Loop(); i++ {
		for j := range many / 100 {
			n := (i*many/100 + j) % many
			targets[n] = target(targets[n].Name, time.Duration(1+i%2)*time.Minute)
		}
		p.SetTargets(targets)
	}
}

// BenchmarkChange changes one of a hundred of 50,000 targets, every other one in its address. lock-ms is the longest wait for
// the mutex meanwhile, which is at least as long as it is held: the median of all changes, for on a busy machine the one who
// holds the mutex may not run; most-lock-ms is the longest of all.
func BenchmarkChange(b *testing.B) {
	all := make([]*Target, 50_000)
	for i := range all {
		all[i] = target(fmt.Sprint("t", i), 5*time.Minute)
	}
	p := New(Options{Logger: slog.New(slog.DiscardHandler)})
	p.SetTargets(all)
	done, longest := make(chan struct{}), atomic.Int64{}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			before := time.Now()
			p.mu.Lock()
			wait := int64(time.Since(before))
			p.mu.Unlock() //nolint:staticcheck // the wait is all
			if wait > longest.Load() {
				longest.Store(wait)
			}
			time.Sleep(10 * time.Microsecond)
		}
	})
	var waits []int64
	for step := 1; b.Loop(); step++ {
		next := slices.Clone(all)
		for i := step % 100; i < len(all); i += 100 {
			next[i] = target(all[i].Name, 5*time.Minute)
			next[i].Labels = map[string]string{"step": fmt.Sprint(step)}
			if i%2 == 0 {
				next[i].Spec.Address = fmt.Sprint("192.0.2.", step%250)
			}
		}
		p.SetTargets(next)
		all = next
		waits = append(waits, longest.Swap(0))
	}
	close(done)
	waiting.Wait()
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)/2])/1e6, "lock-ms")
	b.ReportMetric(float64(waits[len(waits)-1])/1e6, "most-lock-ms")
}
