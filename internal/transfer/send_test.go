package transfer_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Targets go from zone to zone, while their alarms come and go, and members are killed at any moment: the alarms go along. Receivers are
// sent raise and clear of each in turn, unless a target did not wait for its alarm, and the last word is true.
func TestAlarmsFollowTheirTargets(t *testing.T) {
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed)
			w.careless = seed%3 == 2
			var members []*process
			for i := range 3 {
				members = append(members, w.start(fmt.Sprint("m", i), t.TempDir(), true, -1))
			}
			anew := map[string]bool{}
			for range 5 {
				for _, target := range targets[2:] {
					switch w.random.IntN(6) {
					case 0:
						w.truth[target] = !w.truth[target]
					case 1:
						if home := w.homes[target]; len(home) > 1 {
							w.homes[target] = home[:1]
						} else {
							w.homes[target] = home + "@z"
						}
						anew[target] = w.careless
					}
				}
				for _, s := range w.sinks {
					s.setBroken(w.random.IntN(3) == 0)
				}
				w.share(members, 8)
			}
			before := map[string]standing{}
			for _, shard := range w.shards() {
				for key, s := range w.standings(w.engine.Records(shard)) {
					before[key] = s
				}
			}
			for _, target := range targets[2:] { // all move once more
				w.homes[target] = w.homes[target][:1] + "@z"
			}
			w.share(members, 20)
			w.rest()
			for key, s := range w.standings(w.engine.Records("0@z")) {
				if was, known := before[key]; known && (!s.raised.Equal(was.raised) || !s.since.Equal(was.since)) && !w.careless {
					t.Errorf("seed %d: alarm %s is %+v, was %+v", seed, key, s, was)
				}
			}
			violations := w.check(anew)
			left, _ := w.left()
			for _, shard := range []string{"0", "1"} {
				if w.strays(shard) {
					violations = append(violations, "shard "+shard+" has alarms of other shards")
				}
			}
			if violations = append(violations, left...); len(violations) > 0 {
				t.Errorf("seed %d: %v", seed, violations[:min(4, len(violations))])
			}
			for _, p := range w.all {
				if !p.isDead() {
					p.end()
				}
			}
			settle(time.Second)
		})
		if t.Failed() {
			return
		}
	}
}
