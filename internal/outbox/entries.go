package outbox

import (
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/outbox/clock"
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
	if r.Kind == alarm.Forward {
		e.Target, e.Value = r.Alarm.Target, r.Alarm.Notification
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

// outcome is the outcome of an event for a receiver. That of a delivered event is only in memory and in the journal:
// storing the view again would write another page of the database.
type outcome struct {
	at      alarm.Place
	event   string
	sent    time.Time
	took    time.Duration
	tries   int
	givenUp string
}

// on returns a copy of a view with the outcome of its event.
func (end *outcome) on(v *alarm.View) *alarm.View {
	c := *v
	c.Sent, c.Took, c.Tries, c.GivenUp = end.sent, clock.Seconds(end.took), end.tries, end.givenUp
	return &c
}

// conclude records an outcome in memory, if its event is the last one of its place.
func (st *state) conclude(end *outcome) {
	if v := st.views[end.at]; v != nil && v.Event == end.event {
		st.putView(end.at, end.on(v))
	}
}

// conclude plans the outcome of an event. why is nil if it was delivered.
func (p *plan) conclude(q *queue.Queue, r *queue.Row, took time.Duration, why error) {
	if why != nil {
		p.noteGivenUp(q, r, why.Error())
	} else {
		p.noteDelivered(q, r, took)
	}
	end := outcome{at: alarm.Place{Receiver: q.Name, Key: r.QueueKey()}, event: r.ID, sent: p.now, took: took, tries: r.Tries()}
	if why == nil {
		p.outcomes = append(p.outcomes, end)
		return
	}
	if v := p.View(end.at); v != nil && v.Event == r.ID {
		end.givenUp = why.Error()
		p.PutView(end.at, end.on(v))
	}
}

// DeadLetter is an event that was given up, with the reason.
type DeadLetter = store.DeadLetter
