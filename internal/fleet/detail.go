package fleet

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/reason"
	"trapline/internal/setting"
)

// Target returns all that is known about a target.
func (f *Fleet) Target(name string) (api.Target, error) {
	d, ok := f.polls.Detail(name)
	if !ok {
		return api.Target{}, f.NoTarget(name)
	}
	u := d.Summary
	t := api.Target{
		TargetSummary: summary(u, f.console.OpenAlarms()), Auth: u.Target.AuthName, Version: versionOf(u.Target), Modules: u.Target.ModuleNames(), Profile: ProfileOf(u),
		Polls: d.Polls, Missed: d.Missed, LatePolls: d.Late, Packets: d.Packets, Retries: d.Retries, Reboots: d.Reboots, Next: d.Next,
		Problems: []api.Problem{}, Ladder: []api.Step{}, Tables: f.tables(u), Changes: []api.StateChange{},
	}
	t.EngineID, t.Boots = f.engineOf(u.Target)
	if id := u.Identity; id != nil {
		t.Identity = identity(id)
	}
	for _, w := range u.Problems() {
		t.Problems = append(t.Problems, *problem(&w))
	}
	if u.State == poller.Down {
		t.Ladder = Ladder(u)
		t.Problems[0].Notes = f.notes(u)
	}
	if u.Answered != nil {
		t.Absent = absent(u.Answered)
		t.Answered = u.Answered.Start.Add(u.Answered.Duration)
	}
	if f.Neighbours != nil {
		t.Neighbours = f.Neighbours(name)
	}
	for _, c := range slices.Backward(u.Changes) {
		t.Changes = append(t.Changes, api.StateChange{At: c.At, State: api.State(c.State.String()), Reason: c.Reason, Text: c.Text})
	}
	return t, nil
}

// engineOf is the SNMPv3 engine that answers for a target, as far as it is known.
func (f *Fleet) engineOf(t *poller.Target) (id string, boots int32) {
	if f.open == nil || versionOf(t) != "3" {
		return "", 0
	}
	session, err := f.open(t.Spec)
	if err != nil {
		return "", 0
	}
	if s, ok := session.(interface{ SNMPEngine() ([]byte, int32, bool) }); ok {
		octets, boots, _ := s.SNMPEngine()
		return hex.EncodeToString(octets), boots
	}
	return "", 0
}

// absent is how many metrics of its modules a poll has no series of.
func absent(p *poller.Pass) (n int) {
	present := map[string]bool{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			present[set.Columns[i].Desc.Name] = true
		}
	}
	for _, m := range p.Modules {
		for name := range m.OutputMetrics() {
			if !present[name] {
				n++
				present[name] = true
			}
		}
	}
	return n
}

// NoTarget says that there is no target of a name, and which one may be meant.
func (f *Fleet) NoTarget(name string) error { return f.NoTargetOf(name, nil) }

// NoTargetOf is NoTarget where there are others beside the targets that are polled here.
func (f *Fleet) NoTargetOf(name string, names []string) error {
	for _, u := range f.polls.Summaries() {
		names = append(names, u.Target.Name)
	}
	slices.Sort(names)
	err := api.Errorf(api.ErrNotFound, "there is no target %q", name)
	if question := setting.DidYouMean(name, names); question != "" {
		return api.WithHint(err, question)
	}
	return api.WithHint(err, "trapline targets lists the targets")
}

func identity(id *poller.Identity) api.Identity {
	out := api.Identity{SysName: id.SysName, SysDescr: id.SysDescr, SysLocation: id.SysLocation, SysContact: id.SysContact, SysObjectID: id.SysObjectID, Serial: id.Serial, AsOf: id.At}
	if !id.Booted.IsZero() {
		out.Up = time.Since(id.Booted).Round(time.Second).Seconds()
	}
	return out
}

func versionOf(t *poller.Target) string {
	if t.Spec.Auth == nil || t.Spec.Auth.Version == 2 {
		return "2c"
	}
	return fmt.Sprint(int(t.Spec.Auth.Version))
}

// ProfileOf returns the modules that auto chose, and why.
func ProfileOf(u *poller.Summary) string {
	p := cmp.Or(u.Answered, u.Last)
	if p == nil || p.Choice == nil {
		return ""
	}
	var names []string
	for _, m := range p.Choice.Modules {
		names = append(names, m.Module.Name)
	}
	return fmt.Sprintf("%s (%s): %s", p.Choice.Profile(), strings.Join(p.Choice.Reasons(), "; "), strings.Join(names, ", "))
}

// Ladder returns which of the conditions for an answer hold for a target, and which one does not.
func Ladder(u *poller.Summary) []api.Step {
	steps := []api.Step{}
	for _, r := range u.Rungs() {
		step := api.Step{Name: string(r.Step)}
		switch r.State {
		case poller.RungHolds:
			step.State, step.Text = "ok", stepTexts[r.Step]
		case poller.RungFails:
			step.State = "failed"
			if problems := u.Problems(); len(problems) > 0 {
				step.Text = problems[0].First()
			}
		case poller.RungOpen:
			step.State, step.Text = "unknown", openSteps[r.Step]
		}
		steps = append(steps, step)
	}
	return steps
}

// stepTexts say that a step holds.
var stepTexts = map[reason.Step]string{
	reason.Resolves: "the address is known",
	reason.Sent:     "the network takes the packets",
	reason.Answers:  "the device answers",
	reason.Engine:   "its engine ID and clock are known",
	reason.User:     "it accepts the user",
	reason.Digest:   "the password is right",
	reason.Decrypts: "it decrypts messages",
	reason.View:     "the objects may be read",
}

// openSteps are texts of steps after the one that failed.
var openSteps = map[reason.Step]string{
	reason.Resolves: "whether the address is known",
	reason.Sent:     "whether the network takes the packets",
	reason.Answers:  "whether the device answers",
	reason.Engine:   "whether its engine ID and clock settle",
	reason.User:     "whether it accepts the user",
	reason.Digest:   "whether the password is right",
	reason.Decrypts: "whether it decrypts messages",
	reason.View:     "whether the objects may be read",
}

// notes are further sentences on a target that is down: since when, and which others fell silent.
func (f *Fleet) notes(u *poller.Summary) []string {
	var notes []string
	if u.Answered != nil {
		at := u.Answered.Start.Add(u.Answered.Duration)
		notes = append(notes, fmt.Sprintf("It answered with auth %s until %s.", u.Target.AuthName, api.Clock(at, time.Now())))
	}
	for _, g := range silenced(f.polls.Summaries()) {
		if len(g.members) > 1 && slices.ContainsFunc(g.members, func(m *poller.Summary) bool { return m.Target == u.Target }) {
			notes = append(notes, fmt.Sprintf("%s fell silent within %s.", others(len(g.members)-1, g.common), human.Duration(g.span())))
		}
	}
	return notes
}

func others(n int, common string) string {
	text := human.Grouped(n) + " other targets"
	if n == 1 {
		text = "1 other target"
	}
	if common != "" {
		text += " of " + common
	}
	return text
}

// problem is a failure in the words that the log and the command line have for it, too.
func problem(w *reason.Words) *api.Problem {
	return &api.Problem{Reason: string(w.Reason), Text: w.Text, Remedy: w.Remedy, Table: w.Table, Last: w.Row}
}
