package outbox

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// journalOfChild names the directory in which the test binary raises alarms as a process of its own, until it is killed.
const journalOfChild = "TRAPLINE_TEST_JOURNAL_DIR"

// newJournaled is an outbox with a journal, whose one receiver acknowledges at once.
func newJournaled(dir string) (*Outbox, *statedir.Dir, error) {
	route := &queue.Route{Name: "nms", Window: 16, MaxAge: time.Hour, EveryTransition: true, Deliver: func(_ context.Context, e *alarm.Event, _ int32) (originator.Receipt, error) {
		return originator.Receipt{Sent: 1, RTT: time.Millisecond}, nil
	}}
	return openJournaled(dir, []*queue.Route{route}, nil)
}

// TestChildThatRaises is no test but the process that TestEachEntryIsThereOnce kills.
func TestChildThatRaises(t *testing.T) {
	dir := os.Getenv(journalOfChild)
	if dir == "" {
		t.Skip("it is run by another test")
	}
	o, _, err := newJournaled(dir)
	if err != nil {
		t.Fatal(err)
	}
	deliver(o)
	for n := 0; ; n++ {
		id := fmt.Sprintf("%d-%d", os.Getpid(), n)
		for _, active := range []bool{true, false} {
			if err := o.Apply([]Transition{{Alarm: alarm.Alarm{ID: id, Severity: alarm.Major, Summary: "summary"}, Active: active}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("\n%s %t\n", id, active)
		}
	}
}

// Whenever the process is killed: of each transition that was committed there is one entry, and the numbers of the
// entries have no gap.
func TestEachEntryIsThereOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	said := map[string]bool{}
	kills := killAgainAndAgain(t, "TestChildThatRaises", journalOfChild+"="+dir, 10*time.Second, 60, func(line string) bool {
		_, active, found := strings.Cut(line, " ")
		step := found && (active == "true" || active == "false")
		if step {
			said[line] = true
		}
		return step
	})
	o, state, err := newJournaled(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	defer o.state.journal.Close()
	entries := numberedEntries(t, o)
	times := map[string]int{}
	for _, e := range entries {
		switch e.Kind {
		case journal.Raised:
			times[e.Alarm+" true"]++
		case journal.Cleared:
			times[e.Alarm+" false"]++
		case journal.Acknowledged:
			times[e.Event+e.Notification]++
		}
	}
	for what, n := range times {
		if n != 1 && !strings.Contains(what, "resync") {
			t.Errorf("%s has %d entries", what, n)
		}
	}
	for what := range said {
		if times[what] != 1 {
			t.Errorf("%s was committed and has %d entries", what, times[what])
		}
	}
	t.Logf("%d kills, %d transitions, %d entries", kills, len(said), len(entries))
}
