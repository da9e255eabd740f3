package outbox

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// logged returns an outbox and a function that returns its log since the previous call, without
// timestamps.
func logged(t *testing.T, routes ...*queue.Route) (*Outbox, func() string) {
	t.Helper()
	var b bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "event" {
			return slog.Attr{}
		}
		return a
	}}))
	o, err := New(openState(t, t.TempDir()), routes, Options{Logger: logger, Metrics: NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return o, func() string {
		defer b.Reset()
		return b.String()
	}
}

// The lines of an alarm are those that the documents show.
func TestLinesOfAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route := (&outboxtest.Receiver{}).Route("nms-1")
		o, text := logged(t, route)
		a := alarm.Alarm{ID: "9f2c", Rule: "InterfaceDown", Target: "core-1", Resource: "ifName=Gi0/3", Severity: alarm.Major, Summary: "Gi0/3 is down"}
		apply := func(active bool) {
			t.Helper()
			if err := o.Apply([]Transition{{Alarm: a, Active: active}}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		apply(true)
		q := o.state.queues.ByName["nms-1"]
		r, _, _ := q.Take(0)
		q.Ended(r, 0, 1, nil)
		o.finish(t.Context(), q, r, originator.Receipt{Sent: 1, RTT: 34 * time.Millisecond}, nil)
		a.Severity = alarm.Critical
		apply(true)
		time.Sleep(4*time.Minute + 12*time.Second)
		apply(false)
		want := `level=INFO msg="alarm raised" rule=InterfaceDown target=core-1 resource="ifName=Gi0/3" severity=major alarm=9f2c text="Gi0/3 is down"
level=INFO msg="notification acknowledged" receiver=nms-1 kind=raise alarm=9f2c took=34ms tries=1
level=INFO msg="alarm changed" rule=InterfaceDown target=core-1 resource="ifName=Gi0/3" severity=critical alarm=9f2c text="Gi0/3 is down"
level=INFO msg="alarm cleared" rule=InterfaceDown target=core-1 resource="ifName=Gi0/3" alarm=9f2c after=4m12s reason="condition over"
`
		if got := text(); got != want {
			t.Errorf("logged\n%s\nwant\n%s", got, want)
		}
	})
}

// A receiver that fails is logged once, and again when it works.
func TestLinesOfAReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route := (&outboxtest.Receiver{}).Route("nms-2")
		o, text := logged(t, route)
		if err := o.Apply(many(2, alarm.Minor), time.Now()); err != nil {
			t.Fatal(err)
		}
		text()
		q := o.state.queues.ByName["nms-2"]
		for range 3 {
			r, _, _ := q.Take(time.Hour)
			q.Ended(r, 0, 3, outboxtest.ErrTimeout)
			o.missed(q, r, originator.Receipt{Sent: 3}, outboxtest.ErrTimeout)
		}
		time.Sleep(time.Minute)
		o.reached(q)
		o.reached(q)
		want := regexp.MustCompile(`^level=WARN msg="receiver failing" receiver=nms-2 reason=timeout waiting=2 next_try=\S+ err=.*
level=INFO msg="receiver works again" receiver=nms-2 after=1m0s
$`)
		if got := text(); !want.MatchString(got) {
			t.Errorf("logged\n%s", got)
		}
	})
}

// maxLogged is the number of lines of a second.
const maxLogged = 20

// Of more than so many lines in a second, one says how many there were.
func TestManyLinesAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, text := logged(t)
		if err := o.Apply(many(1000, alarm.Minor), time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := o.housekeeping(time.Now()); err != nil {
			t.Fatal(err)
		}
		got := text()
		if n := strings.Count(got, "\n"); n != maxLogged+1 || !strings.HasSuffix(got, fmt.Sprintf(`msg="more alarms and notifications in the same second" raised=%d`+"\n", 1000-maxLogged)) {
			t.Errorf("%d lines:\n%s", n, got)
		}
	})
}
