package outbox

import (
	"errors"
	"maps"
	"slices"
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
	st.inherited = st.entrySeq
	silences, err := st.reader.Silences(tx)
	if err != nil {
		return err
	}
	st.mutes = mute.NewSet(silences, st.options.Mutes).WithNoted(store.Windows(tx))
	if err := st.reader.Alarms(tx, st.put); err != nil {
		return err
	}
	st.mutes = st.mutes.Resumed(new(int), st.active, st.clock.run())
	if err := st.reader.Views(tx, st.keepView); err != nil {
		return err
	}
	return st.loadRows(tx)
}

// keepView stores a view in memory. One without an active alarm is kept only if its clear was given up.
func (st *state) keepView(at alarm.Place, v *alarm.View) {
	if len(st.members[at]) > 0 || v.Lost != nil {
		st.putView(at, v)
	}
}

// loadRows reads the rows of all receivers, and deletes events to which none refers.
func (st *state) loadRows(tx *bbolt.Tx) error {
	events, err := st.reader.Events(tx)
	if err != nil {
		return err
	}
	sent, err := store.TakeSent(tx, st.boots)
	if err != nil {
		return err
	}
	names, err := store.Receivers(tx, slices.Collect(maps.Keys(st.names)))
	for _, name := range names {
		rows, failed := st.reader.Queue(tx, name, events)
		err = errors.Join(err, failed)
		for _, r := range rows {
			st.seq = max(st.seq, r.Seq()) // the stored number may be damaged
			st.references[r.EventSeq]++
		}
		if q := st.byName[name]; q != nil {
			fill(q, rows, sent[name])
		} else {
			st.warnOfOrphan(name, len(rows))
		}
	}
	return errors.Join(err, store.Sweep(tx, events, st.references))
}

// fill puts the rows that an earlier process has left into a queue. sent are those that it may have sent, nil if that is
// unknown.
func fill(q *queue.Queue, rows []*queue.Row, sent map[uint64]bool) {
	for _, r := range rows {
		q.Push(r)
	}
	q.MarkSeen(sent)
}

// takeBack reads the rows of receivers that are configured again.
func (st *state) takeBack(tx *bbolt.Tx, queues []*queue.Queue) error {
	var names []string
	for _, q := range queues {
		names = append(names, q.Name)
	}
	if _, err := store.Receivers(tx, names); err != nil {
		return err
	}
	events, err := st.reader.Events(tx)
	for _, q := range queues {
		rows, failed := st.reader.Queue(tx, q.Name, events)
		fill(q, rows, nil)
		err = errors.Join(err, failed)
	}
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
	p.change = &store.Change{
		Seq: p.seq, Run: seconds(p.run), Alarms: p.alarms, Views: p.views, Silences: p.silences, Dead: p.dead,
		Added: slices.Clip(p.absent), Events: &p.events, References: p.state.references,
	}
	if p.notesWindows() {
		names := p.mutes.Noted()
		p.change.Windows = &names
	}
	for _, r := range p.doubted {
		p.change.Doubted = append(p.change.Doubted, store.Row{Receiver: r.q.Name, Row: r.r})
	}
	for _, r := range p.removed {
		p.change.Removed = append(p.change.Removed, store.Row{Receiver: r.q.Name, Row: r.r})
	}
	for _, a := range p.added {
		p.change.Added = append(p.change.Added, store.Row{Receiver: a.q.Name, Row: a.r})
	}
	if err := p.change.Write(tx); err != nil || !p.state.journal.Durable() {
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
