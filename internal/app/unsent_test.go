package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox"
)

// Without an outbox, alarms of rules are in the journal and the log all the same.
func TestUnsentAlarmsAreNoted(t *testing.T) {
	var b bytes.Buffer
	j, err := journal.Open(journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u := newUnsent(j, slog.New(slog.NewTextHandler(&b, nil)))
	for _, tr := range []outbox.Transition{
		{Alarm: alarm.Alarm{ID: "a", Severity: alarm.Minor, Summary: "hot"}, Active: true}, {Alarm: alarm.Alarm{ID: "a", Severity: alarm.Minor, Summary: "hot"}, Active: true},
		{Alarm: alarm.Alarm{ID: "a", Severity: alarm.Major, Summary: "hot"}, Active: true}, {Alarm: alarm.Alarm{ID: "a", Reason: "the rule is gone"}}, {Alarm: alarm.Alarm{ID: "a"}},
	} {
		u.record([]outbox.Transition{tr}, time.Now())
	}
	list, err := j.Query(t.Context(), journal.Query{})
	if err != nil || len(list) != 3 || list[0].Kind != journal.Cleared || list[0].Reason != "the rule is gone" || list[1].Kind != journal.Changed || list[2].Kind != journal.Raised || strings.Count(b.String(), "\n") != 3 {
		t.Errorf("%v: %+v\n%s", err, list, b.String())
	}
}
