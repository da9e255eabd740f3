package ownalarm

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/statedir"
)

// Each member of a cluster finds by itself whether there is reason for an alarm, and hands that to whoever has the alarms, who does not answer at
// times, or after it has committed: the alarm is active while one of those that were heard has a reason, and has one life for all.
func TestAlarmsOfSeveralMembersAreOne(t *testing.T) {
	for seed := range uint64(40) {
		random, now := rand.New(rand.NewPCG(seed, 1)), time.Unix(1e9, 0)
		state, err := statedir.Open(t.TempDir(), nil, now)
		if err != nil {
			t.Fatal(err)
		}
		all, err := outbox.New(state, nil, outbox.Options{Logger: slog.New(slog.DiscardHandler), Metrics: outbox.NewMetrics(prometheus.NewRegistry())}, now)
		if err != nil {
			t.Fatal(err)
		}
		fails := false
		apply := func(list []outbox.Transition, at time.Time) error {
			if fails && random.IntN(2) == 0 {
				return errors.New("no answer")
			}
			if err := all.Apply(list, at); err != nil || fails {
				return errors.Join(err, errors.New("no answer"))
			}
			return nil
		}
		var members []*Alarms
		start := func(i int) *Alarms {
			return &Alarms{
				Rule: "Shrunk", Label: "list", Severity: alarm.Warning, Member: fmt.Sprint("m", i), Deployment: func() string { return "" }, Apply: apply,
				Describe: func(a *alarm.Alarm, _ string, n int) { a.Value = fmt.Sprint(n) },
			}
		}
		reasons := make([]map[string]int, 3)
		for i := range reasons {
			members, reasons[i] = append(members, start(i)), map[string]int{}
		}
		lives := map[string]uint64{} // the numbers of the alarms that have been active without a break
		for range 60 {
			switch i, list := random.IntN(len(members)), fmt.Sprint(random.IntN(2)); random.IntN(6) {
			case 0:
				members[i] = start(i)
			case 1:
				fails = !fails
			case 2, 3: // all read the same
				for _, r := range reasons {
					r[list] = 1 + random.IntN(2)
				}
			default:
				reasons[i][list] = random.IntN(2)
			}
			before := fails
			for _, f := range []bool{before, false} { // all are heard in the end
				fails = f
				for i, m := range members {
					if err := m.Set(maps.Clone(reasons[i]), now); err != nil && !f {
						t.Fatal(err)
					}
				}
				now = now.Add(time.Duration(random.IntN(900)) * time.Second)
			}
			fails = before
			wanted := map[string]bool{}
			for _, r := range reasons {
				for list, n := range r {
					wanted[list] = wanted[list] || n > 0
				}
			}
			active := map[string]uint64{}
			for _, a := range all.Active() {
				list := a.Labels["list"]
				if active[list] != 0 || !wanted[list] {
					t.Fatalf("seed %d: an alarm about %s, wanted are %v", seed, list, wanted)
				}
				if was, lived := lives[list]; lived && was != a.Number {
					t.Fatalf("seed %d: the alarm about %s was raised again", seed, list)
				}
				active[list] = a.Number
			}
			for list, is := range wanted {
				if is && active[list] == 0 {
					t.Fatalf("seed %d: no alarm about %s, with %v", seed, list, reasons)
				}
			}
			lives = active
		}
		if err := state.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
