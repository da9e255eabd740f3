// Package request says what an outbox is asked for, and how it refuses that.
package request

import (
	"errors"
	"fmt"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
)

// Transition begins or ends a condition of an alarm. A repeated transition only renews the lease.
type Transition struct {
	// Alarm is the alarm as the condition shows it. Its ID is that of the condition: the ID of the alarm follows from its
	// name, target and labels. The outbox sets RaisedAt if it is zero. The end of a condition requires only the ID.
	Alarm  alarm.Alarm
	Active bool
	Lease  time.Time // when the condition ends unless it is renewed; zero means never

	Shard string // that the condition is stored in, where the caller knows; "" means that of the alarm's target

	// Held is of a condition of a baseline: the journal has it, and receivers are not notified. Its end has the whole alarm.
	Held bool
}

// Entry returns the entry of the journal for a condition that is held.
func (t *Transition) Entry(id string, now time.Time) journal.Event {
	a := t.Alarm
	a.ID = id
	if !t.Active {
		return journal.OfCleared(&a, &alarm.Alarm{Reason: a.Reason}, now)
	}
	e := journal.OfActive(journal.Raised, &a)
	e.Reason = "baseline: not sent"
	return e
}

// FullError lists conditions of alarms that were refused: there are too many, or they are too large. The end of a
// condition is never refused.
type FullError struct {
	Refused []string // IDs of the conditions
	Limit   string   // the limit that was reached
	Busy    bool     // a retry may succeed once alarms have been cleared
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%d alarms were refused: %s", len(e.Refused), e.Limit)
}

// ErrTooManyAlarms is the target for errors.Is that matches a FullError with Busy.
var ErrTooManyAlarms = errors.New("too many alarms are active")

// Is reports whether the error is ErrTooManyAlarms.
func (e *FullError) Is(target error) bool { return e.Busy && target == ErrTooManyAlarms }
