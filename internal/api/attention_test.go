package api

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/internal/snmp"
)

// down is a target that answered at a time and was found silent at another.
func down(name, site string, answered, silent time.Time) *poller.Summary {
	one := target(name, site)
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

func sentences(list []Attention) string {
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
		{Target: target("up", "berlin"), State: poller.Up, Last: &poller.Pass{Up: true, Duration: 40 * time.Second}},
	}
	never := down("d", "oslo", at(0, 0), at(5, 0))
	never.Answered = nil
	part := &poller.Summary{Target: target("e", "oslo"), State: poller.Partial, Since: at(9, 0), Last: &poller.Pass{Up: true, Errors: []*access.Error{
		{Reason: access.TooMany, OID: snmp.MustParseOID("1.3.9"), Last: snmp.MustParseOID("1.3.9.4"), Err: fmt.Errorf("more than 100000 rows")},
	}}}
	part.Last.Err = part.Last.Errors[0]
	all = append(all, never, part)
	var others otherCounts
	others.addReceivers([]Receiver{
		{Name: "nms-1", State: receiverWorks}, {Name: "nms-2", Address: "192.0.2.10:162", State: receiverFails, Waiting: 14, Oldest: at(2, 0), Problem: &Problem{Text: `unknown user "monitor"`}},
	}, now)
	others.addRules([]Rule{{Name: "Hot", State: ruleError, Text: "division by zero"}, {Name: "Cold", State: ruleNoData, Firing: 2, Pending: 1, TookSeconds: 0.002}})
	others.addExcesses([]rules.Excess{{Target: "sw-9", Samples: 2900, Since: at(30, 0)}})
	config := ConfigStatus{Refused: at(40, 0), LoadedAt: at(9, 14), Errors: []ConfigError{{File: "targets.yml", Line: 31, Text: "there is no auth secrue; did you mean secure?"}, {}}}
	got := sentences(silent(all, now)) + "\n" + sentences(unmet(all)) + "\n" + sentences(others.attention) + "\n" + sentences(attentionTo(&config, now)) + "\n" + sentences(partial(all)) + "\n" + sentences(slow(all))
	want := `down: c stopped answering at 14:21. No answer to any request in 0 ms.
down: 2 targets of site berlin stopped answering within 9 s, at 14:02.
down: d has never answered. No answer to any request in 0 ms.
failing: Receiver nms-2 (192.0.2.10:162) acknowledges nothing: unknown user "monitor". 14 notifications wait, the oldest since 14:02.
rule: Rule Hot cannot be evaluated: division by zero.
series: 2,900 samples are left out of the last poll of sw-9: too many of its series are new, and rules do not see those.
refused: The last reload was refused; the configuration of 14:09 runs. targets.yml:31: there is no auth secrue; did you mean secure? 1 more error.
partial: e answers partially. 1.3.9 is partial after row 4: more than 100000 rows.
slow: The poll of up takes 40 s of its interval of 60 s.`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r := others.rules; r != (RuleCounts{Total: 2, Failing: 1, WithoutData: 1, Firing: 2, Pending: 1, SlowestSeconds: 0.002}) {
		t.Errorf("%+v", r)
	}
	if r := others.receivers; r != (ReceiverCounts{Total: 2, Failing: 1, Waiting: 14}) {
		t.Errorf("%+v", r)
	}
}

// No list of a status is null.
func TestNothingIsNull(t *testing.T) {
	play(t, sites(1, "berlin"), func(r *rig) {
		for _, data := range []any{r.Status(), first1(r.Target("sw-00")), first1(r.Targets(TargetQuery{Text: "none"}))} {
			if text, err := json.Marshal(data); err != nil || strings.Contains(string(text), "null") {
				t.Errorf("%v: %s", err, text)
			}
		}
	})
}

func first1[T any](v T, _ error) T { return v }
