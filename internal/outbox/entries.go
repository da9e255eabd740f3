package outbox

import (
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/store"
)

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
	for _, r := range cause.Reasons(p.mutes, p.causes, p.outages, a) {
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

// noteOutcome notes an outcome that the journal has.
func (p *plan) noteOutcome(e journal.Event) {
	if e.Kind != "" {
		p.note(e)
	}
}

// noteGivenUp notes that an event was given up.
func (p *plan) noteGivenUp(q *queue.Queue, r *queue.Row, why string) {
	p.noteOutcome(outcomes.GivenUp(q.Name, r, why))
}

// numberEntries inserts the entries of Note before those of the plan, and numbers all of them.
func (p *plan) numberEntries() {
	p.fromOthers = len(p.state.added)
	p.entries = append(p.state.added[:p.fromOthers:p.fromOthers], p.entries...)
	for i := range p.entries {
		p.entries[i].Seq = p.state.entrySeq + uint64(i) + 1
	}
}

// publish adds the entries to the journal, after the transaction.
func (p *plan) publish() {
	o := p.state
	if o.added = o.added[p.fromOthers:]; len(o.added) == 0 {
		o.added = nil
	}
	o.entrySeq += uint64(len(p.entries))
	o.metrics.Happened(p.entries[p.fromOthers:])
	o.today.Add(p.entries)
	o.journal.Add(p.entries, p.texts)
}

// conclude records an outcome in memory, if its event is the last one of its place.
func (st *state) conclude(end *outcomes.End) {
	if v := st.index.Views[end.At]; v != nil && v.Event == end.Event {
		st.index.PutView(end.At, end.On(v))
	}
}

// conclude plans the outcome of an event. why is nil if it was delivered.
func (p *plan) conclude(q *queue.Queue, r *queue.Row, took time.Duration, why error) {
	end := outcomes.End{At: alarm.Place{Receiver: q.Name, Key: r.QueueKey()}, Event: r.ID, Sent: p.now, Took: took, Tries: r.Tries()}
	if why == nil {
		p.noteOutcome(outcomes.Delivered(q.Name, r, took))
		p.outcomes = append(p.outcomes, end)
		return
	}
	p.noteGivenUp(q, r, why.Error())
	if v := p.View(end.At); v != nil && v.Event == r.ID {
		end.GivenUp = why.Error()
		p.PutView(end.At, end.On(v))
	}
}

// DeadLetter is an event that was given up, with the reason.
type DeadLetter = store.DeadLetter
