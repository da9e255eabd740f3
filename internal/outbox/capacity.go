package outbox

import (
	"fmt"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/request"
)

// shrink drops events of receivers whose queue exceeds its limits: the oldest updates, then pairs of a clear and the
// raise that follows it. One or two events of each alarm remain, which are never dropped. A receiver that lost events is
// sent a Resync.
func (p *plan) shrink() {
	for _, q := range p.state.queues.All {
		if !p.rows.Over(q) {
			continue
		}
		if dropped := p.drop(q); dropped > 0 {
			p.rows.Count(q).Dropped += dropped
			p.resync(q, dropped)
		}
	}
}

// drop removes events until the queue is within its limits, or none is left that may be dropped. It returns the number
// of dropped events.
func (p *plan) drop(q *queue.Queue) (dropped int) {
	updates, pairs := p.rows.Spare(q)
	for ; p.rows.Over(q) && len(updates) > 0; updates = updates[1:] {
		p.remove(q, updates[0])
		p.noteGivenUp(q, updates[0], tooMany)
		dropped++
	}
	for ; p.rows.Over(q) && len(pairs) > 0; pairs = pairs[1:] {
		p.remove(q, pairs[0][0])
		p.remove(q, pairs[0][1])
		p.noteGivenUp(q, pairs[0][0], tooMany)
		p.noteGivenUp(q, pairs[0][1], tooMany)
		dropped += 2
	}
	return dropped
}

// tooMany is the reason for dropped events.
const tooMany = "max_events or max_bytes of the receiver was reached"

// resync queues a Resync for a receiver that lost events. It replaces one that is waiting.
func (p *plan) resync(q *queue.Queue, dropped int) {
	if !q.Route.Resyncs {
		return
	}
	for _, r := range p.rows.AlarmQueue(q, string(alarm.Resync)) {
		if !r.InFlight() {
			dropped += r.Dropped
			p.remove(q, r)
		}
	}
	p.add(q, alarm.Event{Kind: alarm.Resync, At: p.now, Dropped: dropped})
}

// FullError lists conditions of alarms that were refused.
type FullError = request.FullError

// ErrTooManyAlarms is the target for errors.Is that matches a FullError with Busy.
var ErrTooManyAlarms = request.ErrTooManyAlarms

const (
	defaultMaxAlarms = 100000
	maxAlarmSize     = 64 << 10 // octets of one condition
	usualAlarmSize   = 4 << 10  // octets; all alarms together take no more than MaxAlarms of these
)

// fits reports whether a condition may be added to an alarm, or if instead is not nil, may replace that condition. If not,
// it adds the ID of the condition to p.refused.
func (p *plan) fits(s *alarm.State, instead *alarm.Condition, a *alarm.Alarm) bool {
	o := p.state
	refuse := func(busy bool, format string, args ...any) bool {
		if p.refused == nil {
			p.refused = &FullError{Limit: fmt.Sprintf(format, args...), Busy: busy}
		}
		p.refused.Refused = append(p.refused.Refused, a.ID)
		return false
	}
	most := o.options.MaxAlarms
	switch size := a.Size(); {
	case size > maxAlarmSize:
		return refuse(false, "the labels and annotations of an alarm take %d octets, and may take %d", size, maxAlarmSize)
	case instead != nil:
		return true
	case len(s.Conditions) >= alarm.MaxConditions:
		return refuse(true, "an alarm has %d conditions already", alarm.MaxConditions)
	case len(s.Conditions) == 0 && len(o.index.Active)+p.number >= most:
		return refuse(true, "%d alarms are active: notifications.max_alarms allows no more", most)
	case o.index.Size+p.size+size > most*usualAlarmSize:
		return refuse(true, "the active alarms take %d octets: notifications.max_alarms allows %d for each", o.index.Size+p.size, usualAlarmSize)
	}
	return true
}

// room reports whether an alarm may be queued for a receiver. An alarm without room is sent later, in its state at that
// time. The limits of urgent alarms are twice as high.
func (p *plan) room(q *queue.Queue, a *alarm.Alarm) bool {
	if k, _ := q.Receiver.Key(a); len(p.rows.AlarmQueue(q, k)) > 0 {
		return true
	}
	times := 1
	if queue.ClassOf(a.Severity) <= queue.Urgent {
		times = 2
	}
	c, r := p.rows.Count(q), q.Route
	return (r.MaxEvents <= 0 || q.Len()+c.Rows < times*r.MaxEvents) && (r.MaxBytes <= 0 || q.Size()+c.Bytes+a.Size() <= times*r.MaxBytes)
}
