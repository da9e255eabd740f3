package api

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/notify"
)

// The states of an alarm.
const (
	alarmRaised  = "raised"
	alarmPending = "pending"
	alarmCleared = "cleared"
)

func alarmQuery(r *http.Request) AlarmQuery {
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	return AlarmQuery{Text: r.FormValue("q"), State: r.FormValue("state"), Group: r.FormValue("group"), Limit: limit}
}

// Alarms returns the alarms that q selects, the worst first and of equals the newest, or group by group, the one
// with the worst alarm first.
func (a *API) Alarms(q AlarmQuery) ([]Alarm, error) {
	var list []Alarm
	t := alarmTerms(terms(q.Text))
	switch cmp.Or(q.State, alarmRaised) {
	case alarmRaised:
		list = a.raised(t.matchesAlarm(alarmRaised))
	case alarmPending:
		list = a.pending(t.matchesAlarm(alarmPending))
	case alarmCleared:
		return a.cleared(&q)
	default:
		return nil, &Hinted{of(ErrBadRequest, "there is no state %q", q.State), "write raised, pending or cleared"}
	}
	list = slices.DeleteFunc(list, func(one Alarm) bool { return !t.matchesAnswer(&one) })
	slices.SortStableFunc(list, worseFirst)
	if q.Group != "" {
		list = grouped(list, q.Group)
	}
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[:q.Limit]
	}
	if list == nil {
		list = []Alarm{}
	}
	return list, nil
}

// raised are the open alarms that are wanted.
func (a *API) raised(wanted func(*notify.Alarm) bool) (list []Alarm) {
	for _, one := range a.open(wanted) {
		answer := alarmAnswer(&one.Alarm, one.Alarm.ID, alarmRaised)
		answer.Baseline = one.baseline
		for i := range one.Receivers {
			answer.Notified = append(answer.Notified, notified(&one.Receivers[i]))
		}
		list = append(list, answer)
	}
	return list
}

// alarmID is the ID by which receivers know an alarm of the rules.
func (a *API) alarmID(one *notify.Alarm) string {
	if a.outbox() == nil {
		return one.ID
	}
	return a.outbox().Identify(one)
}

// pending are the alarms of rules that have not been true for long enough.
func (a *API) pending(wanted func(*notify.Alarm) bool) (list []Alarm) {
	if a.options.Rules == nil {
		return nil
	}
	for _, one := range a.options.Rules.Alarms(false) {
		if !wanted(&one) {
			continue
		}
		list = append(list, alarmAnswer(&one, a.alarmID(&one), alarmPending))
	}
	return list
}

func alarmAnswer(a *notify.Alarm, id, state string) Alarm {
	return Alarm{
		ID: id, Rule: a.Rule, Target: a.Target, Resource: a.Resource, Severity: a.Severity.String(), State: state,
		Text: a.Text(), Description: a.Description, Value: a.Value, Labels: a.Labels, Since: a.RaisedAt, Notified: []Notified{},
	}
}

func notified(k *notify.Known) Notified {
	n := Notified{Receiver: k.Receiver, State: string(k.Progress), At: k.At, Took: k.Took.Seconds(), Tries: k.Tries, Reason: string(notify.Reason(k.Err))}
	why := n.Reason
	if why = strings.ReplaceAll(why, "_", " "); why == "" && k.Err != nil {
		why = k.Err.Error()
	}
	clock := k.At.Local().Format("15:04:05")
	switch k.Progress {
	case notify.Acknowledged:
		n.Text = fmt.Sprintf("acknowledged %s in %s", clock, shortDuration(k.Took))
	case notify.Sent:
		n.Text = "sent " + clock
	case notify.Waits:
		n.Text = listOf("waits", tries(k.Tries), why)
	case notify.GivenUp:
		n.Text = listOf("given up "+clock, tries(k.Tries), why)
	default:
		n.Text = n.State
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

// shortDuration is a duration with as many digits as people read.
func shortDuration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		d = d.Round(100 * time.Microsecond)
	case d < time.Second:
		d = d.Round(time.Millisecond)
	case d < time.Minute:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(time.Second)
	}
	text := d.String()
	for _, unit := range []string{"µs", "ms"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			return number + " " + unit
		}
	}
	if number, ok := strings.CutSuffix(text, "s"); ok && d < time.Minute {
		return number + " s"
	}
	return text
}

// alarmTerms are those of a query for alarms.
type alarmTerms []term

// matchesAlarm are the terms that are about an alarm itself.
func (t alarmTerms) matchesAlarm(state string) func(*notify.Alarm) bool {
	own := slices.DeleteFunc(slices.Clone(t), func(one term) bool { return one.key == "receiver" || one.key == "baseline" })
	return func(a *notify.Alarm) bool {
		has := func(key, value string) bool {
			switch key {
			case "severity":
				return value == a.Severity.String()
			case "rule", "alertname":
				return value == a.Rule
			case "target":
				return value == a.Target
			case "state":
				return value == state
			case "id":
				return value == a.ID
			}
			return a.Labels[key] == value
		}
		return fulfils(own, has, a.Rule, a.Target, a.Resource, a.Summary)
	}
}

