package outbox

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/journal"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
)

// However often a process restarts, and a receiver goes and comes back, the count of the day is that of the journal, and
// when a receiver acknowledged last is known.
func TestTheDayIsThatOfTheJournal(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 17))
			dir, files := t.TempDir(), filepath.Join(t.TempDir(), "journal")
			one, two := &outboxtest.Receiver{}, &outboxtest.Receiver{}
			for process := range 12 {
				j, err := journal.Open(journal.Options{Dir: files, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				r := runWith(t, dir, Options{Journal: j}, one.Route("one"), two.Route("two"))
				for range random.IntN(6) {
					id := fmt.Sprint(random.IntN(3))
					r.say([]string{"+" + id, "-" + id, "+" + id + "!"}[random.IntN(3)])
					settle(time.Duration(random.IntN(100)) * time.Second)
				}
				if random.IntN(3) == 0 {
					for _, routes := range [][]*queue.Route{{one.Route("one")}, {one.Route("one"), two.Route("two")}} {
						if err := r.outbox.SetRoutes(routes, nil, time.Now()); err != nil {
							t.Fatal(err)
						}
						settle(time.Second)
					}
				}
				settle(2 * time.Minute)
				expectDay(t, r.outbox, fmt.Sprintf("seed %d, process %d", seed, process))
				r.stop()
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				settle(time.Duration(random.IntN(9)) * time.Hour)
			}
		})
	}
}

func expectDay(t *testing.T, o *Outbox, when string) {
	t.Helper()
	entries, err := o.Journal().Query(t.Context(), journal.Query{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	counts, last := map[string]int{}, map[string]time.Time{}
	for i := range entries {
		e := &entries[i]
		if e.Kind != journal.Acknowledged && e.Kind != journal.Sent {
			continue
		}
		if e.At.After(last[e.Receiver]) {
			last[e.Receiver] = e.At
		}
		if outcomes.Midnight(e.At).Equal(outcomes.Midnight(now)) {
			counts[e.Receiver]++
		}
	}
	list, err := o.Receivers()
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if s := &list[i]; s.Today != counts[s.Name] || !s.LastAck.Equal(last[s.Name]) {
			t.Errorf("%s: %s acknowledged %d today, the last at %v; by the journal %d, at %v", when, s.Name, s.Today, s.LastAck, counts[s.Name], last[s.Name])
		}
	}
}
