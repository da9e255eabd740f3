package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/api"
	"trapline/internal/fleet"
	"trapline/internal/human"
	"trapline/internal/rules"
)

// Status returns the state of the process, or of all members of the cluster.
func (a *API) Status() api.Status {
	if a.union == nil {
		return a.ownStatus()
	}
	return a.union.Status(a.own.ownStatus())
}

// Warnings says why answers for all members of the cluster are not complete.
func (a *API) Warnings() []string {
	if a.union == nil {
		return nil
	}
	return a.union.Warnings()
}

func (a *API) ownStatus() api.Status {
	now := time.Now()
	all := a.options.Polls.Summaries()
	s := api.Status{
		Version: a.options.Version, Started: a.options.Started, Alarms: a.Console.OpenAlarms().Counts,
		Config: a.configStatus(), LastHour: []api.Minute{}, Slowest: fleet.Slowest(all),
	}
	others := a.others()
	s.Rules, s.Receivers = others.rules, others.receivers
	down := slices.Concat(fleet.SilentTargets(all, now), fleet.NeverAnswered(all))
	s.Attention = append([]api.Attention{}, slices.Concat(down, others.attention, attentionTo(&s.Config, now), attentionToLists(a.Lists()), fleet.PartialTargets(all), fleet.SlowTargets(all))...)
	for _, u := range all {
		fleet.CountTarget(&s.Targets, u.State)
		s.Series.Total += u.Samples
		s.Series.PerSecond += float64(u.Samples) / u.Target.Interval.Seconds()
	}
	s.Polls = fleet.PollNumbers(all)
	polls, answered := 0, 0
	for _, m := range a.options.Polls.Hour(now) {
		s.LastHour = append(s.LastHour, api.Minute{At: m.At, Down: m.Down, Partial: m.Partial, Total: m.Total})
		polls, answered = polls+m.Polls, answered+m.Answered
	}
	s.Polls.AnsweredRatio = float64(answered) / float64(max(polls, 1))
	return s
}

// otherCounts are the states of rules and receivers.
type otherCounts struct {
	rules     api.RuleCounts
	receivers api.ReceiverCounts
	attention []api.Attention
	at        time.Time
}

// counts keeps the last otherCounts.
type counts struct {
	mu     sync.Mutex
	others *otherCounts
}

// othersAge is how old otherCounts may be: to look at each rule of each target takes its time.
const othersAge = 3 * time.Second

func (a *API) others() *otherCounts {
	c := &a.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.others != nil && c.others.at.Add(othersAge).After(now) {
		return c.others
	}
	next := &otherCounts{at: now}
	if list, err := a.Console.Receivers(); err == nil {
		next.addReceivers(list, now)
	}
	if a.options.Rules != nil {
		if list, err := a.Console.Rules(); err == nil {
			next.addRules(list)
		}
		next.addExcesses(a.options.Rules.Excesses())
	}
	c.others = next
	return next
}

func (c *otherCounts) addReceivers(list []api.Receiver, now time.Time) {
	for i := range list {
		r := &list[i]
		c.receivers.Total++
		c.receivers.Waiting += r.Waiting
		c.receivers.GivenUp += r.GivenUp
		if r.State != api.ReceiverFails {
			continue
		}
		c.receivers.Failing++
		text := fmt.Sprintf("Receiver %s (%s) acknowledges nothing", r.Name, r.Address)
		if r.Problem != nil {
			text += ": " + strings.TrimSuffix(r.Problem.Text, ".")
		}
		if text += "."; r.Waiting > 0 {
			text += fmt.Sprintf(" %s, the oldest since %s.", human.Count(r.Waiting, "notification waits", "notifications wait"), api.Clock(r.Oldest, now))
		}
		c.attention = append(c.attention, api.Attention{Kind: "failing", Text: text, Path: "/receivers", Since: r.FailingSince})
	}
}

// addExcesses adds the targets of which rules do not see all series.
func (c *otherCounts) addExcesses(list []rules.Excess) {
	for _, x := range list[:min(len(list), fleet.MaxSentences)] {
		text := fmt.Sprintf("%s of the last poll of %s: too many of its series are new, and rules do not see those.", human.Count(x.Samples, "sample is left out", "samples are left out"), x.Target)
		c.attention = append(c.attention, api.Attention{Kind: "series", Text: text, Path: "/targets/" + url.PathEscape(x.Target), Since: x.Since})
	}
	if left := len(list) - fleet.MaxSentences; left > 0 {
		c.attention = append(c.attention, api.Attention{Kind: "series", Text: human.Count(left, "more target has", "more targets have") + " too many new series."})
	}
}

func (c *otherCounts) addRules(list []api.Rule) {
	for i := range list {
		r := &list[i]
		c.rules.Total++
		c.rules.Firing += r.Firing
		c.rules.Pending += r.Pending
		c.rules.SlowestSeconds = max(c.rules.SlowestSeconds, r.TookSeconds)
		switch r.State {
		case api.RuleNoData:
			c.rules.WithoutData++
		case api.RuleError:
			if c.rules.Failing++; c.rules.Failing <= fleet.MaxSentences {
				c.attention = append(c.attention, api.Attention{Kind: "rule", Text: fmt.Sprintf("Rule %s cannot be evaluated: %s.", r.Name, strings.TrimSuffix(r.Text, ".")), Path: "/rules"})
			}
		}
	}
}

// configStatus is which configuration runs.
func (a *API) configStatus() api.ConfigStatus {
	if a.options.Configuration.Status == nil {
		return api.ConfigStatus{Files: []string{}, Errors: []api.ConfigError{}, Warnings: []string{}}
	}
	return a.options.Configuration.Status()
}

// attentionTo says that the last reload was refused.
func attentionTo(c *api.ConfigStatus, now time.Time) []api.Attention {
	if c.Refused.IsZero() {
		return []api.Attention{}
	}
	text := fmt.Sprintf("The last reload was refused; the configuration of %s runs.", api.Clock(c.LoadedAt, now))
	if len(c.Errors) > 0 {
		e := c.Errors[0]
		if text += " "; e.Line > 0 {
			text += fmt.Sprintf("%s:%d: ", e.File, e.Line)
		}
		if text += e.Text; !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, ".") {
			text += "."
		}
		if more := len(c.Errors) - 1; more > 0 {
			text += " " + human.Count(more, "more error.", "more errors.")
		}
	}
	return []api.Attention{{Kind: "refused", Text: text, Path: "/configuration", Since: c.Refused}}
}