// matchesAnswer reports whether all receivers that are named were or will be notified, and whether the alarm belongs to a
// baseline, if that is asked for.
func (t alarmTerms) matchesAnswer(a *Alarm) bool {
	for _, one := range t {
		notified := func(n Notified) bool { return n.Receiver == one.value && n.State != string(notify.NotWanted) }
		switch one.key {
		case "receiver":
			if slices.ContainsFunc(a.Notified, notified) == one.not {
				return false
			}
		case "baseline":
			if (one.value == strconv.FormatBool(a.Baseline)) == one.not {
				return false
			}
		}
	}
	return true
}

// severities are by word.
var severities = map[string]alarm.Severity{
	"indeterminate": alarm.Indeterminate, "critical": alarm.Critical, "major": alarm.Major, "minor": alarm.Minor, "warning": alarm.Warning,
}

func worseFirst(a, b Alarm) int {
	return cmp.Or(severities[a.Severity].Compare(severities[b.Severity]), b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID))
}

// grouped puts alarms of one group together, which stand in order.
func grouped(list []Alarm, by string) []Alarm {
	first := map[string]int{}
	group := func(a *Alarm) string {
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
	slices.SortStableFunc(list, func(a, b Alarm) int { return cmp.Compare(first[a.Group], first[b.Group]) })
	return list
}

// maxLife is how many events of an alarm are shown.
const maxLife = 1000

// Alarm returns an alarm with its life. One that has been cleared is what the journal has of it.
func (a *API) Alarm(id string) (Alarm, error) {
	answer, active := a.activeAlarm(id)
	life, err := a.Events(EventQuery{Alarm: id, Limit: maxLife})
	if err != nil {
		return answer, err
	}
	if !active && len(life) == 0 {
		return answer, of(ErrNotFound, "there is no alarm %q", id)
	}
	slices.Reverse(life)
	answer.Life = life
	if !active {
		answer = alarmOf(life)
	}
	for _, e := range life {
		if e.Kind == journal.Changed && !e.At.Before(answer.Since) {
			answer.Changed = e.At
		}
	}
	return answer, nil
}

func (a *API) activeAlarm(id string) (Alarm, bool) {
	if list := a.raised(func(one *notify.Alarm) bool { return one.ID == id }); len(list) > 0 {
		return list[0], true
	}
	for _, one := range a.pending(func(*notify.Alarm) bool { return true }) {
		if one.ID == id {
			return one, true
		}
	}
	return Alarm{}, false
}

// alarmOf is a cleared alarm as its events say it was.
func alarmOf(life []Event) Alarm {
	a := Alarm{State: alarmCleared, Labels: map[string]string{}, Notified: []Notified{}, Life: life}
	for i := range life {
		a.take(&life[i])
	}
	return a
}

func (a *Alarm) take(e *Event) {
	a.ID, a.Rule, a.Target, a.Resource = e.Alarm, cmp.Or(e.Rule, a.Rule), cmp.Or(e.Target, a.Target), cmp.Or(e.Resource, a.Resource)
	switch e.Kind {
	case journal.Raised:
		a.Since, a.Notified = e.At, []Notified{}
	case journal.Cleared:
		a.Cleared = e.At
	case journal.Acknowledged, journal.Sent, journal.GivenUp:
		n := notified(&notify.Known{
			Receiver: e.Receiver, Progress: notify.Progress(strings.ReplaceAll(e.Kind, "_", " ")), At: e.At,
			Took: time.Duration(e.Millis * float64(time.Millisecond)), Tries: e.Tries,
		})
		a.Notified = append(slices.DeleteFunc(a.Notified, func(other Notified) bool { return other.Receiver == e.Receiver }), n)
		return
	default:
	}
	a.Severity, a.Text, a.Value = cmp.Or(e.Severity, a.Severity), cmp.Or(e.Text, a.Text), e.Value
}

// cleared are alarms that have been cleared, the newest first.
func (a *API) cleared(q *AlarmQuery) ([]Alarm, error) {
	events, err := a.Events(EventQuery{Text: q.Text, Kind: journal.Cleared, Limit: cmp.Or(q.Limit, defaultEvents)})
	list := []Alarm{}
	for i := range events {
		e := &events[i]
		one := Alarm{State: alarmCleared, Labels: map[string]string{}, Notified: []Notified{}}
		one.take(e)
		one.Since = e.At.Add(-time.Duration(e.Millis * float64(time.Millisecond)))
		list = append(list, one)
	}
	return list, err
}

// Resend has the receivers of an active alarm notified once more.
func (a *API) Resend(id string) error {
	if a.outbox() == nil {
		return errNoReceivers
	}
	n, err := a.outbox().Resend(id, time.Now())
	if err == nil && n == 0 {
		err = of(ErrBusy, "alarm %s waits for its receivers, or no receiver knows it", id)
	}
	return receiverError(err)
}
