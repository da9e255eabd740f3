package outbox

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
)

// maxLines is the maximum number of log lines per second about alarms and notifications. Further entries are counted.
const maxLines = 20

// log logs entries of the journal. It is not safe for concurrent use: an outbox holds commits.
type log struct {
	logger *slog.Logger
	run    func() time.Duration // since an arbitrary moment
	second time.Duration
	logged int
	left   map[string]int // entries that were not logged, by kind
}

// entries logs entries, up to maxLines per second.
func (l *log) entries(entries []journal.Event) {
	if now := l.run().Truncate(time.Second); now != l.second {
		l.summary()
		l.second, l.logged = now, 0
	}
	for i := range entries {
		e := &entries[i]
		message := messages[e.Kind]
		if message == "" {
			continue
		}
		if l.logged++; l.logged > maxLines {
			if l.left == nil {
				l.left = map[string]int{}
			}
			l.left[e.Kind]++
			continue
		}
		l.logger.Info(message, attributes(e)...) //nolint:sloglint // constants of the table messages
	}
}

// summary logs the number of entries that were not logged.
func (l *log) summary() {
	if len(l.left) == 0 {
		return
	}
	var list []any
	for _, kind := range kindsOfLines {
		if n := l.left[kind]; n > 0 {
			list = append(list, slog.Int(kind, n))
		}
	}
	l.left = nil
	l.logger.Info("more alarms and notifications in the same second", list...)
}

// messages are the log messages by kind of entry. deadLetter logs events that are given up.
var messages = map[string]string{
	journal.Raised: "alarm raised", journal.Changed: "alarm changed", journal.Cleared: "alarm cleared",
	journal.Sent: "notification sent", journal.Acknowledged: "notification acknowledged",
}

var kindsOfLines = []string{journal.Raised, journal.Changed, journal.Cleared, journal.Sent, journal.Acknowledged}

func attributes(e *journal.Event) (list []any) {
	text := func(name, value string) {
		if value != "" {
			list = append(list, slog.String(name, value))
		}
	}
	if e.Receiver != "" {
		text("receiver", e.Receiver)
		text("kind", e.Notification)
		text("alarm", e.Alarm)
		text("event", e.Event)
		if e.Millis > 0 {
			list = append(list, slog.Duration("took", milliseconds(e.Millis)))
		}
		return append(list, slog.Int("tries", e.Tries))
	}
	text("rule", e.Rule)
	text("target", e.Target)
	text("resource", e.Resource)
	if e.Kind == journal.Cleared {
		text("alarm", e.Alarm)
		list = append(list, slog.Duration("after", milliseconds(e.Millis).Round(time.Second)))
		text("reason", e.Reason)
		return list
	}
	text("severity", e.Severity)
	text("alarm", e.Alarm)
	text("text", e.Text)
	return slices.Clip(list)
}

func milliseconds(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// Unsent records alarms in the journal and in the log if there is no state directory, and so no notification.
type Unsent struct {
	journal *journal.Journal

	mu     sync.Mutex
	log    *log
	active map[string]alarm.Alarm // by ID of the condition
}

// NewUnsent returns an Unsent without active alarms.
func NewUnsent(j *journal.Journal, logger *slog.Logger) *Unsent {
	started := time.Now()
	return &Unsent{journal: j, active: map[string]alarm.Alarm{}, log: &log{logger: logger, run: func() time.Duration { return time.Since(started) }}}
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
	u.log.entries(entries)
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
