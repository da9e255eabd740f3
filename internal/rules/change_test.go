package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trapline/internal/poller"
)

// Changes of targets touch those that changed: others are not bound again, whatever comes and goes.
func TestChangesOfTargetsTouchOnlyThese(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 15))
	r := start(t, `{alert: Hot, expr: 'temperature > 40', for: 1m}`)
	const untouched = 1 << 30
	for range 200 {
		before := slices.Clone(r.targets)
		for _, d := range r.e.devices {
			d.decided = untouched
		}
		for range random.IntN(4) {
			changed := target(fmt.Sprintf("sw%d", random.IntN(12)))
			changed.Interval = time.Duration(1+random.IntN(5)) * time.Minute
			r.targets = slices.DeleteFunc(r.targets, func(t *poller.Target) bool { return t.Name == changed.Name })
			if random.IntN(3) > 0 {
				r.targets = append(r.targets, changed)
			}
		}
		r.configure()
		if len(r.e.devices) != len(r.targets) {
			t.Fatalf("seed %d: %d devices of %d targets", seed, len(r.e.devices), len(r.targets))
		}
		longest := minLookback
		for _, one := range r.targets {
			d := r.e.devices[one.Name]
			same := slices.Contains(before, one)
			if d == nil || d.target != one || d.interval != one.Interval || (d.decided == untouched) != same {
				t.Fatalf("seed %d: %s, which is the same: %v", seed, one.Name, same)
			}
			longest = max(longest, one.Interval*5/2)
		}
		if got := r.e.queryEngine.Load().lookback; got != longest {
			t.Fatalf("seed %d: the lookback is %s, not %s", seed, got, longest)
		}
	}
}
