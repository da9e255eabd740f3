package outbox

import (
	"log/slog"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
)

// Unsent records alarms in the journal and in the log if there is no state directory, and so no notification.
type Unsent struct {
	journal *journal.Journal

	mu     sync.Mutex
	log    *journal.Log
	active map[string]alarm.Alarm // by ID of the condition
}

// NewUnsent returns an Unsent without active alarms.
func NewUnsent(j *journal.Journal, logger *slog.Logger) *Unsent {
	started := time.Now()
	return &Unsent{journal: j, active: map[string]alarm.Alarm{}, log: journal.NewLog(logger, func() time.Duration { return time.Since(started) })}
}

// Apply records transitions.
func (u *Unsent) Apply(transitions []Transition, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var entries []journal.Event
	for i := range transitions {
		if e, changed := u.apply(&transitions[i], now); changed {
			e.At = now
			u.journal.Note(e)
			entries = append(entries, e)
		}
	}
	u.log.Entries(entries)
}

// apply returns the entry of a transition, and reports whether the transition changes the alarm as shown.
func (u *Unsent) apply(t *Transition, now time.Time) (e journal.Event, changed bool) {
	was, known := u.active[t.Alarm.ID]
	if !t.Active {
		delete(u.active, t.Alarm.ID)
		return cleared(&was, &t.Alarm, now), known
	}
	a := t.Alarm
	switch {
	case known:
		a.RaisedAt = was.RaisedAt
	case a.RaisedAt.IsZero():
		a.RaisedAt = now
	}
	u.active[a.ID] = a
	if !known {
		return shown(journal.Raised, &a), true
	}
	return shown(journal.Changed, &a), !alarm.SaysSame(&was, &a)
}
