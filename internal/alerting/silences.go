package alerting

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/mute"
)

// Silences returns the silences of a state: the next to begin or end first, of expired ones the last.
func (c *Console) Silences(q api.SilenceQuery) (list api.SilenceList, err error) {
	o := c.outbox()
	if o == nil {
		return list, errNoStore
	}
	now := time.Now()
	byState := map[mute.State][]*mute.Silence{}
	for _, s := range o.Mutes().Silences() {
		byState[s.StateAt(now)] = append(byState[s.StateAt(now)], s)
	}
	list.Active, list.Pending, list.Expired = len(byState[mute.Active]), len(byState[mute.Pending]), len(byState[mute.Expired])
	found := byState[mute.State(q.State)]
	slices.SortStableFunc(found, func(a, b *mute.Silence) int {
		switch q.State {
		case string(mute.Pending):
			return a.StartsAt.Compare(b.StartsAt)
		case string(mute.Expired):
			return b.EndsAt.Compare(a.EndsAt)
		}
		return a.EndsAt.Compare(b.EndsAt)
	})
	from := min(max(q.Offset, 0), len(found))
	found = found[from:min(len(found), from+cmp.Or(q.Limit, len(found)))]
	muted := map[string]int{}
	if q.State == string(mute.Active) && len(found) > 0 {
		muted = c.mutedBySilences()
	}
	for _, s := range found {
		list.Silences = append(list.Silences, api.Silence{
			ID: s.ID, State: string(s.StateAt(now)), Matchers: s.Matchers.String(), Begin: s.StartsAt, End: s.EndsAt, By: s.CreatedBy,
			Comment: s.Comment, UntilClear: s.UntilClear(), Alarms: muted[s.ID],
		})
	}
	return list, nil
}

// mutedBySilences returns how many alarms each silence mutes.
func (c *Console) mutedBySilences() map[string]int {
	muted := map[string]int{}
	for _, s := range c.outbox().Standings(nil) {
		for _, r := range s.Mutes {
			if r.Kind == mute.BySilence {
				muted[r.Name]++
			}
		}
	}
	return muted
}

// Windows returns the first maintenance windows of the configuration.
func (c *Console) Windows(limit int) (list api.WindowList, err error) {
	o := c.outbox()
	if o == nil {
		return list, nil
	}
	set := o.Mutes()
	for _, w := range set.Windows(time.Now(), limit) {
		list.Windows = append(list.Windows, api.Window{Name: w.Name, Matchers: w.Matchers.String(), During: w.During, Comment: w.Comment, Active: w.Active, Begin: w.Begin, End: w.End})
	}
	list.Total = set.NumWindows()
	return list, nil
}

// Matched returns the active alarms that a silence would mute.
func (c *Console) Matched(n api.NewSilence) ([]api.Alarm, error) {
	if c.outbox() == nil {
		return nil, errNoStore
	}
	s, err := c.silence(&n, time.Now())
	if err != nil {
		return nil, err
	}
	set := c.outbox().Mutes()
	list, err := c.bounded(s.Matchers, func(a *alarm.Alarm) bool { return set.Labels(a).Match(s.Matchers) }, c.raised)
	slices.SortStableFunc(list, worseFirst)
	return list, err
}

// Silence begins a silence and returns its ID.
func (c *Console) Silence(n api.NewSilence) (id string, err error) {
	if c.outbox() == nil {
		return "", errNoStore
	}
	now := time.Now()
	s, err := c.silence(&n, now)
	if err != nil {
		return "", err
	}
	id, err = c.outbox().Silence(s, now)
	return id, silenceError(err)
}

// Expire ends a silence.
func (c *Console) Expire(id string) error {
	if c.outbox() == nil {
		return errNoStore
	}
	return silenceError(c.outbox().Expire(id, time.Now()))
}

func silenceError(err error) error {
	invalid := mute.Invalid("")
	switch {
	case errors.Is(err, mute.ErrNoSilence):
		return api.Errorf(api.ErrNotFound, "%w", err)
	case errors.As(err, &invalid):
		return api.Errorf(api.ErrBadRequest, "%w", err)
	}
	return movedError(err)
}

// silence returns the silence that is asked for.
func (c *Console) silence(n *api.NewSilence, now time.Time) (s mute.Silence, err error) {
	switch {
	case n.By == "":
		return s, api.WithHint(api.Errorf(api.ErrBadRequest, "by is required"), "write who silences the alarms")
	case strings.TrimSpace(n.Comment) == "":
		return s, api.WithHint(api.Errorf(api.ErrBadRequest, "comment is required"), "write why the alarms are silenced")
	}
	d, err := model.ParseDuration(n.For)
	if err != nil || d <= 0 {
		return s, api.WithHint(api.Errorf(api.ErrBadRequest, "for=%.100q is no duration", n.For), "write how long, such as 2h or 1d")
	}
	s = mute.Silence{StartsAt: now, EndsAt: now.Add(time.Duration(d)), CreatedBy: n.By, Comment: n.Comment}
	if n.UntilClear {
		s.Annotations = map[string]string{mute.UntilClear: "true"}
	}
	if n.Alarm != "" {
		a, active := c.activeAlarm(n.Alarm)
		if !active {
			return s, api.Errorf(api.ErrNotFound, "there is no active alarm %q", n.Alarm)
		}
		s.Matchers = MatchersOf(&a)
	} else if s.Matchers, err = mute.Parse(n.Matchers); err != nil {
		return s, api.Errorf(api.ErrBadRequest, "%w", err)
	}
	return s, silenceError(s.Check(now))
}

// MatchersOf are those that match an alarm whatever its severity is. The resource, which has all further labels, keeps out
// the alarms that have more of them.
func MatchersOf(a *api.Alarm) mute.Matchers {
	labels := map[string]string{"alertname": a.Rule, "target": a.Target, "resource": a.Resource}
	maps.Copy(labels, a.Labels)
	delete(labels, "severity")
	return mute.Equal(labels)
}
