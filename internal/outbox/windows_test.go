package outbox

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
)

// randomWindows are maintenance windows of three names.
func randomWindows(t *testing.T, random *rand.Rand, now time.Time) *mute.Rules {
	t.Helper()
	var list []mute.WindowSettings
	for i := range 3 {
		if random.IntN(4) == 0 {
			continue
		}
		from := now.Add(time.Duration(random.IntN(240)-120) * time.Minute)
		w := mute.WindowSettings{Name: fmt.Sprintf("CHG-%d", i), Matchers: []string{`site="berlin"`}, From: setting.Time{Time: from}, Until: setting.Time{Time: from.Add(time.Duration(1+random.IntN(180)) * time.Minute)}}
		if i == 0 {
			w.From, w.Until, w.During = setting.Time{}, setting.Time{}, []string{"night"}
		}
		list = append(list, w)
	}
	night := mute.Interval{Name: "night", Periods: []mute.Period{{Times: []mute.Times{{Start: "22:00", End: "24:00"}}}}}
	r, err := mute.NewRules([]mute.Interval{night}, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The journal has the begin and the end of each maintenance window once, whatever is restarted and reloaded meanwhile: the
// entries of a window alternate, and the last one says whether it is active.
func TestTheJournalHasMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(4) {
			random := rand.New(rand.NewPCG(seed, 6))
			dir, entries := t.TempDir(), t.TempDir()
			nms := &outboxtest.Receiver{}
			var j *journal.Journal
			rules := randomWindows(t, random, time.Now())
			start := func() *running {
				var err error
				if j, err = journal.Open(journal.Options{Dir: entries, Logger: slog.New(slog.DiscardHandler)}); err != nil {
					t.Fatal(err)
				}
				return runWith(t, dir, Options{Mutes: rules, Journal: j, interval: 2 * time.Second}, nms.Route("nms-1"))
			}
			stop := func(r *running) {
				r.stop()
				if err := j.Close(); err != nil {
					t.Error(err)
				}
			}
			r := start()
			for range 60 {
				switch random.IntN(6) {
				case 0:
					stop(r)
					time.Sleep(time.Duration(random.IntN(60)) * time.Minute)
					r = start()
				case 1:
					rules = randomWindows(t, random, time.Now())
					if err := r.outbox.SetRoutes([]*queue.Route{nms.Route("nms-1")}, rules, time.Now()); err != nil {
						t.Fatal(err)
					}
				default:
					time.Sleep(time.Duration(random.IntN(120)) * time.Minute)
				}
				time.Sleep(3 * time.Second)
				checkWindows(t, r.outbox, j)
			}
			stop(r)
		}
	})
}

func checkWindows(t *testing.T, o *Outbox, j *journal.Journal) {
	t.Helper()
	found, err := j.Query(t.Context(), journal.Query{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{}
	for _, e := range slices.Backward(found) {
		begun := e.Kind == journal.WindowBegun
		if !begun && e.Kind != journal.WindowEnded {
			continue
		}
		if open[e.Value] == begun {
			t.Fatalf("entry %d: %s of %s twice", e.Seq, e.Kind, e.Value)
		}
		open[e.Value] = begun
	}
	for _, w := range o.Mutes().Windows(time.Now(), 10) {
		if open[w.Name] != w.Active {
			t.Fatalf("%s is active: %v, and the journal has %v", w.Name, w.Active, open[w.Name])
		}
		delete(open, w.Name)
	}
	for name, is := range open {
		if is {
			t.Fatalf("%s was removed, and the journal has it as active", name)
		}
	}
}
