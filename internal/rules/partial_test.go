package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/poller"
)

// Processes start whose targets are not all known: none of the alarms of the others is cleared, nor one of a global rule,
// and what baselines know stays. Once all are known, alarms of those that are gone are cleared, once each.
func TestLawOfTargetsThatAreNotAllKnown(t *testing.T) {
	const rules = `{alert: Hot, expr: temperature > 50}, {alert: Any, expr: count(temperature > 50) > 2}, ` + linkDown
	names := []string{"a", "b", "c", "d", "e", "f"}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 20))
		r := start(t, rules, names...)
		all := r.targets
		poll := func(link int) {
			r.now = r.now.Add(pollTime)
			for _, target := range r.targets {
				r.pollOf(target, nil, `temperature 60`, fmt.Sprintf(`link{i="1"} %d`, link))
			}
		}
		poll(1)
		poll(1)
		if got := strings.Count(r.take(), "raise"); got != len(names)+1 {
			t.Fatalf("%d alarms are raised", got)
		}
		some := func() (list []*poller.Target) {
			for _, target := range all {
				if random.IntN(2) == 0 {
					list = append(list, target)
				}
			}
			return list
		}
		r.partial = true
		for range 1 + random.IntN(3) {
			r.targets = some()
			r.restart(time.Duration(random.IntN(1000)) * time.Second)
			poll(1)
			if random.IntN(2) == 0 { // another list is read
				for _, target := range some() {
					if !slices.Contains(r.targets, target) {
						r.targets = append(r.targets, target)
					}
				}
				r.configure()
				poll(1)
			}
			r.want(fmt.Sprint(seed, ": while others may be added"), "")
		}
		r.partial = false
		var gone []*poller.Target
		for _, target := range all {
			switch {
			case slices.Contains(r.targets, target):
			case random.IntN(2) == 0:
				r.targets = append(r.targets, target)
			default:
				gone = append(gone, target)
			}
		}
		r.configure()
		if got := strings.Count(r.take(), "clear Hot (the target is gone)"); got != len(gone) {
			t.Errorf("%d: once all are known, %d alarms are cleared, want %d", seed, got, len(gone))
		}
		for _, a := range r.outbox.Conditions() {
			if slices.ContainsFunc(gone, func(t *poller.Target) bool { return t.Name == a.Target }) {
				t.Errorf("%d: the alarm of %s stands, which is gone", seed, a.Target)
			}
		}
		poll(2)
		if got := strings.Count(r.take(), "raise Down"); got != len(r.targets) {
			t.Errorf("%d: %d links that were up are down, want %d", seed, got, len(r.targets))
		}
		r.kill()
	}
}
