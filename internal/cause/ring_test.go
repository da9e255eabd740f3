package cause

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/alarm"
)

// ringRules are rules without equal by which alarms of kinds a and b inhibit each other.
func ringRules(tb testing.TB) []Rule {
	tb.Helper()
	rules, err := ParseRules([]RuleSettings{
		{SourceMatchers: []string{`kind="a"`}, TargetMatchers: []string{`kind="b"`}},
		{SourceMatchers: []string{`kind="b"`}, TargetMatchers: []string{`kind="a"`}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

func ringState(i int) *alarm.State {
	id := fmt.Sprint(i)
	a := alarm.Alarm{Rule: id, Labels: map[string]string{"kind": string(rune('a' + i%2))}}
	return &alarm.State{ID: id, RaisedAt: time.Unix(int64(i), 0), Conditions: []alarm.Condition{{Source: id, Alarm: a}}}
}

// fillRing begins the alarms of a ring, looks at each of those that this touches, and returns how long each alarm took.
func fillRing(tb testing.TB, rules []Rule, n int) time.Duration {
	began := time.Now()
	x := NewIndex(rules, labelsOf).Changing()
	for i := range n {
		s := ringState(i)
		x.Put(s.ID, s.ID, s)
	}
	muted := 0
	for _, id := range x.Touched(func(string) bool { return false }) {
		if _, inhibited := x.Inhibited(id); inhibited {
			muted++
		}
	}
	if muted != n-1 {
		tb.Errorf("%d of %d are inhibited", muted, n)
	}
	return time.Since(began) / time.Duration(n)
}

// BenchmarkRing has the alarms of a ring begin, and holds the time for each alarm against that in a ring of a tenth of the
// size.
func BenchmarkRing(b *testing.B) {
	rules := ringRules(b)
	var small, large time.Duration
	for b.Loop() {
		for range 10 {
			small += fillRing(b, rules, 600) / 10
		}
		large += fillRing(b, rules, 6000)
	}
	b.ReportMetric(float64(small.Nanoseconds())/float64(b.N), "ns/alarm-of-600")
	b.ReportMetric(float64(large)/float64(small), "ratio")
}

// Each alarm of a ring is looked at once, however many there are and however often is asked.
func TestARingIsLookedAtOnce(t *testing.T) {
	x := NewIndex(ringRules(t), labelsOf)
	for i := range 500 {
		s := ringState(i)
		x.Set(s.ID, s.ID, s)
	}
	visited := func() int { return len(x.known().marks) }
	for i := range 500 {
		x.Changing().Inhibited(fmt.Sprint(i))
	}
	if known := x.rings; visited() > 502 || known == nil {
		t.Errorf("%d visits", visited())
	}
	known := x.rings
	x.Set("0", "0", ringState(0))
	if x.rings != known {
		t.Error("the rings are looked for again, but nothing has changed")
	}
}

// In larger groups, whose alarms share few places, inhibition is the naive one, too.
func TestInhibitionInLargeGroups(t *testing.T) {
	rings := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := &world{rules: random(r), active: map[string]*alarm.State{}}
		m := &model{world: w, index: NewIndex(w.rules, labelsOf), seen: map[string]string{}, ids: 40}
		for step := range 25 {
			for range 4 {
				m.transact(r, time.Unix(int64(step/2), 0))
			}
			want := w.inhibited()
			for id := range w.active {
				if m.seen[id] != want[id] {
					t.Fatalf("seed %d, step %d: alarm %s: %q, want %q", seed, step, id, m.seen[id], want[id])
				}
				if want[id] == "" && w.isInhibited(id) {
					rings++
				}
			}
		}
	}
	if rings < 100 {
		t.Errorf("only %d rings", rings)
	}
}
