package poller

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
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
