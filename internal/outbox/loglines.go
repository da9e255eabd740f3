package outbox

import (
	"log/slog"
	"slices"
	"time"

	"trapline/internal/journal"
)

// maxLines is how many lines a second are logged of alarms and notifications. Of more, the number is.
const maxLines = 20

// log logs entries of the journal. It is not for concurrent use: an outbox holds its commits.
type log struct {
	logger *slog.Logger
	run    func() time.Duration // since any moment
	second time.Duration
	logged int
	left   map[string]int // by kind, what was not logged
}

// entries logs what has happened.
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
		l.logger.Info(message, attributes(e)...)
	}
}

// summary logs how much was not.
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

// messages of entries. What was given up is logged where that is decided.
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
