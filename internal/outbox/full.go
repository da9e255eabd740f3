package outbox

import (
	"errors"
	"fmt"

	"trapline/internal/alarm"
)

// FullError is about conditions of alarms that were not taken: there are too many, or they are too large. The end
// of one is always taken.
type FullError struct {
	Refused []string // IDs of the conditions
	Limit   string   // which bound was reached
	Busy    bool     // it is worth another try, once alarms have been cleared
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%d alarms were refused: %s", len(e.Refused), e.Limit)
}

// ErrTooManyAlarms is what a FullError is where it is worth another try.
var ErrTooManyAlarms = errors.New("too many alarms are active")

// Is reports whether the error is ErrTooManyAlarms.
func (e *FullError) Is(target error) bool { return e.Busy && target == ErrTooManyAlarms }

const (
	defaultMaxAlarms = 100000
	maxAlarmSize     = 64 << 10 // octets of one condition
	usualAlarmSize   = 4 << 10  // octets; all alarms together take no more than MaxAlarms of these
)

// fits reports whether there is room for a condition of an alarm, in the place of another one or beside those that
// there are, and if not, says why in the plan.
func (p *plan) fits(s *alarm.State, instead *alarm.Condition, a *alarm.Alarm) bool {
	o := p.o
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
	case len(s.Conditions) == 0 && len(o.active)+p.number >= most:
		return refuse(true, "%d alarms are active: notifications.max_alarms allows no more", most)
	case o.size+p.size+size > most*usualAlarmSize:
		return refuse(true, "the active alarms take %d octets: notifications.max_alarms allows %d for each", o.size+p.size, usualAlarmSize)
	}
	return true
}

// room reports whether an alarm may wait for a receiver in a line of its own. What there is no room for is sent later,
// by what is true then; for urgent ones there is twice as much.
func (p *plan) room(q *queue, a *alarm.Alarm) bool {
	if k, _ := q.receiver.Key(a); len(p.alarmQueue(q, k)) > 0 {
		return true
	}
	times := 1
	if classOf(a.Severity) <= urgent {
		times = 2
	}
	c, r := p.count(q), q.route
	return (r.MaxEvents <= 0 || q.count+c.rows < times*r.MaxEvents) && (r.MaxBytes <= 0 || q.bytes+c.bytes+a.Size() <= times*r.MaxBytes)
}
