package mute

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"trapline/internal/alarm"
)

// Change is a set with changed silences.
type Change struct {
	Set     *Set
	Changed map[string]*Silence // by ID, to be stored; nil: delete
	Begun   []*Silence          // since the states that the journal has
	Ended   []*Silence

	Opened, Closed []Note // maintenance windows, since the states that the journal has
}

// ErrNoSilence is the error for unknown IDs.
var ErrNoSilence = errors.New("no silence has the ID")

// Put returns the set with a silence at a moment. A silence with a known ID replaces that one, as in Alertmanager: with
// other matchers or another begin, the known one expires, and the silence gets the fresh ID.
func (s *Set) Put(one Silence, fresh string, now time.Time) (c *Change, id string, err error) {
	if err := one.Check(now); err != nil {
		return nil, "", err
	}
	one.UpdatedAt, one.Noted, one.Matched, one.Clear = now, Pending, false, 0
	known, size := s.silences[one.ID], s.size()+one.Size()
	keeps := known != nil && known.keepsID(&one, now)
	if keeps {
		size -= known.Size()
	}
	switch {
	case one.ID != "" && known == nil:
		return nil, "", fmt.Errorf("%w: %q", ErrNoSilence, one.ID)
	case size > MaxSilencesSize:
		return nil, "", Invalid(fmt.Sprintf("all silences together have %d octets at most, expired ones for %.0f h", MaxSilencesSize, Retention.Hours()))
	case keeps:
		if one.Noted, one.Matched, one.Clear = known.Noted, known.Matched, known.Clear; one.Noted == Active {
			one.StartsAt = known.StartsAt // clients round it
		}
		return s.change(now, &one), one.ID, nil
	case len(s.silences) >= MaxSilences:
		return nil, "", Invalid(fmt.Sprintf("no more than %d silences are kept, expired ones for %.0f h", MaxSilences, Retention.Hours()))
	}
	one.ID = fresh
	if one.StartsAt.Before(now) {
		one.StartsAt = now
	}
	if known != nil && known.StateAt(now) != Expired {
		return s.change(now, &one, known.endedAt(now)), fresh, nil
	}
	return s.change(now, &one), fresh, nil
}

// size returns the size of all silences.
func (s *Set) size() (n int) {
	for _, one := range s.silences {
		n += one.Size()
	}
	return n
}

// Expire returns the set in which a silence ends at a moment, or has ended before.
func (s *Set) Expire(id string, now time.Time) (*Change, error) {
	one := s.silences[id]
	switch {
	case one == nil:
		return nil, fmt.Errorf("%w: %q", ErrNoSilence, id)
	case one.StateAt(now) == Expired:
		return s.change(now), nil
	}
	return s.change(now, one.endedAt(now)), nil
}

// Pass returns the set at a moment, without silences that are too old.
func (s *Set) Pass(now time.Time) *Change { return s.change(now) }

// WithRules returns the set with other rules at the same moment; nil means none.
func (s *Set) WithRules(r *Rules) *Set {
	c := NewSet(s.silences, r)
	c.unrest, c.noted = s.unrest, s.noted
	c = c.with(nil, s.at)
	c.next = c.at // so that Pass notes the windows that the rules open or end
	return c
}

// Watch returns the set at a moment and run time, without the silences with UntilClear that have matched no active alarm
// for ClearTime; nil if nothing changes. active are the active alarms.
func (s *Set) Watch(now time.Time, run float64, active map[string]*alarm.State) *Change {
	var changed []*Silence
	found := s.found(s.watched, active)
	for _, one := range s.watched {
		matches, next := found[one.ID], *one
		switch {
		case matches && (!one.Matched || one.Clear != 0):
			next.Matched, next.Clear = true, 0
		case !matches && one.Matched && one.Clear == 0:
			next.Clear = run
		case !matches && one.Clear != 0 && run-one.Clear >= ClearTime.Seconds():
			next = *one.endedAt(now)
		default:
			continue
		}
		changed = append(changed, &next)
	}
	if len(changed) == 0 {
		return nil
	}
	return s.change(now, changed...)
}

// found returns the IDs of those of some silences that match one of several alarms. It looks at each alarm once.
func (s *Set) found(silences []*Silence, alarms map[string]*alarm.State) map[string]bool {
	of := &Set{rules: s.rules, byLabel: map[string]map[string][]*source{}}
	for _, one := range silences {
		of.add(&source{Reason{BySilence, one.ID}, one.Matchers})
	}
	found := map[string]bool{}
	for _, a := range alarms {
		if len(found) == len(silences) {
			break
		}
		of.each(s.Labels(a.Alarm()), func(one *source) bool {
			found[one.reason.Name] = true
			return true
		})
	}
	return found
}

// change returns the set with changed silences at a moment.
func (s *Set) change(now time.Time, changed ...*Silence) *Change {
	c := &Change{Changed: map[string]*Silence{}}
	for _, one := range changed {
		c.Changed[one.ID] = one
	}
	for id, one := range s.silences {
		if changed := c.Changed[id]; changed != nil {
			one = changed
		}
		c.advance(one, now)
	}
	for _, one := range changed {
		if s.silences[one.ID] == nil {
			c.advance(one, now)
		}
	}
	c.Set = s.with(c.Changed, now)
	c.noteWindows(s.noted)
	return c
}

// advance notes the state of a silence.
func (c *Change) advance(one *Silence, now time.Time) {
	state := one.StateAt(now)
	switch {
	case now.Sub(one.EndsAt) > Retention:
		c.Changed[one.ID] = nil
		return
	case state == one.Noted:
		return
	case state == Active:
		c.Begun = append(c.Begun, one)
	case state == Expired && one.Noted == Active:
		c.Ended = append(c.Ended, one)
	}
	next := *one
	next.Noted = state
	c.Changed[one.ID] = &next
}

// WithSilences returns the set with other silences, which another process has changed.
func (s *Set) WithSilences(all map[string]*Silence, now time.Time) *Change {
	c := *s
	c.silences = all
	return &Change{Set: c.with(nil, now)}
}

// endedAt returns the silence as it is if it ends at a moment.
func (s *Silence) endedAt(now time.Time) *Silence {
	c := *s
	c.EndsAt, c.UpdatedAt = now, now
	if c.StartsAt.After(now) {
		c.StartsAt = now
	}
	return &c
}

// NewID returns a random UUID (RFC 9562 version 4).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
