package fleet

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"

	"trapline/internal/api"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// down is a target that answered at a time and was found silent at another.
func down(name, site string, answered, silent time.Time) *poller.Summary {
	one := targetOf(name, site)
	pass := &poller.Pass{Start: silent, Errors: []*access.Error{{Reason: access.Timeout, Err: fmt.Errorf("x")}}}
	pass.Err = pass.Errors[0]
	return &poller.Summary{Target: one, State: poller.Down, Since: silent, Last: pass, Answered: &poller.Pass{Start: answered, Up: true}}
}

// Targets that one event may have silenced are one sentence, those that none can are several; each target that is down
// is in just one group, whatever the times and labels.
func TestSilencesArePartitions(t *testing.T) {
	begin := time.Date(2026, 1, 2, 14, 0, 0, 0, time.UTC)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		var all []*poller.Summary
		for i := range r.IntN(30) {
			silent := begin.Add(time.Duration(r.IntN(600)) * time.Second)
			all = append(all, down(fmt.Sprint("t", i), fmt.Sprint("site", r.IntN(4)), silent.Add(-time.Minute), silent))
		}
		seen := map[string]int{}
		for _, g := range silenced(all) {
			latest, site := time.Time{}, ""
			for _, u := range g.members {
				seen[u.Target.Name]++
				if u.Answered.Start.After(latest) {
					latest = u.Answered.Start
				}
				if g.common != "" && site != "" && site != u.Target.Labels["site"] {
					t.Fatalf("seed %d: %s has members of %s and %s", seed, g.common, site, u.Target.Labels["site"])
				}
				site = u.Target.Labels["site"]
			}
			if !latest.Before(g.members[0].Since) {
				t.Fatalf("seed %d: one answered at %v, another was silent at %v", seed, latest, g.members[0].Since)
			}
		}
		for _, u := range all {
			if seen[u.Target.Name] != 1 {
				t.Fatalf("seed %d: %s is in %d groups", seed, u.Target.Name, seen[u.Target.Name])
			}
		}
	}
}

func targetOf(name, site string) *poller.Target {
	return &poller.Target{Name: name, Interval: time.Minute, Labels: map[string]string{"site": site}}
}

func sentences(list []api.Attention) string {
	var texts []string
	for _, a := range list {
		texts = append(texts, a.Kind+": "+a.Text)
	}
	return strings.Join(texts, "\n")
}

func TestSentences(t *testing.T) {
	now := time.Date(2026, 1, 2, 14, 43, 0, 0, time.Local)
	at := func(minute, second int) time.Time { return time.Date(2026, 1, 2, 14, minute, second, 0, time.Local) }
	all := []*poller.Summary{
		down("a", "berlin", at(1, 30), at(2, 10)), down("b", "berlin", at(1, 40), at(2, 19)), down("c", "oslo", at(20, 0), at(21, 0)),
		{Target: targetOf("up", "berlin"), State: poller.Up, Last: &poller.Pass{Up: true, Duration: 40 * time.Second}},
	}
	never := down("d", "oslo", at(0, 0), at(5, 0))
	never.Answered = nil
	part := &poller.Summary{Target: targetOf("e", "oslo"), State: poller.Partial, Since: at(9, 0), Last: &poller.Pass{Up: true, Errors: []*access.Error{
		{Reason: access.TooMany, OID: snmp.MustParseOID("1.3.9"), Last: snmp.MustParseOID("1.3.9.4"), Err: fmt.Errorf("more than 100000 rows")},
	}}}
	part.Last.Err = part.Last.Errors[0]
	all = append(all, never, part)
	got := sentences(SilentTargets(all, now)) + "\n" + sentences(NeverAnswered(all)) + "\n" + sentences(PartialTargets(all)) + "\n" + sentences(SlowTargets(all))
	want := `down: c stopped answering at 14:21. No answer to any request in 0 ms.
down: 2 targets of site berlin stopped answering within 9 s, at 14:02.
down: d has never answered. No answer to any request in 0 ms.
partial: e answers partially. 1.3.9 is partial after row 4: more than 100000 rows.
slow: The poll of up takes 40 s of its interval of 60 s.`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
