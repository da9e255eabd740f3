package outbox

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/mute"
)

// silencesBucket contains the silences by ID. Why an alarm is muted is not stored: it is computed from them.
var silencesBucket = []byte("silences")

// ErrNoSilence is the error for unknown IDs.
var ErrNoSilence = errors.New("no silence has the ID")

// Mutes returns what mutes alarms.
func (o *Outbox) Mutes() *mute.Set {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.mutes
}

// Silence stores a silence and mutes the alarms that it matches, in one transaction. A silence with a known ID replaces
// that one, as in Alertmanager: with other matchers or another begin, the known one expires. It returns the ID.
func (o *Outbox) Silence(s mute.Silence, now time.Time) (id string, err error) {
	fresh := newID()
	var refused error
	err = o.do(&change{now: now, plan: func(p *plan) { id, refused = p.silence(s, fresh) }})
	return id, errors.Join(refused, err)
}

// Expire ends a silence. One that has ended stays as it is.
func (o *Outbox) Expire(id string, now time.Time) error {
	var refused error
	err := o.do(&change{now: now, plan: func(p *plan) {
		refused = nil
		s := p.mutes.Silence(id)
		switch {
		case s == nil:
			refused = fmt.Errorf("%w: %q", ErrNoSilence, id)
		case s.StateAt(p.now) != mute.Expired:
			p.putSilences(s.Ended(p.now))
		}
	}})
	return errors.Join(refused, err)
}

// newID returns a random UUID (RFC 9562 version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (p *plan) silence(s mute.Silence, fresh string) (id string, err error) {
	if err := s.Check(p.now); err != nil {
		return "", err
	}
	s.UpdatedAt, s.Noted = p.now, mute.Pending
	known := p.mutes.Silence(s.ID)
	switch {
	case s.ID != "" && known == nil:
		return "", fmt.Errorf("%w: %q", ErrNoSilence, s.ID)
	case known != nil && known.KeepsID(&s, p.now):
		if s.Noted, s.Matched, s.Clear = known.Noted, known.Matched, known.Clear; s.Noted == mute.Active {
			s.StartsAt = known.StartsAt // clients round it
		}
		p.putSilences(&s)
		return s.ID, nil
	case p.mutes.Len() >= mute.MaxSilences:
		return "", mute.Invalid(fmt.Sprintf("no more than %d silences are kept, expired ones for %.0f h", mute.MaxSilences, mute.Retention.Hours()))
	}
	s.ID = fresh
	if s.StartsAt.Before(p.now) {
		s.StartsAt = p.now
	}
	changed := []*mute.Silence{&s}
	if known != nil && known.StateAt(p.now) != mute.Expired {
		changed = append(changed, known.Ended(p.now))
	}
	p.putSilences(changed...)
	return s.ID, nil
}

// putSilences plans changed silences, and what follows from them.
func (p *plan) putSilences(changed ...*mute.Silence) {
	byID := map[string]*mute.Silence{}
	for _, s := range changed {
		byID[s.ID] = s
	}
	p.changeMutes(p.mutes.With(byID, p.now), byID)
}

// passTime begins and ends mutes whose time has come, and deletes old silences.
func (p *plan) passTime() {
	if p.mutes.Due(p.now) {
		p.changeMutes(p.mutes, map[string]*mute.Silence{})
	}
}

// changeMutes replaces what mutes alarms, of which some silences are to be stored.
func (p *plan) changeMutes(next *mute.Set, changed map[string]*mute.Silence) {
	for _, s := range next.Silences() {
		if p.now.Sub(s.EndsAt) > mute.Retention {
			changed[s.ID] = nil
		} else if noted := p.noteSilence(s); noted != s {
			changed[s.ID] = noted
		}
	}
	maps.Copy(p.silences, changed)
	p.setMutes(next.With(changed, p.now))
}

// noteSilence notes that a silence has begun or ended.
func (p *plan) noteSilence(s *mute.Silence) *mute.Silence {
	state := s.StateAt(p.now)
	if state == s.Noted {
		return s
	}
	c := *s
	if c.Noted = state; state == mute.Active {
		p.note(journal.Event{Kind: journal.SilenceBegun, Value: s.ID, Text: s.Text()})
	} else if state == mute.Expired && s.Noted == mute.Active {
		p.note(journal.Event{Kind: journal.SilenceEnded, Value: s.ID, Text: s.Text()})
	}
	return &c
}

// setMutes replaces what mutes alarms, and announces the alarms for which that differs.
func (p *plan) setMutes(next *mute.Set) {
	d := next.Since(p.mutes)
	if p.mutes = next; d.Empty() {
		return
	}
	for _, key := range p.keys() {
		if s := p.Alarm(key); s != nil && d.Affects(s.Alarm()) {
			p.announce(key)
		}
	}
}

// keys returns the keys of the active alarms, those that the plan raises included.
func (p *plan) keys() []string {
	list := p.state.keys()
	for _, key := range slices.Sorted(maps.Keys(p.alarms)) {
		if p.state.active[key] == nil && p.alarms[key] != nil {
			list = append(list, key)
		}
	}
	return list
}

// muted is the Muted of alarm.Reconciler.
func (p *plan) muted(a *alarm.Alarm) bool { return p.mutes.Muted(a) }

// noteMutes notes the reasons why an alarm is muted that the journal does not have.
func (p *plan) noteMutes(key string) {
	s := p.Alarm(key)
	if s == nil {
		return
	}
	a := s.Alarm()
	var reasons []string
	for _, r := range p.mutes.Reasons(a) {
		reasons = append(reasons, r.String())
	}
	if slices.Equal(reasons, s.Mutes) {
		return
	}
	for kind, pair := range map[string][2][]string{journal.Muted: {reasons, s.Mutes}, journal.Unmuted: {s.Mutes, reasons}} {
		for _, reason := range pair[0] {
			if !slices.Contains(pair[1], reason) {
				e := shown(kind, a)
				e.Reason = reason
				p.note(e)
			}
		}
	}
	c := s.Clone()
	c.Mutes = reasons
	p.PutAlarm(key, c)
}

// storeSilences writes the changed silences.
func (p *plan) storeSilences(tx *bbolt.Tx) error {
	for id, s := range p.silences {
		if err := putJSON(tx.Bucket(silencesBucket), []byte(id), s); err != nil {
			return err
		}
	}
	return nil
}

// loadSilences reads the silences.
func (st *state) loadSilences(tx *bbolt.Tx) error {
	all := map[string]*mute.Silence{}
	err := st.readRows(tx, "silences", tx.Bucket(silencesBucket), func(id, text []byte) error {
		s := &mute.Silence{}
		if err := json.Unmarshal(text, s); err != nil {
			return err
		}
		if s.ID != string(id) || len(s.Matchers) == 0 {
			return errors.New("a silence without its ID or without matchers")
		}
		all[s.ID] = s
		return nil
	})
	st.mutes = mute.NewSet(all)
	return err
}
