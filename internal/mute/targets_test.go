package mute

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/alarm"
)

// Rules whose targets change step by step are those that are made anew, and those before stay as they were.
func TestTargetsThatChange(t *testing.T) {
	no := false
	windows := []WindowSettings{
		{Name: "berlin", Matchers: []string{`site="berlin"`}, Poll: &no}, {Name: "core", Matchers: []string{`target=~"t1.*"`, `site!=""`}, Poll: &no}, {Name: "kiel", Matchers: []string{`site="kiel"`}},
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		all := map[string]map[string]string{}
		rules, err := NewRules(nil, windows, all)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			changed, before := map[string]map[string]string{}, maps.Clone(all)
			var gone []string
			for range r.IntN(6) {
				name := fmt.Sprint("t", r.IntN(30))
				if r.IntN(3) == 0 {
					gone = append(gone, name)
					delete(all, name)
				}
			}
			for range r.IntN(6) {
				name := fmt.Sprint("t", r.IntN(30))
				changed[name] = map[string]string{"site": []string{"berlin", "kiel", ""}[r.IntN(3)]}
				all[name] = changed[name]
			}
			was := rules
			rules = rules.WithTargets(changed, gone)
			compareTargets(t, seed, was, before, windows)
			compareTargets(t, seed, rules, all, windows)
		}
		if len(rules.targets) > 6 {
			t.Errorf("seed %d: %d layers of %d targets", seed, len(rules.targets), len(all))
		}
	}
}

func compareTargets(t *testing.T, seed uint64, rules *Rules, all map[string]map[string]string, windows []WindowSettings) {
	t.Helper()
	want, err := NewRules(nil, windows, maps.Clone(all))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1e9, 0)
	maintained := func(r *Rules) map[string]string {
		return NewSet(nil, r).Pass(now).Set.Maintained(alarm.Alarm{Rule: "DeviceDown"})
	}
	if got, want := maintained(rules), maintained(want); !maps.Equal(got, want) {
		t.Fatalf("seed %d: in maintenance are %v, want %v", seed, got, want)
	}
	for i := range 30 {
		name := fmt.Sprint("t", i)
		if got := rules.Paused(name, now); !maps.Equal(rules.TargetLabels(name), all[name]) || got != want.Paused(name, now) {
			t.Fatalf("seed %d: %s has %v and is paused by %q, want %v and %q", seed, name, rules.TargetLabels(name), got, all[name], want.Paused(name, now))
		}
	}
}
