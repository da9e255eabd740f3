package api

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"trapline/internal/rules"
)

// What answers about targets and the process take from parts that others answer for.

// counted keeps the last counts.
type counted struct {
	mu     sync.Mutex
	alarms *alarmIndex
	others *otherCounts
}

// otherCounts are how rules and receivers fare.
type otherCounts struct {
	rules     RuleCounts
	receivers ReceiverCounts
	attention []Attention
	at        time.Time
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
	if list, err := a.Receivers(); err == nil {
		next.addReceivers(list, now)
	}
	if a.options.Rules != nil {
		if list, err := a.Rules(); err == nil {
			next.addRules(list)
		}
		next.addExcesses(a.options.Rules.Excesses())
	}
	c.others = next
	return next
}

func (c *otherCounts) addReceivers(list []Receiver, now time.Time) {
	for i := range list {
		r := &list[i]
		c.receivers.Total++
		c.receivers.Waiting += r.Waiting
		c.receivers.GivenUp += r.GivenUp
		if r.State != receiverFails {
			continue
		}
		c.receivers.Failing++
		text := fmt.Sprintf("Receiver %s (%s) acknowledges nothing", r.Name, r.Address)
		if r.Problem != nil {
			text += ": " + strings.TrimSuffix(r.Problem.Text, ".")
		}
		if text += "."; r.Waiting > 0 {
			text += fmt.Sprintf(" %s, the oldest since %s.", count(r.Waiting, "notification waits", "notifications wait"), clock(r.Oldest, now))
		}
		c.attention = append(c.attention, Attention{Kind: "failing", Text: text, Path: "/receivers", Since: r.FailingSince})
	}
}

// addExcesses adds the targets of which rules do not see all series.
func (c *otherCounts) addExcesses(list []rules.Excess) {
	for _, x := range list[:min(len(list), maxSentences)] {
		text := fmt.Sprintf("%s of the last poll of %s: too many of its series are new, and rules do not see those.", count(x.Samples, "sample is left out", "samples are left out"), x.Target)
		c.attention = append(c.attention, Attention{Kind: "series", Text: text, Path: "/targets/" + url.PathEscape(x.Target), Since: x.Since})
	}
	if left := len(list) - maxSentences; left > 0 {
		c.attention = append(c.attention, Attention{Kind: "series", Text: count(left, "more target has", "more targets have") + " too many new series."})
	}
}

func (c *otherCounts) addRules(list []Rule) {
	for i := range list {
		r := &list[i]
		c.rules.Total++
		c.rules.Firing += r.Firing
		c.rules.Pending += r.Pending
		c.rules.SlowestSeconds = max(c.rules.SlowestSeconds, r.TookSeconds)
		switch r.State {
		case ruleNoData:
			c.rules.WithoutData++
		case ruleError:
			if c.rules.Failing++; c.rules.Failing <= maxSentences {
				c.attention = append(c.attention, Attention{Kind: "rule", Text: fmt.Sprintf("Rule %s cannot be evaluated: %s.", r.Name, strings.TrimSuffix(r.Text, ".")), Path: "/rules"})
			}
		}
	}
}

// configStatus is which configuration runs.
func (a *API) configStatus() ConfigStatus {
	if a.options.Configuration.Status == nil {
		return ConfigStatus{Files: []string{}, Errors: []ConfigError{}, Warnings: []string{}}
	}
	return a.options.Configuration.Status()
}

// attentionTo says that the last reload was refused.
func attentionTo(c *ConfigStatus, now time.Time) []Attention {
	if c.Refused.IsZero() {
		return []Attention{}
	}
	text := fmt.Sprintf("The last reload was refused; the configuration of %s runs.", clock(c.LoadedAt, now))
	if len(c.Errors) > 0 {
		e := c.Errors[0]
		if text += " "; e.Line > 0 {
			text += fmt.Sprintf("%s:%d: ", e.File, e.Line)
		}
		if text += e.Text; !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, ".") {
			text += "."
		}
		if more := len(c.Errors) - 1; more > 0 {
			text += " " + count(more, "more error.", "more errors.")
		}
	}
	return []Attention{{Kind: "refused", Text: text, Path: "/configuration", Since: c.Refused}}
}
