package outbox

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// openJournaled opens an outbox with a journal in a directory, as a process does that may be killed.
func openJournaled(dir string, routes []*queue.Route, rules *mute.Rules) (*Outbox, *statedir.Dir, error) {
	silent := slog.New(slog.DiscardHandler)
	state, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(journal.Options{Dir: filepath.Join(dir, "journal"), Logger: silent})
	if err != nil {
		return nil, nil, err
	}
	o, err := New(state, routes, Options{Logger: silent, Metrics: NewMetrics(prometheus.NewRegistry()), Journal: j, Mutes: rules}, time.Now())
	return o, state, err
}

// deliver starts deliveries. The files of the journal are written more often than usual.
func deliver(o *Outbox) {
	go func() { _ = o.Run(context.Background()) }()
	go func() {
		for {
			_ = o.state.journal.Flush()
		}
	}()
}

// killAgainAndAgain runs a test of this binary as a process with an environment variable, and kills it after at most
// steps lines that are steps. It does so for a time, at least 15 times and at most 60, and in a long run 60 times. The
// value of the variable is a state directory: events and rows must belong together in it after each kill. It returns the
// number of processes.
func killAgainAndAgain(t *testing.T, test, variable string, limit time.Duration, steps int, isStep func(line string) bool) (kills int) {
	t.Helper()
	_, dir, _ := strings.Cut(variable, "=")
	for until := time.Now().Add(limit); kills < 60 && (kills < 15 || time.Now().Before(until) || os.Getenv("TRAPLINE_SOAK") != ""); kills++ {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$")
		child.Env = append(os.Environ(), variable)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		left := 1 + rand.IntN(steps)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if isStep(lines.Text()) {
				if left--; left == 0 {
					_ = child.Process.Kill()
				}
			}
		}
		_ = child.Wait()
		inspect(t, dir)
	}
	return kills
}

// awaitLine returns once a process has written a line, and fails the test if it ends before.
func awaitLine(t *testing.T, out io.Reader, line string) {
	t.Helper()
	var read []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == line {
			return
		}
		read = append(read, lines.Text())
	}
	t.Fatalf("it ended, and wrote %q", read)
}

// inspect reads a database that no process uses.
func inspect(t *testing.T, dir string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, statedir.DatabaseFile), 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err == nil {
		err = errors.Join(db.View(matchEvents), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// numberedEntries returns the entries of the journal, whose numbers must have no gap, the latest first.
func numberedEntries(t *testing.T, o *Outbox) []journal.Event {
	t.Helper()
	entries, err := o.state.journal.Query(t.Context(), journal.Query{Limit: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if want := uint64(len(entries) - i); e.Seq != want {
			t.Fatalf("entry %d of %d has the number %d", want, len(entries), e.Seq)
		}
	}
	return entries
}
