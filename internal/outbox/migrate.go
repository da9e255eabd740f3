package outbox

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/schema"
	"trapline/internal/statedir"
)

// merge is an alarm of form 1 that was merged into another one.
type merge struct {
	alarm, into *alarm.Alarm
	receivers   []string // that know the alarm
}

// convert converts a database from form 1 to form 2. It sends nothing: alarms keep the ID that receivers know. If two
// alarms become one, the more severe one keeps its ID. convert returns the others: receivers that identify alarms by ID
// must be sent their clear.
func (st *state) convert(tx *bbolt.Tx, now time.Time) (merged []merge, err error) {
	found := schema.Of(tx)
	meta, err := tx.CreateBucketIfNotExists(schema.MetaBucket)
	if err == nil && found < schema.Version {
		err = meta.Put(schema.Key, key(schema.Version))
	}
	if err != nil || found != 1 || tx.Bucket(alarmsBucket) == nil {
		return nil, err
	}
	var old []*schema.FirstAlarm
	var keys [][]byte
	alarms := tx.Bucket(alarmsBucket)
	err = st.readRows(tx, "alarms", alarms, func(id, text []byte) error {
		a := &schema.FirstAlarm{}
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
	slices.SortStableFunc(old, func(a, b *schema.FirstAlarm) int { return a.Alarm.RaisedAt.Compare(b.Alarm.RaisedAt) })
	c := conversion{state: st, now: now, alarms: map[string]*alarm.State{}, views: map[alarm.Place]*alarm.View{}}
	for _, a := range old {
		c.add(a)
	}
	if err := c.store(tx); err != nil {
		return nil, err
	}
	return c.merged, c.convertRows(tx)
}

// conversion is the state of a conversion from form 1.
type conversion struct {
	state  *state
	now    time.Time
	alarms map[string]*alarm.State
	views  map[alarm.Place]*alarm.View
	merged []merge
}

// run returns a moment of the past in run seconds, which begin with the conversion.
func (c *conversion) run(at time.Time) float64 { return min(0, at.Sub(c.now).Seconds()) }

// place returns the place of an alarm at a receiver, and the scheme of its key. The key of an unknown receiver is the ID.
func (c *conversion) place(receiver string, a *alarm.Alarm) (at alarm.Place, scheme string) {
	if q := c.state.byName[receiver]; q != nil {
		k, _ := q.Receiver.Key(a)
		return alarm.Place{Receiver: receiver, Key: k}, q.Receiver.Scheme
	}
	return alarm.Place{Receiver: receiver, Key: a.ID}, ""
}

func (c *conversion) add(old *schema.FirstAlarm) {
	a := &old.Alarm
	condition := alarm.Condition{Source: a.ID, Alarm: *a}
	if !old.Lease.IsZero() {
		condition.Lease = seconds(Lease)
	}
	k := c.state.key(a)
	s := c.alarms[k]
	if s == nil {
		s = &alarm.State{ID: a.ID, RaisedAt: a.RaisedAt, In: map[string]string{}}
		c.alarms[k] = s
	} else {
		c.merge(s, old)
	}
	s.Conditions = append(s.Conditions, condition)
	for receiver, t := range old.Told {
		at, scheme := c.place(receiver, a)
		if s.ID != a.ID && at.Key == a.ID {
			continue // the receiver is sent the clear of this one
		}
		s.In[receiver] = at.Key
		c.views[at] = &alarm.View{Event: t.Event, At: t.At, Run: c.run(t.At), Repeats: t.Repeats, Left: t.Left, Scheme: scheme}
		c.views[at].Record(a)
	}
}

// merge merges old into s. The more severe alarm keeps its ID.
func (c *conversion) merge(s *alarm.State, old *schema.FirstAlarm) {
	before := s.Alarm()
	if old.Alarm.Severity.Compare(before.Severity) >= 0 {
		c.merged = append(c.merged, merge{alarm: &old.Alarm, into: before, receivers: slices.Collect(maps.Keys(old.Told))})
		return
	}
	m := merge{alarm: before, into: &old.Alarm}
	for receiver, k := range s.In {
		if k == s.ID {
			m.receivers = append(m.receivers, receiver)
			delete(s.In, receiver)
			delete(c.views, alarm.Place{Receiver: receiver, Key: k})
		}
	}
	c.merged = append(c.merged, m)
	s.ID = old.Alarm.ID
}

func (c *conversion) store(tx *bbolt.Tx) error {
	if _, err := tx.CreateBucketIfNotExists(viewsBucket); err != nil {
		return err
	}
	for k, s := range c.alarms {
		if err := putJSON(tx.Bucket(alarmsBucket), []byte(k), s); err != nil {
			return err
		}
	}
	for at, v := range c.views {
		if err := storeView(tx, at, v); err != nil {
			return err
		}
	}
	return nil
}

// convertRows moves the rows of receivers to the alarm queues of their keys.
func (c *conversion) convertRows(tx *bbolt.Tx) error {
	outbox := tx.Bucket(outboxBucket)
	if outbox == nil {
		return nil
	}
	var names []string
	if err := outbox.ForEachBucket(func(name []byte) error { names = append(names, string(name)); return nil }); err != nil {
		return err
	}
	for _, name := range names {
		b, changed := outbox.Bucket([]byte(name)), map[string][]byte{}
		err := b.ForEach(func(k, value []byte) error {
			r := &queue.Row{}
			if text, err := statedir.Unseal(k, value); err != nil || json.Unmarshal(text, r) != nil {
				return nil // loadQueue puts it aside
			}
			r.Run = c.run(r.At)
			if at, _ := c.place(name, &r.Alarm); r.Alarm.ID != "" && at.Key != r.Alarm.ID {
				r.Line = at.Key
			}
			changed[string(k)] = statedir.Seal(k, r.Text())
			return nil
		})
		for k, text := range changed {
			err = errors.Join(err, b.Put([]byte(k), text))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// retract queues the clear of an alarm of form 1 that was merged into another one.
func (p *plan) retract(m *merge) {
	clear(p.ids)
	over := m.alarm.Over(&alarm.Alarm{Reason: "it is one with another alarm"})
	for _, receiver := range m.receivers {
		at, last := alarm.Place{Receiver: receiver, Key: m.alarm.ID}, p.Last(alarm.Place{Receiver: receiver, Key: m.into.ID})
		if q := p.state.byName[receiver]; q == nil {
			p.Append(at, alarm.Clear, &over, 0)
		} else if k, _ := q.Receiver.Key(m.alarm); k == m.alarm.ID {
			p.Append(at, alarm.Clear, &over, last)
		}
	}
}
