package outbox

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// journalBucket contains the entries of the journal that are not yet in one of its files. Each is written in the
// transaction that it describes, so that journal and state agree. The entries of a transaction are the lines of one
// value. Its key is the number of the last entry.
var journalBucket = []byte("journal")

// note adds an entry to the plan.
func (p *plan) note(e journal.Event) {
	e.At = p.now
	p.entries = append(p.entries, e)
}

// reconcile plans the effects of a change of an alarm, and notes the change in the journal.
func (p *plan) reconcile(key string, was, is *alarm.State, end *alarm.Alarm) {
	switch {
	case was == nil:
		p.note(journal.OfActive(journal.Raised, is.Alarm()))
	case is == nil:
		p.note(journal.OfCleared(was.Alarm(), end, p.now))
	case !alarm.SaysSame(was.Alarm(), is.Alarm()):
		p.note(journal.OfActive(journal.Changed, is.Alarm()))
	}
	flaps := p.unrest(was, is)
	p.cause(key, was, is)
	p.reconciler.Reconcile(key, was, is, end)
	if flaps {
		p.mutes = p.mutes.Flaps(p.owner, is.ID, p.run)
	}
	p.noteMutes(key)
}

// noteMutes notes the reasons why an alarm is muted that the journal does not have.
func (p *plan) noteMutes(key string) {
	s := p.Alarm(key)
	if s == nil {
		return
	}
	a := s.Alarm()
	var reasons []string
	for _, r := range p.state.reasons(p.mutes, p.causes, p.outages, a) {
		reasons = append(reasons, r.String())
	}
	if slices.Equal(reasons, s.Mutes) {
		return
	}
	p.noteReasons(journal.Muted, a, reasons, s.Mutes)
	p.noteReasons(journal.Unmuted, a, s.Mutes, reasons)
	c := s.Clone()
	c.Mutes = reasons
	p.PutAlarm(key, c)
}

// noteReasons notes the reasons that are not among others.
func (p *plan) noteReasons(kind string, a *alarm.Alarm, reasons, others []string) {
	for _, reason := range reasons {
		if !slices.Contains(others, reason) {
			e := journal.OfActive(kind, a)
			e.Reason = reason
			p.note(e)
		}
	}
}

// noteEvent adds the outcome of an event for a receiver to the plan, and returns its entry.
func (p *plan) noteEvent(kind string, q *queue.Queue, r *queue.Row) *journal.Event {
	if r.Kind == alarm.Heartbeat {
		return &journal.Event{}
	}
	e := journal.Event{Kind: kind, Receiver: q.Name, Event: r.ID, Notification: string(r.Kind), Tries: r.Tries()}
	if r.Alarm.ID != "" {
		a := journal.OfAlarm(kind, &r.Alarm)
		e.Alarm, e.Rule, e.Target, e.Resource, e.Severity = a.Alarm, a.Rule, a.Target, a.Resource, a.Severity
	}
	p.note(e)
	return &p.entries[len(p.entries)-1]
}

// noteDelivered notes that an event was acknowledged, or sent if the receiver never acknowledges.
func (p *plan) noteDelivered(q *queue.Queue, r *queue.Row, took time.Duration) {
	if took <= 0 {
		p.noteEvent(journal.Sent, q, r)
		return
	}
	e := p.noteEvent(journal.Acknowledged, q, r)
	e.Millis = float64(took.Microseconds()) / 1000
}

// noteGivenUp notes that an event was given up.
func (p *plan) noteGivenUp(q *queue.Queue, r *queue.Row, why string) {
	p.noteEvent(journal.GivenUp, q, r).Reason = why
}

// numberEntries inserts the entries of Note before those of the plan, and numbers all of them.
func (p *plan) numberEntries() {
	p.fromOthers = len(p.state.added)
	p.entries = append(p.state.added[:p.fromOthers:p.fromOthers], p.entries...)
	for i := range p.entries {
		p.entries[i].Seq = p.state.entrySeq + uint64(i) + 1
	}
}

// storeEntries writes the entries, and removes those that are in the files of the journal.
func (p *plan) storeEntries(tx *bbolt.Tx) error {
	j := p.state.journal
	if !j.Durable() {
		return nil
	}
	b := tx.Bucket(journalBucket)
	c, stored := b.Cursor(), key(j.Stored())
	for k, _ := c.First(); k != nil && bytes.Compare(k, stored) <= 0; k, _ = c.First() {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	if len(p.entries) == 0 {
		return nil
	}
	var text []byte
	p.texts = p.texts[:0]
	for i := range p.entries {
		start := len(text)
		text = p.entries[i].AppendLine(text)
		p.texts = append(p.texts, text[start:]) // append does not change these octets
	}
	k := key(p.entries[len(p.entries)-1].Seq)
	return b.Put(k, statedir.Seal(k, text))
}

// publish adds the entries to the journal, after the transaction.
func (p *plan) publish() {
	o := p.state
	if o.added = o.added[p.fromOthers:]; len(o.added) == 0 {
		o.added = nil
	}
	o.entrySeq += uint64(len(p.entries))
	o.metrics.Happened(p.entries[p.fromOthers:])
	o.journal.Add(p.entries, p.texts)
}

// loadEntries adds the entries to the journal that the last process did not write to its files.
func (st *state) loadEntries(tx *bbolt.Tx) error {
	var left []journal.Event
	last := st.journal.Last()
	err := st.readRows(tx, "journal", tx.Bucket(journalBucket), func(k, text []byte) error {
		var e journal.Event
		for line := range bytes.Lines(text) {
			e = journal.Event{}
			if err := json.Unmarshal(line, &e); err != nil {
				return err
			}
			if e.Seq > last {
				left = append(left, e)
			}
		}
		if len(k) != 8 || binary.BigEndian.Uint64(k) != e.Seq {
			return fmt.Errorf("it has the number %d", e.Seq)
		}
		return nil
	})
	st.journal.Add(left, nil)
	st.entrySeq = st.journal.Last()
	return err
}
