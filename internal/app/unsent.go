package app

import (
	"log/slog"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox"
)

// unsent records alarms in the journal and in the log if there is no state directory, and so no notification.
type unsent struct {
	journal *journal.Journal

	mu     sync.Mutex
	log    *journal.Log
	active map[string]alarm.Alarm // by ID of the condition
}

// newUnsent returns an unsent without active alarms.
func newUnsent(j *journal.Journal, logger *slog.Logger) *unsent {
	started := time.Now()
	return &unsent{journal: j, active: map[string]alarm.Alarm{}, log: journal.NewLog(logger, func() time.Duration { return time.Since(started) })}
}

// record records transitions.
func (u *unsent) record(transitions []outbox.Transition, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var entries []journal.Event
	for i := range transitions {
		if e, changed := u.take(&transitions[i], now); changed {
			e.At = now
			u.journal.Note(e)
			entries = append(entries, e)
		}
	}
	u.log.Entries(entries)
}

// take returns the entry of a transition, and reports whether the transition changes the alarm as shown.
func (u *unsent) take(t *outbox.Transition, now time.Time) (e journal.Event, changed bool) {
	if t.Held {
		return t.Entry(t.Alarm.ID, now), true
	}
	was, known := u.active[t.Alarm.ID]
	if !t.Active {
		delete(u.active, t.Alarm.ID)
		return journal.OfCleared(&was, &t.Alarm, now), known
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
		return journal.OfActive(journal.Raised, &a), true
	}
	return journal.OfActive(journal.Changed, &a), !alarm.SaysSame(&was, &a)
}
