package journal

import (
	"log/slog"
	"slices"
	"time"
)

// maxLogged is the maximum number of log lines per second about alarms and notifications. Further entries are counted.
const maxLogged = 20

// Log logs entries. It is not safe for concurrent use.
type Log struct {
	logger *slog.Logger
	run    func() time.Duration // since an arbitrary moment
	second time.Duration
	logged int
	left   map[string]int // entries that were not logged, by kind
}

// NewLog returns a log. run is the time since an arbitrary moment.
func NewLog(logger *slog.Logger, run func() time.Duration) *Log {
	return &Log{logger: logger, run: run}
}

// Entries logs entries, up to maxLogged per second.
func (l *Log) Entries(entries []Event) {
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
		if l.logged++; l.logged > maxLogged {
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
func (l *Log) summary() {
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
	Raised: "alarm raised", Changed: "alarm changed", Cleared: "alarm cleared",
	Muted: "alarm muted", Unmuted: "alarm unmuted", Ack: "alarm acknowledged by a person", AckEnded: "acknowledgement ended", SilenceBegun: "silence begun", SilenceEnded: "silence ended", WindowBegun: "maintenance begun", WindowEnded: "maintenance ended",
	Sent: "notification sent", Acknowledged: "notification acknowledged",
}

var kindsOfLines = []string{Raised, Changed, Cleared, Muted, Unmuted, Ack, AckEnded, SilenceBegun, SilenceEnded, WindowBegun, WindowEnded, Sent, Acknowledged}

func attributes(e *Event) (list []any) {
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
	switch e.Kind {
	case SilenceBegun, SilenceEnded:
		text("silence", e.Value)
	case WindowBegun, WindowEnded:
		text("maintenance", e.Value)
	}
	text("rule", e.Rule)
	text("target", e.Target)
	text("resource", e.Resource)
	if e.Kind == Cleared {
		text("alarm", e.Alarm)
		list = append(list, slog.Duration("after", milliseconds(e.Millis).Round(time.Second)))
		text("reason", e.Reason)
		return list
	}
	text("severity", e.Severity)
	text("alarm", e.Alarm)
	text("text", e.Text)
	text("reason", e.Reason)
	return slices.Clip(list)
}

func milliseconds(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
