//go:build jump

package poller

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * 60 * 60

// setWallClock sets the wall clock ahead by so many seconds.
func setWallClock(ahead int64) { time.Jump.Store(&ahead) }

// Whatever the wall clock is set to, forward, back, and back and forth, no pass is missed or made too early.
func TestJumps(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for name, jumps := range map[string][]int64{
		"none": {0}, "back": {-90}, "forward": {90}, "two days back": {-2 * day}, "two days forward": {2 * day},
		"back and forth": {-90, 0, 90, -2 * day, 2 * day, 0}, "anywhere": {r.Int64N(9*day) - 4*day, r.Int64N(200) - 100, r.Int64N(9*day) - 4*day},
		"before 1970": {-60 * 365 * day},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				setWallClock(0)
				defer time.Jump.Store(nil)
				n := newNetwork()
				var targets []*Target
				for i := range 50 {
					name := fmt.Sprint("t", i)
					n.latency[name] = 20 * time.Millisecond
					targets = append(targets, target(name, 30*time.Second))
				}
				poll(t, n, 0, targets, func(p *Poller) {
					time.Sleep(5 * time.Minute)
					for range 4 {
						for _, jump := range jumps {
							synctest.Wait()
							setWallClock(jump)
							time.Sleep(time.Duration(r.Int64N(int64(2 * time.Minute))))
						}
						if err := p.Check(); err != nil {
							t.Error(err)
						}
					}
					for _, x := range targets {
						r, _ := p.Report(x.Name)
						if age := time.Since(r.Last.Start); age > 31*time.Second || age < 0 {
							t.Errorf("%s: the last pass is %v old", r.Target.Name, age)
						}
					}
				})
				for name, at := range n.passes {
					for i := 2; i < len(at); i++ {
						if gap := at[i].Sub(at[i-1]); gap != 30*time.Second {
							t.Errorf("%s: %v between passes %d and %d", name, gap, i-1, i)
						}
					}
				}
			})
		})
	}
}
