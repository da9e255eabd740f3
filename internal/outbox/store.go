package outbox

import (
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/store"
)

// load reads the database into memory.
func (st *state) load(tx *bbolt.Tx) error {
	seq, run, err := store.Begin(tx)
	if err != nil {
		return err
	}
	st.seq, st.clock.base = seq, fromSeconds(run)
	left, err := st.reader.Entries(tx, st.journal.Last())
	if err != nil {
		return err
	}
	st.journal.Add(left, nil)
	st.entrySeq = st.journal.Last()
	silences, err := st.reader.Silences(tx)
	if err != nil {
		return err
	}
	st.mutes = mute.NewSet(silences, st.options.Mutes)
	if err := st.reader.Alarms(tx, st.put); err != nil {
		return err
	}
	if err := st.reader.Views(tx, st.keepView); err != nil {
		return err
	}
	last, err := store.Queues(tx)
	if err != nil {
		return err
	}
	for name, seq := range last {
		if st.seq = max(st.seq, seq); st.byName[name] == nil { // the stored number may be damaged
			st.warnOfOrphan(name, store.CountRows(tx, name))
		}
	}
	for _, q := range st.queues {
		if err := st.loadQueue(tx, q); err != nil {
			return err
		}
	}
	return nil
}

// keepView stores a view in memory. One without an active alarm is kept only if its clear was given up.
func (st *state) keepView(at alarm.Place, v *alarm.View) {
	if len(st.members[at]) > 0 || v.Lost != nil {
		st.putView(at, v)
	}
}

// loadQueue reads the rows of a receiver.
func (st *state) loadQueue(tx *bbolt.Tx, q *queue.Queue) error {
	err := st.reader.Queue(tx, q.Name, q.Push)
	q.MarkSeen()
	return err
}

// converter converts databases of earlier forms.
func (st *state) converter(now time.Time) *store.Converter {
	return &store.Converter{Reader: st.reader, Now: now, Key: st.key, Lease: seconds(Lease), Receiver: func(name string) *alarm.Receiver {
		if q := st.byName[name]; q != nil {
			return q.Receiver
		}
		return nil
	}}
}

// store writes the plan to the database.
func (p *plan) store(tx *bbolt.Tx) (err error) {
	c := store.Change{Seq: p.seq, Run: seconds(p.run), Alarms: p.alarms, Views: p.views, Silences: p.silences, Dead: p.dead, Added: p.absent}
	for _, r := range p.removed {
		c.Removed = append(c.Removed, store.Row{Receiver: r.q.Name, Row: r.r})
	}
	for _, a := range p.added {
		c.Added = append(c.Added, store.Row{Receiver: a.q.Name, Row: a.r})
	}
	if err := c.Write(tx); err != nil || !p.state.journal.Durable() {
		return err
	}
	p.texts, err = store.WriteEntries(tx, p.entries, p.state.journal.Stored())
	return err
}

// retract queues the clear of an alarm of form 1 that was merged into another one.
func (p *plan) retract(m *store.Merge) {
	clear(p.ids)
	over := m.Alarm.Over(&alarm.Alarm{Reason: "it is one with another alarm"})
	for _, receiver := range m.Receivers {
		at, last := alarm.Place{Receiver: receiver, Key: m.Alarm.ID}, p.Last(alarm.Place{Receiver: receiver, Key: m.Into.ID})
		if q := p.state.byName[receiver]; q == nil {
			p.Append(at, alarm.Clear, &over, 0)
		} else if k, _ := q.Receiver.Key(m.Alarm); k == m.Alarm.ID {
			p.Append(at, alarm.Clear, &over, last)
		}
	}
}
