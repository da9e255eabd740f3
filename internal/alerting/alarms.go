package alerting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/outbox/standing"
)

// The states of an alarm.
const (
	alarmRaised  = "raised"
	alarmPending = "pending"
	alarmCleared = "cleared"
)

// Alarms returns the alarms that q selects, the worst first and of equals the newest, or group by group, the one
// with the worst alarm first.
func (c *Console) Alarms(q api.AlarmQuery) ([]api.Alarm, error) {
	var list []api.Alarm
	f, err := newFilter(q.Text, q.Match)
	if err != nil {
		return nil, err
	}
	labels, state := c.labels(), cmp.Or(q.State, alarmRaised)
	wanted := func(a *alarm.Alarm) bool { return f.wantsAlarm(labels(a), state) }
	switch state {
	case alarmRaised:
		list, err = c.bounded(f.matchers, wanted, c.raised)
	case alarmPending:
		list, err = c.bounded(f.matchers, wanted, c.pending)
	case alarmCleared:
		return c.cleared(&q)
	default:
		return nil, api.WithHint(api.Errorf(api.ErrBadRequest, "there is no state %q", q.State), "write raised, pending or cleared")
	}
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(one api.Alarm) bool { return !f.wantsAnswer(&one) })
	return Arrange(list, &q), nil
}

// Arrange sorts alarms as a query has them, also those of several members of a cluster, and leaves out those beyond its limit.
func Arrange(list []api.Alarm, q *api.AlarmQuery) []api.Alarm {
	limit := q.Limit
	if q.State == alarmCleared {
		slices.SortStableFunc(list, func(a, b api.Alarm) int { return b.Cleared.Compare(a.Cleared) })
		limit = cmp.Or(limit, defaultEvents)
	} else {
		slices.SortStableFunc(list, worseFirst)
		if q.Group != "" {
			list = grouped(list, q.Group)
		}
	}
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	if list == nil {
		list = []api.Alarm{}
	}
	return list
}

// raised are the open alarms that are wanted.
func (c *Console) raised(wanted func(*alarm.Alarm) bool) (list []api.Alarm) {
	for _, one := range c.open(wanted) {
		answer := alarmAnswer(&one.Alarm, one.Alarm.ID, alarmRaised)
		answer.Baseline = one.baseline
		if one.Alarm.Behind != nil {
			answer.Behind = one.Alarm.Behind.Names
		}
		for _, r := range one.Mutes {
			answer.Mutes = append(answer.Mutes, r.String())
		}
		for i := range one.Receivers {
			answer.Notified = append(answer.Notified, notified(&one.Receivers[i]))
		}
		list = append(list, answer)
	}
	return list
}

// alarmID is the ID by which receivers know an alarm of the rules.
func (c *Console) alarmID(one *alarm.Alarm) string {
	if c.outbox() == nil {
		return one.ID
	}
	return c.outbox().Identify(one)
}

// pending are the alarms of rules that have not been true for long enough.
func (c *Console) pending(wanted func(*alarm.Alarm) bool) (list []api.Alarm) {
	if c.rules == nil {
		return nil
	}
	for _, one := range c.rules.Alarms(false) {
		if !wanted(&one) {
			continue
		}
		list = append(list, alarmAnswer(&one, c.alarmID(&one), alarmPending))
	}
	return list
}

func alarmAnswer(a *alarm.Alarm, id, state string) api.Alarm {
	answer := api.Alarm{
		ID: id, Number: a.Number, Rule: a.Rule, Target: a.Target, Resource: a.Resource, Severity: a.Severity.String(), State: state,
		Text: a.Text(), Description: a.Description, Value: a.Value, Labels: a.Labels, Since: a.RaisedAt, Notified: []api.Notified{},
	}
	if a.Ack != nil {
		answer.AckedSticky = a.Ack.Sticky
		answer.AckedBy, answer.AckedAt, answer.AckedUntil, answer.AckComment = a.Ack.By, a.Ack.At, a.Ack.Until, a.Ack.Comment
	}
	return answer
}

func notified(k *standing.Known) api.Notified {
	n := api.Notified{Receiver: k.Receiver, State: string(k.Progress), At: k.At, Took: k.Took.Seconds(), Tries: k.Tries, Reason: string(standing.Reason(k.Err))}
	why := n.Reason
	if why = strings.ReplaceAll(why, "_", " "); why == "" && k.Err != nil {
		why = k.Err.Error()
	}
	clock := k.At.Local().Format("15:04:05")
	switch k.Progress {
	case standing.Acknowledged:
		n.Text = fmt.Sprintf("acknowledged %s in %s", clock, human.Duration(k.Took))
	case standing.Sent:
		n.Text = "sent " + clock
	case standing.Waits:
		n.Text = listOf("waits", tries(k.Tries), why)
	case standing.GivenUp:
		n.Text = listOf("given up "+clock, tries(k.Tries), why)
	case standing.Muted:
		n.Text = listOf("muted", why)
	default:
		n.Text = listOf(n.State, why)
	}
	return n
}

// listOf joins the parts that are not empty.
func listOf(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ", ")
}

func tries(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}

// severities are by word.
var severities = map[string]alarm.Severity{
	"indeterminate": alarm.Indeterminate, "critical": alarm.Critical, "major": alarm.Major, "minor": alarm.Minor, "warning": alarm.Warning,
}

func worseFirst(a, b api.Alarm) int {
	return cmp.Or(severities[a.Severity].Compare(severities[b.Severity]), b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID))
}

// grouped puts alarms of one group together, which stand in order.
func grouped(list []api.Alarm, by string) []api.Alarm {
	first := map[string]int{}
	group := func(a *api.Alarm) string {
		switch by {
		case "rule":
			return a.Rule
		case "target":
			return a.Target
		}
		return a.Labels[by]
	}
	for i := range list {
		list[i].Group = group(&list[i])
		if _, known := first[list[i].Group]; !known {
			first[list[i].Group] = i
		}
	}
	slices.SortStableFunc(list, func(a, b api.Alarm) int { return cmp.Compare(first[a.Group], first[b.Group]) })
	return list
}

// Resend has the receivers of an active alarm notified once more.
func (c *Console) Resend(id string) error {
	if c.outbox() == nil {
		return errNoReceivers
	}
	n, err := c.outbox().Resend(id, time.Now())
	if err == nil && n == 0 {
		err = api.Errorf(api.ErrBusy, "alarm %s waits for its receivers, or no receiver knows it", id)
	}
	return receiverError(err)
}
