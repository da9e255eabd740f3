package store

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/statedir"
)

// firstAlarm is an active alarm in form 1.
type firstAlarm struct {
	Alarm alarm.Alarm          `json:"alarm"`
	Lease time.Time            `json:"lease,omitzero"`
	Told  map[string]firstView `json:"told,omitempty"` // by receiver
}

// firstView is the view of an alarm in form 1.
type firstView struct {
	Event   string    `json:"event"`
	At      time.Time `json:"at"`
	Repeats int       `json:"repeats,omitempty"`
	Left    bool      `json:"left,omitempty"`
}

// convertFirst converts a database from form 1 to form 2.
func (c *Converter) convertFirst(tx *bbolt.Tx) ([]Merge, error) {
	var old []*firstAlarm
	var keys [][]byte
	alarms := tx.Bucket(alarmsBucket)
	err := c.Reader.rows(tx, "alarms", alarms, func(id, text []byte) error {
		a := &firstAlarm{}
		if err := json.Unmarshal(text, a); err != nil {
			return err
		}
		old, keys = append(old, a), append(keys, slices.Clone(id))
		return nil
	})
	for _, id := range keys {
		err = errors.Join(err, alarms.Delete(id))
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(old, func(a, b *firstAlarm) int { return a.Alarm.RaisedAt.Compare(b.Alarm.RaisedAt) })
	f := first{by: c, alarms: map[string]*alarm.State{}, views: map[alarm.Place]*alarm.View{}}
	for _, a := range old {
		f.add(a)
	}
	if err := f.store(tx); err != nil {
		return nil, err
	}
	return f.merged, f.convertRows(tx)
}

// first is the state of a conversion from form 1.
type first struct {
	by     *Converter
	alarms map[string]*alarm.State
	views  map[alarm.Place]*alarm.View
	merged []Merge
}

// run returns a moment of the past in run seconds, which begin with the conversion.
func (f *first) run(at time.Time) float64 { return min(0, at.Sub(f.by.Now).Seconds()) }

// place returns the place of an alarm at a receiver, and the scheme of its key. The key of an unknown receiver is the ID.
func (f *first) place(receiver string, a *alarm.Alarm) (at alarm.Place, scheme string) {
	if r := f.by.Receiver(receiver); r != nil {
		k, _ := r.Key(a)
		return alarm.Place{Receiver: receiver, Key: k}, r.Scheme
	}
	return alarm.Place{Receiver: receiver, Key: a.ID}, ""
}

func (f *first) add(old *firstAlarm) {
	a := &old.Alarm
	condition := alarm.Condition{Source: a.ID, Alarm: *a}
	if !old.Lease.IsZero() {
		condition.Lease = f.by.Lease
	}
	k := f.by.Key(a)
	s := f.alarms[k]
	if s == nil {
		s = &alarm.State{ID: a.ID, RaisedAt: a.RaisedAt, In: map[string]string{}}
		f.alarms[k] = s
	} else {
		f.merge(s, old)
	}
	s.Conditions = append(s.Conditions, condition)
	for receiver, t := range old.Told {
		at, scheme := f.place(receiver, a)
		if s.ID != a.ID && at.Key == a.ID {
			continue // the receiver is sent the clear of this one
		}
		s.In[receiver] = at.Key
		f.views[at] = &alarm.View{Event: t.Event, At: t.At, Run: f.run(t.At), Repeats: t.Repeats, Left: t.Left, Scheme: scheme}
		f.views[at].Record(a)
	}
}

// merge merges old into s. The more severe alarm keeps its ID.
func (f *first) merge(s *alarm.State, old *firstAlarm) {
	before := s.Alarm()
	if old.Alarm.Severity.Compare(before.Severity) >= 0 {
		f.merged = append(f.merged, Merge{Alarm: &old.Alarm, Into: before, Receivers: slices.Collect(maps.Keys(old.Told))})
		return
	}
	m := Merge{Alarm: before, Into: &old.Alarm}
	for receiver, k := range s.In {
		if k == s.ID {
			m.Receivers = append(m.Receivers, receiver)
			delete(s.In, receiver)
			delete(f.views, alarm.Place{Receiver: receiver, Key: k})
		}
	}
	f.merged = append(f.merged, m)
	s.ID = old.Alarm.ID
}

func (f *first) store(tx *bbolt.Tx) error {
	if _, err := tx.CreateBucketIfNotExists(viewsBucket); err != nil {
		return err
	}
	for k, s := range f.alarms {
		if err := store(tx.Bucket(alarmsBucket), []byte(k), s); err != nil {
			return err
		}
	}
	for at, v := range f.views {
		b, err := tx.Bucket(viewsBucket).CreateBucketIfNotExists([]byte(at.Receiver))
		if err == nil {
			err = store(b, []byte(at.Key), v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// convertRows moves the rows of receivers to the alarm queues of their keys.
func (f *first) convertRows(tx *bbolt.Tx) error {
	outbox := tx.Bucket(outboxBucket)
	if outbox == nil {
		return nil
	}
	names, err := below(outbox)
	if err != nil {
		return err
	}
	for _, name := range names {
		b, changed := outbox.Bucket([]byte(name)), map[string]*secondRow{}
		err := b.ForEach(func(k, value []byte) error {
			r := &secondRow{}
			if text, err := statedir.Unseal(k, value); err != nil || json.Unmarshal(text, r) != nil {
				return nil // Queue puts it aside
			}
			r.Run = f.run(r.At)
			if at, _ := f.place(name, &r.Alarm); r.Alarm.ID != "" && at.Key != r.Alarm.ID {
				r.Line = at.Key
			}
			changed[string(k)] = r
			return nil
		})
		for k, r := range changed {
			err = errors.Join(err, store(b, []byte(k), r))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
