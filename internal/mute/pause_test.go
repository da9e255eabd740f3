package mute

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trapline/internal/setting"
)

// A pause begins when it is said to have begun: from there to any moment of it, the target is paused, and not before.
func TestPauses(t *testing.T) {
	no := false
	day := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		var intervals []Interval
		var windows []WindowSettings
		for i := range 1 + random.IntN(4) {
			name := fmt.Sprint("i", i)
			from := random.IntN(23)
			intervals = append(intervals, Interval{Name: name, Periods: []Period{{Times: []Times{{Start: fmt.Sprintf("%02d:00", from), End: fmt.Sprintf("%02d:00", from+1+random.IntN(24-from))}}}}})
			w := WindowSettings{Name: fmt.Sprint("w", i), Matchers: []string{`site="berlin"`}, Poll: &no}
			if random.IntN(3) > 0 {
				w.During = []string{name}
			}
			if random.IntN(2) == 0 || len(w.During) == 0 {
				w.From = setting.Time{Time: day.Add(time.Duration(random.IntN(100)) * time.Hour)}
				w.Until = setting.Time{Time: w.From.Add(time.Duration(1+random.IntN(50)) * time.Hour)}
			}
			windows = append(windows, w)
		}
		r, err := NewRules(intervals, windows, map[string]map[string]string{"core-1": {"site": "berlin"}, "core-2": nil})
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			at := day.Add(time.Duration(random.IntN(7*24*60)) * time.Minute)
			since := r.PausedSince("core-1", at)
			if r.Paused("core-1", at) == "" {
				if !since.Equal(at) {
					t.Fatalf("seed %d: not paused at %v, and since %v", seed, at, since)
				}
				continue
			}
			for moment := since; !moment.After(at); moment = moment.Add(10 * time.Minute) {
				if r.Paused("core-1", moment) == "" {
					t.Fatalf("seed %d: paused at %v since %v, and not at %v", seed, at, since, moment)
				}
			}
			if before := since.Add(-time.Nanosecond); r.Paused("core-1", before) != "" && at.Sub(since) < Horizon {
				t.Fatalf("seed %d: paused at %v since %v, and also at %v", seed, at, since, before)
			}
			if r.Paused("core-2", at) != "" {
				t.Fatal("another target is paused")
			}
		}
	}
}

func TestPausesSelectTargets(t *testing.T) {
	no, yes := false, true
	for poll, want := range map[*bool]string{&no: "with poll: false, matchers select targets, which have no label alertname", &yes: "", nil: ""} {
		w := WindowSettings{Name: "CHG-1", Matchers: []string{`site="berlin"`, `alertname="Hot"`}, During: []string{"night"}, Poll: poll}
		if got := fmt.Sprint(w.Problems()); !strings.Contains(got, want) || (want == "") != (len(w.Problems()) == 0) {
			t.Errorf("%v: %s", poll, got)
		}
	}
}
