package rules

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Reloads that change nothing, at random times or every few seconds, put off neither `for` nor keep_firing_for nor the
// evaluation of global rules: what is sent, and when, is as without them.
func TestReloadsDisturbNothing(t *testing.T) {
	const rules = `{alert: Hot, expr: temperature > 40, for: 2m}, {alert: Kept, expr: temperature > 40, keep_firing_for: 2m}, {alert: Mean, expr: 'avg_over_time(temperature[2m]) > 40'},
		{alert: All, expr: sum(temperature) > 40, for: 1m}, {alert: None, expr: absent(humidity)}`
	for seed := range uint64(4) {
		want := ""
		for _, spacing := range []time.Duration{0, 3 * time.Second, 7 * time.Second, 100 * time.Second} {
			rng := rand.New(rand.NewPCG(seed, 3))
			reloads := rand.New(rand.NewPCG(seed, 4))
			r := start(t, rules)
			next := r.now.Add(spacing)
			got := ""
			value := 20
			for second := 1; second <= 1200; second++ {
				r.now = r.now.Add(time.Second)
				if spacing > 0 && !r.now.Before(next) {
					next = r.now.Add(spacing/2 + time.Duration(reloads.Int64N(int64(spacing))))
					r.use(rules)
					r.configure()
				}
				if second%30 == 0 {
					if rng.IntN(4) == 0 {
						value = 70 - value
					}
					r.pollOf(r.targets[0], nil, fmt.Sprintf("temperature %d", value))
				}
				r.e.dueGlobal(r.Context(), r.due, r.e.now())
				if sent := r.take(); sent != "" {
					got += fmt.Sprintf("%d: %s\n", second, sortedLines(sent))
				}
			}
			if spacing == 0 {
				want = got
			}
			if got != want || got == "" {
				t.Errorf("seed %d, a reload each %s: sent\n%s\nwant\n%s", seed, spacing, got, want)
			}
			r.kill()
		}
	}
}
