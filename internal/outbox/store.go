package outbox

import (
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/store"
)

// load reads the records into memory. It returns the writes that delete those that are of no use any more.
func (st *state) load() (unused []ledger.Write, err error) {
	all, err := st.reader.Read(st.journal.Last(), st.boots)
	if err != nil {
		return nil, err
	}
	st.seq, st.clock.Base = all.Seq, clock.FromSeconds(all.Run)
	if st.shards != nil {
		st.shift(all)
	}
	st.references, st.buried, st.stored = all.References, all.Buried, all.Stored
	st.journal.Add(all.Entries, nil)
	st.entrySeq = st.journal.Last()
	st.inherited = st.entrySeq
	st.mutes = mute.NewSet(all.Silences, st.options.Mutes).WithNoted(all.Windows)
	for key, s := range all.Alarms {
		st.index.Put(key, s)
	}
	st.mutes = st.mutes.Resumed(new(int), st.index.Active, st.clock.Run())
	for at, v := range all.Views {
		st.index.KeepView(at, v)
	}
	for name, rows := range all.Rows {
		if q := st.queues.ByName[name]; q == nil {
			st.warnOfOrphan(name, len(rows))
		}
	}
	for _, q := range st.queues.All {
		fill(q, all.Rows[q.Name], all.Sent[q.Name])
	}
	return all.Unused, nil
}

// fill puts the rows that an earlier process has left into a queue. sent are those that it may have sent, nil if that is
// unknown.
func fill(q *queue.Queue, rows []*queue.Row, sent map[uint64]bool) {
	for _, r := range rows {
		q.Push(r)
	}
	q.MarkSeen(rows, sent)
}

// takeBack reads the rows of receivers that are configured again.
func (st *state) takeBack(queues []*queue.Queue) error {
	var names []string
	for _, q := range queues {
		names = append(names, q.Name)
	}
	rows, err := st.reader.Rows(names)
	if err != nil {
		return err
	}
	for _, q := range queues {
		fill(q, rows[q.Name], nil)
	}
	return nil
}

// converter converts databases of earlier forms.
func (st *state) converter(now time.Time) *store.Converter {
	return &store.Converter{Reader: st.reader, Now: now, Key: st.key, Lease: clock.Seconds(Lease), Receiver: func(name string) *alarm.Receiver {
		if q := st.queues.ByName[name]; q != nil {
			return q.Receiver
		}
		return nil
	}}
}

// writes returns what the plan stores.
func (p *plan) writes() ([]ledger.Write, error) {
	p.change = &store.Change{
		Seq: p.seq, Run: clock.Seconds(p.run), Alarms: p.alarms, Views: p.views, Inhibit: p.unshared.With(p.state.index, p.alarms, p.homes, p.causes), Silences: p.silences, Dead: p.dead, Unburied: p.unburied, Buried: p.state.buried,
		Shards: p.state.shards, Homes: p.homes, Sent: p.sent, Added: slices.Clip(p.absent), Events: &p.events, References: p.state.references,
	}
	if p.notesWindows() {
		names := p.mutes.Noted()
		p.change.Windows = &names
	}
	for _, r := range p.doubted {
		p.change.Doubted = append(p.change.Doubted, store.Row{Receiver: r.Queue.Name, Row: r.Row})
	}
	for _, r := range p.rows.Removed {
		p.change.Removed = append(p.change.Removed, store.Row{Receiver: r.Queue.Name, Row: r.Row})
	}
	for _, a := range p.rows.Added {
		p.change.Added = append(p.change.Added, store.Row{Receiver: a.Queue.Name, Row: a.Row})
	}
	writes, err := p.change.Writes()
	if err != nil || !p.state.journal.Durable() {
		return writes, err
	}
	var more []ledger.Write
	more, p.texts, p.stored = p.state.stored.Write(p.entries, p.state.journal.Stored())
	return append(writes, more...), nil
}

// retract queues the clear of an alarm of form 1 that was merged into another one.
func (p *plan) retract(m *store.Merge) {
	clear(p.ids)
	over := m.Alarm.Over(&alarm.Alarm{Reason: "it is one with another alarm"})
	for _, receiver := range m.Receivers {
		at, last := alarm.Place{Receiver: receiver, Key: m.Alarm.ID}, p.Last(alarm.Place{Receiver: receiver, Key: m.Into.ID})
		if q := p.state.queues.ByName[receiver]; q == nil {
			p.Append(at, alarm.Clear, &over, 0)
		} else if k, _ := q.Receiver.Key(m.Alarm); k == m.Alarm.ID {
			p.Append(at, alarm.Clear, &over, last)
		}
	}
}
