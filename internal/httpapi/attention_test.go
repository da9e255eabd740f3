package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
	"trapline/internal/rules"
)

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
	var others otherCounts
	others.addReceivers([]api.Receiver{
		{Name: "nms-1", State: api.ReceiverWorks}, {Name: "nms-2", Address: "192.0.2.10:162", State: api.ReceiverFails, Waiting: 14, Oldest: at(2, 0), Problem: &api.Problem{Text: `unknown user "monitor"`}},
	}, now)
	others.addRules([]api.Rule{{Name: "Hot", State: api.RuleError, Text: "division by zero"}, {Name: "Cold", State: api.RuleNoData, Firing: 2, Pending: 1, TookSeconds: 0.002}})
	others.addExcesses([]rules.Excess{{Target: "sw-9", Samples: 2900, Since: at(30, 0)}})
	config := api.ConfigStatus{Refused: at(40, 0), LoadedAt: at(9, 14), Errors: []api.ConfigError{{File: "targets.yml", Line: 31, Text: "there is no auth secrue; did you mean secure?"}, {}}}
	got := sentences(others.attention) + "\n" + sentences(attentionTo(&config, now))
	want := `failing: Receiver nms-2 (192.0.2.10:162) acknowledges nothing: unknown user "monitor". 14 notifications wait, the oldest since 14:02.
rule: Rule Hot cannot be evaluated: division by zero.
series: 2,900 samples are left out of the last poll of sw-9: too many of its series are new, and rules do not see those.
refused: The last reload was refused; the configuration of 14:09 runs. targets.yml:31: there is no auth secrue; did you mean secure? 1 more error.`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r := others.rules; r != (api.RuleCounts{Total: 2, Failing: 1, WithoutData: 1, Firing: 2, Pending: 1, SlowestSeconds: 0.002}) {
		t.Errorf("%+v", r)
	}
	if r := others.receivers; r != (api.ReceiverCounts{Total: 2, Failing: 1, Waiting: 14}) {
		t.Errorf("%+v", r)
	}
}

// No list of a status is null.
func TestNothingIsNull(t *testing.T) {
	play(t, sites(1, "berlin"), func(r *rig) {
		for _, data := range []any{r.api.Status(), first1(r.api.Fleet.Target("sw-00")), first1(r.api.Fleet.Targets(api.TargetQuery{Text: "none"}))} {
			if text, err := json.Marshal(data); err != nil || strings.Contains(string(text), "null") {
				t.Errorf("%v: %s", err, text)
			}
		}
	})
}

func first1[T any](v T, _ error) T { return v }

// A list that cannot be read, and one that holds what it lost, need attention; others do not.
func TestAttentionToLists(t *testing.T) {
	got := sentences(attentionToLists([]api.List{
		{Name: "good", Sources: []api.ListSource{{Name: "csv a.csv"}}, Rejected: 1},
		{Name: "inventory", Sources: []api.ListSource{{Name: "csv b.csv"}, {Name: "csv c.csv", Error: "c.csv: no such file"}}, Targets: 19, Held: 12},
	}))
	want := `list: The list inventory (csv c.csv) cannot be read: c.csv: no such file. Its targets stay as they were.
list: The list inventory lost 12 targets at once, still polled: ` + "`trapline targets accept inventory`" + ` drops them.`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
