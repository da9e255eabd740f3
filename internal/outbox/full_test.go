package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
)

func openOutbox(t *testing.T, o Options, routes ...*queue.Route) *Outbox {
	t.Helper()
	o.Logger, o.Metrics = slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry())
	out, err := New(openState(t, t.TempDir()), routes, o, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func many(n int, s alarm.Severity) (list []Transition) {
	for i := range n {
		list = append(list, severe(fmt.Sprintf("%s-%d", s, i), s))
	}
	return list
}

// Alarms beyond the bound are refused by name, the others are taken, and so is every end.
func TestTooManyAlarmsAreRefused(t *testing.T) {
	o := openOutbox(t, Options{MaxAlarms: 10})
	var full *FullError
	err := o.Apply(many(12, alarm.Major), time.Now())
	if !errors.As(err, &full) || !errors.Is(err, ErrTooManyAlarms) || !slices.Equal(full.Refused, []string{"major-10", "major-11"}) || len(o.Active()) != 10 {
		t.Fatalf("%v, %d are active", err, len(o.Active()))
	}
	err = o.ApplyWith([]Transition{{Alarm: alarm.Alarm{ID: "major-0"}}, severe("a", alarm.Major), severe("b", alarm.Major)}, time.Now(), []ledger.Write{{Key: ledger.Alert + "a", Value: []byte("{}")}})
	stored := len(rowsOf(t, o.state.dir)) > 0
	if !errors.As(err, &full) || !slices.Equal(full.Refused, []string{"b"}) || len(o.Active()) != 10 || stored {
		t.Errorf("%v, %d are active, stored with them: %v", err, len(o.Active()), stored)
	}
	if err := o.Apply([]Transition{{Alarm: alarm.Alarm{ID: "major-0"}}, severe("a", alarm.Major)}, time.Now()); err != nil || len(o.Active()) != 10 {
		t.Errorf("%v, %d are active", err, len(o.Active()))
	}
	large := severe("a", alarm.Critical)
	large.Alarm.Summary = strings.Repeat("x", maxAlarmSize)
	if err := o.Apply([]Transition{large}, time.Now()); !errors.As(err, &full) || errors.Is(err, ErrTooManyAlarms) {
		t.Errorf("a large one: %v", err)
	}
	if n := testutil.ToFloat64(o.Metrics.AlarmsRefused); n != 4 {
		t.Errorf("%g were counted", n)
	}
}

func TestConditionsAreBounded(t *testing.T) {
	o := openOutbox(t, Options{})
	var list []Transition
	for i := range alarm.MaxConditions + 3 {
		tr := severe(fmt.Sprint(i), alarm.Major)
		tr.Alarm.Rule, tr.Alarm.Labels = "R", map[string]string{"severity": fmt.Sprint(i)}
		list = append(list, tr)
	}
	var full *FullError
	if err := o.Apply(list, time.Now()); !errors.As(err, &full) || len(full.Refused) != 3 || len(o.Active()) != 1 {
		t.Errorf("%v, %d are active", err, len(o.Active()))
	}
}

// The octets of all alarms are bounded, however few they are.
func TestLargeAlarmsAreBounded(t *testing.T) {
	o := openOutbox(t, Options{MaxAlarms: 100})
	var list []Transition
	for i := range 20 {
		tr := severe(fmt.Sprint(i), alarm.Major)
		tr.Alarm.Summary = strings.Repeat("x", 50000)
		list = append(list, tr)
	}
	if err := o.Apply(list, time.Now()); !errors.Is(err, ErrTooManyAlarms) || o.state.index.Size > 100*usualAlarmSize || len(o.Active()) != 8 {
		t.Errorf("%v, %d octets", err, o.state.index.Size)
	}
}

// Raises beyond max_events wait in no queue. They are sent when there is room, the worst first, if they are true then,
// also after a restart.
func TestRaisesBeyondTheBoundAreSentLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		route := l.Route("nms")
		route.MaxEvents = 20
		r := run(t, dir, route)
		if err := r.outbox.Apply(slices.Concat(many(30, alarm.Minor), many(100, alarm.Warning), many(30, alarm.Critical)), time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if n := r.outbox.Depth("nms"); n != 40 {
			t.Errorf("%d wait", n)
		}
		r.stop()
		r = run(t, dir, route)
		defer func() { r.stop() }()
		if err := r.outbox.Apply([]Transition{{Alarm: alarm.Alarm{ID: "warning-7"}}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		l.Set(nil, 0)
		settle(time.Hour)
		heard := strings.Split(l.Take(), ", ")
		raised := map[string]int{}
		for _, text := range heard {
			raised[text]++
		}
		if len(raised) != 159 || len(heard) != 159 || raised["raise warning-7"] > 0 {
			t.Errorf("%d alarms by %d notifications", len(raised), len(heard))
		}
		if last := slices.Index(heard, "raise critical-29"); last > 60 {
			t.Errorf("the last critical one is number %d", last)
		}
		if dropped := testutil.ToFloat64(r.outbox.Metrics.Dropped.WithLabelValues("nms", outcomes.Full)); dropped > 0 {
			t.Errorf("%g were dropped", dropped)
		}
	})
}

// The same by octets.
func TestRaisesBeyondTheOctetsAreSentLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		route := l.Route("nms")
		route.MaxBytes = 20000
		r := run(t, t.TempDir(), route)
		defer r.stop()
		if err := r.outbox.Apply(many(200, alarm.Minor), time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		r.outbox.mu.Lock()
		n := r.outbox.state.queues.All[0].Size()
		r.outbox.mu.Unlock()
		if n > 20000+1000 {
			t.Errorf("%d octets wait", n)
		}
		l.Set(nil, 0)
		settle(time.Hour)
		if heard := strings.Split(l.Take(), ", "); len(heard) != 200 {
			t.Errorf("%d were sent", len(heard))
		}
	})
}

// The inlet must report when it is full, and accept as many alerts as fit, and every resolved
// alert.
