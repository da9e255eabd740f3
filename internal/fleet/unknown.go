package fleet

import (
	"slices"

	"trapline/internal/alerting"
	"trapline/internal/api"
	"trapline/internal/poller"
)

// Unanswered is a target of which nothing is known but its settings, and why.
type Unanswered struct {
	Target *poller.Target
	Why    string
}

// memberReason is the reason of the problem of targets whose member does not answer.
const memberReason = "member"

// ListUnknown returns those of the targets that a query selects, in any order and without a limit.
func ListUnknown(q api.TargetQuery, targets []Unanswered) (list api.TargetList, err error) {
	conditions, err := compiled(api.ParseTerms(q.Text))
	if err != nil {
		return list, err
	}
	for i := range targets {
		if !matches(poller.Unpolled(targets[i].Target), conditions) {
			continue
		}
		list.Counts.Total++
		list.Counts.Unknown++
		ofOther := func(c condition) bool { return c.Key == "state" && c.is(string(api.Unknown)) == c.Not }
		if !slices.ContainsFunc(conditions, ofOther) {
			list.Targets = append(list.Targets, targets[i].summary())
		}
	}
	list.Matched = len(list.Targets)
	return list, nil
}

func (u *Unanswered) summary() api.TargetSummary {
	s := summary(poller.Unpolled(u.Target), &alerting.OpenAlarms{})
	s.State, s.Problem = api.Unknown, &api.Problem{Reason: memberReason, Text: u.Why}
	return s
}

// Answer is all that is known of the target.
func (u *Unanswered) Answer() api.Target {
	s := u.summary()
	return api.Target{
		TargetSummary: s, Auth: u.Target.AuthName, Version: versionOf(u.Target), Modules: u.Target.ModuleNames(),
		Problems: []api.Problem{*s.Problem}, Ladder: []api.Step{}, Tables: []api.TableName{}, Changes: []api.StateChange{},
	}
}
