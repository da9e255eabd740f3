package outbox

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// manyAlarms is an outbox that does not deliver, with alarms whose leases can be renewed by the transitions.
func manyAlarms(tb testing.TB, n int) (*Outbox, []Transition) {
	tb.Helper()
	var routes []*queue.Route
	for i := range 3 {
		routes = append(routes, (&outboxtest.Receiver{}).Route(fmt.Sprint("nms-", i)))
	}
	o, err := New(openState(tb, tb.TempDir()), routes, Options{Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	var all []Transition
	for i := range n {
		id := fmt.Sprint("a", i)
		all = append(all, Transition{Active: true, Lease: time.Now().Add(time.Hour), Alarm: alarm.Alarm{
			ID: id, Rule: "InterfaceDown", Target: id, Severity: alarm.Major, Summary: "down since 1", RaisedAt: time.Unix(int64(i*7919%n), 0),
		}})
	}
	for some := range slices.Chunk(all, 1000) {
		if err := o.Apply(some, time.Now()); err != nil {
			tb.Fatal(err)
		}
	}
	return o, all
}

// A caller that selects alarms may take its time: the outbox goes on meanwhile, and renews the alarms that the caller looks at.
func TestStandingsHoldUpNobody(t *testing.T) {
	t.Parallel()
	o, all := manyAlarms(t, 2*standingsAtOnce)
	looked := 0
	list := o.Standings(func(a *alarm.Alarm) bool {
		if looked++; looked == 1 {
			for i := range all {
				all[i].Alarm.Summary = "down since 2"
			}
			end := Transition{Alarm: alarm.Alarm{ID: all[0].Alarm.ID}}
			if err := o.Apply(append(slices.Clone(all[1:]), end), time.Now()); err != nil {
				t.Error(err)
			}
		}
		return a.Summary == "down since 1"
	})
	if looked != len(all) || len(list) != len(all)-1 {
		t.Errorf("%d of %d alarms, %d were looked at", len(list), len(all), looked)
	}
	for i := range list {
		if len(list[i].Receivers) != 3 || i > 0 && list[i].Alarm.RaisedAt.Before(list[i-1].Alarm.RaisedAt) {
			t.Fatalf("%d: %+v", i, list[i])
		}
	}
	if now := o.Standings(nil); now[0].Alarm.Summary != "down since 2" {
		t.Errorf("the renewed alarm has the text %q", now[0].Alarm.Summary)
	}
}

func BenchmarkStandings(b *testing.B) {
	o, _ := manyAlarms(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		o.Standings(nil)
	}
}
