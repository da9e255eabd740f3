package outbox

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	silent := slog.New(slog.DiscardHandler)
	state, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(journal.Options{Dir: filepath.Join(dir, "journal"), Logger: silent})
	if err != nil {
		return nil, nil, err
	}
	route := &queue.Route{Name: "nms", Window: 16, MaxAge: time.Hour, EveryTransition: true, Deliver: func(_ context.Context, e *alarm.Event, _ int32) (originator.Receipt, error) {
		return originator.Receipt{Sent: 1, RTT: time.Millisecond}, nil
	}}
	o, err := New(state, []*queue.Route{route}, Options{Logger: silent, Metrics: NewMetrics(prometheus.NewRegistry()), Journal: j}, time.Now())
	return o, state, err
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
	go func() { _ = o.Run(context.Background()) }()
	go func() { // the files are written more often than usual
		for {
			_ = o.state.journal.Flush()
		}
	}()
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
	kills, until := 0, time.Now().Add(10*time.Second)
	for ; kills < 60 && (kills < 15 || time.Now().Before(until) || os.Getenv("TRAPLINE_SOAK") != ""); kills++ {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildThatRaises$")
		child.Env = append(os.Environ(), journalOfChild+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		left := 1 + rand.IntN(60)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if id, active, found := strings.Cut(lines.Text(), " "); found && (active == "true" || active == "false") {
				said[id+" "+active] = true
				if left--; left == 0 {
					_ = child.Process.Kill()
				}
			}
		}
		_ = child.Wait()
	}
	o, state, err := newJournaled(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	defer o.state.journal.Close()
	entries, err := o.state.journal.Query(t.Context(), journal.Query{Limit: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for i, e := range entries {
		if want := uint64(len(entries) - i); e.Seq != want {
			t.Fatalf("entry %d of %d has the number %d", want, len(entries), e.Seq)
		}
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
