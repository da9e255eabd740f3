package alerting

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/journal"
	"trapline/internal/outbox/standing"
)

// maxLife is how many events of an alarm are shown.
const maxLife = 1000

// Alarm returns an alarm with its life. A cleared alarm is read from the journal.
func (c *Console) Alarm(id string) (api.Alarm, error) {
	answer, active := c.activeAlarm(id)
	life, err := c.Events(api.EventQuery{Alarm: id, Limit: maxLife})
	if err != nil {
		return answer, err
	}
	if !active && len(life) == 0 {
		return answer, api.Errorf(api.ErrNotFound, "there is no alarm %q", id)
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

func (c *Console) activeAlarm(id string) (api.Alarm, bool) {
	if list := c.raised(func(one *alarm.Alarm) bool { return one.ID == id }); len(list) > 0 {
		return list[0], true
	}
	for _, one := range c.pending(func(*alarm.Alarm) bool { return true }) {
		if one.ID == id {
			return one, true
		}
	}
	return api.Alarm{}, false
}

// alarmOf is a cleared alarm as its events say it was.
func alarmOf(life []api.Event) api.Alarm {
	a := api.Alarm{State: alarmCleared, Labels: map[string]string{}, Notified: []api.Notified{}, Life: life}
	for i := range life {
		take(&a, &life[i])
	}
	return a
}

func take(a *api.Alarm, e *api.Event) {
	a.ID, a.Rule, a.Target, a.Resource = e.Alarm, cmp.Or(e.Rule, a.Rule), cmp.Or(e.Target, a.Target), cmp.Or(e.Resource, a.Resource)
	switch e.Kind {
	case journal.Raised:
		a.Since, a.Notified = e.At, []api.Notified{}
	case journal.Cleared: // in its labels, the fields are missing; its time is that of the alarm, and not of the entry
		a.Cleared, a.Since = e.At, e.At.Add(-time.Duration(e.Millis*float64(time.Millisecond)))
		maps.Copy(a.Labels, e.Labels)
		maps.Copy(a.Labels, map[string]string{"alertname": e.Rule, "target": e.Target, "severity": e.Severity})
		maps.DeleteFunc(a.Labels, func(_, value string) bool { return value == "" })
	case journal.Ack, journal.AckEnded: // with the text of the person
		return
	case journal.Acknowledged, journal.Sent, journal.GivenUp:
		n := notified(&standing.Known{
			Receiver: e.Receiver, Progress: standing.Progress(strings.ReplaceAll(e.Kind, "_", " ")), At: e.At,
			Took: time.Duration(e.Millis * float64(time.Millisecond)), Tries: e.Tries,
		})
		a.Notified = append(slices.DeleteFunc(a.Notified, func(other api.Notified) bool { return other.Receiver == e.Receiver }), n)
		return
	default:
	}
	a.Severity, a.Text, a.Value = cmp.Or(e.Severity, a.Severity), cmp.Or(e.Text, a.Text), e.Value
}

// cleared are alarms that have been cleared, the newest first.
func (c *Console) cleared(q *api.AlarmQuery) ([]api.Alarm, error) {
	events, err := c.Events(api.EventQuery{Text: q.Text, Match: q.Match, Kind: journal.Cleared, Limit: cmp.Or(q.Limit, defaultEvents)})
	list := []api.Alarm{}
	for i := range events {
		e := &events[i]
		one := api.Alarm{State: alarmCleared, Labels: map[string]string{}, Notified: []api.Notified{}}
		take(&one, e)
		list = append(list, one)
	}
	return list, err
}
