package notify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/engine"
	"trapline/internal/snmp"
)

// listener is a receiver that notes what it is told, and may be out of order.
type listener struct {
	mu      sync.Mutex
	heard   []string  // what it confirmed: kind and alarm
	events  []telling // all that it was told, confirmed or not
	broken  error
	poison  string // the ID of an alarm that it never confirms
	delay   time.Duration
	busy    map[string]bool
	overlap bool
}

// telling is an event as it was delivered.
type telling struct {
	Event
	requestID int32
}

func (l *listener) told() []telling {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

func (l *listener) deliver(ctx context.Context, e *Event, id int32) (Receipt, error) {
	l.mu.Lock()
	l.events = append(l.events, telling{*e, id})
	if l.busy == nil {
		l.busy = map[string]bool{}
	}
	l.overlap = l.overlap || l.busy[e.Alarm.ID]
	l.busy[e.Alarm.ID] = true
	delay, broken := l.delay, l.broken
	l.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy[e.Alarm.ID] = false
	if l.poison != "" && e.Alarm.ID == l.poison {
		return Receipt{Sent: 1}, errNobody
	}
	if broken != nil {
		return Receipt{Sent: 1}, broken
	}
	text := string(e.Kind)
	if e.Alarm.ID != "" {
		text += " " + e.Alarm.ID
	}
	if e.Repeat > 0 {
		text += fmt.Sprintf(" repeat %d", e.Repeat)
	}
	if e.Dropped > 0 {
		text += fmt.Sprintf(" dropped %d", e.Dropped)
	}
	l.heard = append(l.heard, text)
	return Receipt{Sent: 1}, nil
}

func (l *listener) set(broken error, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken, l.delay = broken, delay
}

// take gives what was heard since the last time.
func (l *listener) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.Join(l.heard, ", ")
	l.heard = nil
	return text
}

func (l *listener) route(name string) *Route {
	return &Route{Name: name, Deliver: l.deliver, Window: 16, MaxAge: 24 * time.Hour}
}

var errNobody = &Error{Receiver: "nms", Reason: engine.Timeout, Err: context.DeadlineExceeded}

// running is an outbox at work, and how to end it.
type running struct {
	*Outbox
	t    *testing.T
	stop func()
	said int
}

func run(t *testing.T, dir string, routes ...*Route) *running {
	t.Helper()
	state, err := Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOutbox(state, routes, OutboxOptions{slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	return &running{Outbox: o, t: t, stop: func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	}}
}

// say applies "+a" as alarm a being active, "-a" as its end, and "a!" as its change to another summary, in
// one transaction: nothing is sent between two of them.
func (r *running) say(words ...string) {
	r.t.Helper()
	var all []Transition
	for _, word := range words {
		id := strings.Trim(word, "+-!")
		tr := Transition{Alarm: Alarm{ID: id, Severity: Major, Summary: "summary"}, Active: word[0] != '-'}
		if strings.HasSuffix(word, "!") {
			r.said++
			tr.Alarm.Summary = "summary " + strings.Repeat("x", r.said)
		}
		all = append(all, tr)
	}
	if err := r.Apply(all, time.Now()); err != nil {
		r.t.Fatal(err)
	}
}

// settle lets the time pass, after which everything has come to rest.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *running) expect(l *listener, want string) {
	r.t.Helper()
	if got := l.take(); got != want {
		r.t.Errorf("heard %q, want %q", got, want)
	}
}

// expectAny is expect for alarms whose order among each other is open.
func (r *running) expectAny(l *listener, want ...string) {
	r.t.Helper()
	heard := strings.Split(l.take(), ", ")
	slices.Sort(heard)
	slices.Sort(want)
	if !slices.Equal(heard, want) {
		r.t.Errorf("heard %q, want %q", heard, want)
	}
}

func TestAlarmsAreToldOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		r := run(t, t.TempDir(), l.route("nms"))
		defer r.stop()
		r.say("+a", "+a", "-b")
		settle(3 * time.Second)
		r.expect(l, "raise a")
		r.say("+a", "a!", "-a", "-a")
		settle(3 * time.Second)
		r.expect(l, "clear a") // the change was superseded
		r.say("+a")
		settle(3 * time.Second)
		r.say("a!")
		settle(3 * time.Second)
		r.say("-a")
		settle(3 * time.Second)
		r.expect(l, "raise a, change a, clear a")
		ids := map[string]bool{}
		for _, e := range l.told() {
			ids[e.ID] = true
		}
		if len(ids) != 5 || len(r.Active()) != 0 {
			t.Errorf("5 events have the IDs %v, active are %v", ids, r.Active())
		}
	})
}

func TestWhatNobodyHasSeenIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{delay: time.Minute}
		route := l.route("nms")
		route.Window = 1
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+first")
		synctest.Wait()
		r.say("+a", "-a", "+b", "b!", "-b", "+c", "-c", "+c", "-first", "+first", "-first")
		settle(time.Hour)
		r.expect(l, "raise first, raise c, clear first")
	})
}

func TestEveryTransitionWhereThatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{delay: time.Minute}
		route := l.route("nms")
		route.EveryTransition = true
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+a", "a!", "a!", "-a", "+a")
		settle(time.Hour)
		r.expect(l, "raise a, change a, change a, clear a, raise a")
	})
}

func TestReceiversThatFailAreTriedOneNotificationAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, healthy := &listener{broken: errNobody, delay: time.Second}, &listener{}
		r := run(t, t.TempDir(), l.route("down"), healthy.route("up"))
		defer r.stop()
		var want []string
		for i := range 20 {
			r.say(fmt.Sprintf("+%d", i))
			want = append(want, fmt.Sprintf("raise %d", i))
		}
		settle(5 * time.Second)
		r.expectAny(healthy, want...)
		settle(time.Hour)
		first := len(l.told())
		if first < 16+15 || first > 16+25 { // a window full at first, then by pauses up to five minutes
			t.Errorf("%d deliveries in an hour", first)
		}
		settle(time.Hour)
		if more := len(l.told()) - first; more < 10 || more > 16 {
			t.Errorf("%d deliveries in the next hour", more)
		}
		r.say("-3")
		l.set(nil, 0)
		settle(10 * time.Minute)
		r.expectAny(l, append(want, "clear 3")...)
		byEvent := map[string]int32{}
		for _, e := range l.told() {
			if id, again := byEvent[e.ID]; again && id != e.requestID {
				t.Errorf("event %s has the request-ids %d and %d", e.ID, id, e.requestID)
			}
			byEvent[e.ID] = e.requestID
		}
	})
}

// One notification that the receiver chokes on does not keep the others from it.
func TestAPoisonousNotificationHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{poison: "bad"}
		r := run(t, t.TempDir(), l.route("nms"))
		defer r.stop()
		r.say("+bad")
		var want []string
		for i := range 30 {
			r.say(fmt.Sprintf("+%d", i))
			want = append(want, fmt.Sprintf("raise %d", i))
		}
		settle(time.Minute)
		r.expectAny(l, want...)
		if n := len(l.told()); n > 30+6 {
			t.Errorf("%d deliveries", n)
		}
	})
}

// What a format has no notification for says nothing about the receiver.
func TestWhatIsNotSentReachesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		route := l.route("nms")
		deliver := route.Deliver
		route.Deliver = func(ctx context.Context, e *Event, id int32) (Receipt, error) {
			if e.Kind == Change {
				return Receipt{}, nil
			}
			return deliver(ctx, e, id)
		}
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+a")
		settle(time.Minute)
		l.set(errNobody, 0)
		r.say("+b")
		settle(time.Hour)
		before := len(l.told())
		for range 60 {
			r.say("a!")
			settle(time.Minute)
		}
		if more := len(l.told()) - before; more > 16 {
			t.Errorf("%d deliveries in an hour", more)
		}
	})
}

func TestRefusalsAreTriedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{broken: &Error{Reason: engine.UnknownUser, Err: context.Canceled}}
		r := run(t, t.TempDir(), l.route("nms"))
		defer r.stop()
		r.say("+a")
		settle(3 * time.Minute)
		if len(l.told()) != 1 {
			t.Errorf("%d deliveries in three minutes", len(l.told()))
		}
		l.set(nil, 0)
		settle(4 * time.Minute)
		r.expect(l, "raise a")
	})
}

func TestReportsThatNobodyKnowsAreNotFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{broken: &Error{Reason: engine.ReportReason(snmp.UnknownReport), Err: snmp.UnknownReport}}
		r := run(t, t.TempDir(), l.route("nms"))
		defer r.stop()
		r.say("+a")
		settle(time.Minute)
		l.set(nil, 0)
		settle(10 * time.Minute)
		r.expect(l, "raise a")
	})
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{broken: errNobody}
		route := l.route("nms")
		route.MaxAge = time.Hour
		r := run(t, t.TempDir(), route)
		defer r.stop()
		r.say("+late")
		settle(time.Hour - 10*time.Minute)
		r.say("+new")
		settle(30 * time.Minute)
		l.set(&Error{Reason: engine.ErrorStatus, Err: statusError(1)}, 0)
		settle(10 * time.Minute)
		l.set(nil, 0)
		r.say("-late")
		settle(10 * time.Minute)
		r.expect(l, "clear late")
		dead, err := r.DeadLetters("nms")
		if err != nil || len(dead) != 2 || dead[0].Alarm.ID != "late" || dead[0].Why != errExpired.Error() ||
			dead[1].Alarm.ID != "new" || !strings.Contains(dead[1].Why, "tooBig") {
			t.Errorf("%+v, %v", dead, err)
		}
		if err := r.Retry("nms", time.Now()); err != nil {
			t.Error(err)
		}
		settle(10 * time.Minute)
		r.expect(l, "raise new")
		if dead, err := r.DeadLetters("nms"); err != nil || len(dead) > 0 {
			t.Errorf("%+v, %v", dead, err)
		}
	})
}

// The newest state of every alarm is told, whatever was dropped, and that something was.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{delay: time.Minute}
		route := l.route("nms")
		route.Window, route.MaxEvents, route.Resyncs = 1, 4, true
		r := run(t, t.TempDir(), route)
		defer r.stop()
		settle(time.Hour)
		r.expect(l, "resync")
		r.say("+a", "+b", "+c")
		settle(time.Hour)
		r.expect(l, "raise a, raise b, raise c")
		r.say("+busy")
		synctest.Wait()
		for _, word := range []string{"a!", "b!", "c!", "-b", "+b", "-c", "+c", "+d", "+e"} {
			r.say(word)
		}
		settle(time.Hour)
		r.expect(l, "raise busy, raise d, resync dropped 5, raise e")
	})
}

func TestFlappingAlarmsKeepTheirDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		r := run(t, t.TempDir(), l.route("nms"))
		defer r.stop()
		for range 100 {
			r.say("+a")
			settle(100 * time.Millisecond)
			r.say("-a")
			settle(100 * time.Millisecond)
		}
		settle(10 * time.Second)
		heard := l.take()
		if n := strings.Count(heard, "a"); n > 2*2*11 || !strings.HasSuffix(heard, "clear a") {
			t.Errorf("%d notifications in 20 s: %s", n, heard)
		}
		events := l.told()
		for i := range events[1:] {
			if events[i].Kind == events[i+1].Kind {
				t.Errorf("%s follows %s", events[i+1].ID, events[i].ID)
			}
		}
	})
}

func TestLeasesRepetitionsAndHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		route := l.route("nms")
		route.RepeatInterval, route.Heartbeat = time.Hour, 90*time.Minute
		r := run(t, t.TempDir(), route)
		defer r.stop()
		settle(2 * time.Second)
		r.expect(l, "heartbeat")
		leased := Transition{Alarm: Alarm{ID: "a"}, Active: true, Lease: time.Now().Add(4*time.Hour - time.Minute)}
		if err := r.Apply([]Transition{leased}, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(5 * time.Hour)
		r.expect(l, "raise a, raise a repeat 1, heartbeat, raise a repeat 2, heartbeat, raise a repeat 3, clear a, heartbeat")
		if e := l.told(); e[1].ID != e[2].ID || e[3].Active != 1 || e[8].Active != 0 {
			t.Errorf("%+v", e)
		}
	})
}

func TestRoutesFilterAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, bad := &listener{}, &listener{}
		only := bad.route("critical")
		only.Matches = func(a *Alarm) bool { return a.Severity.AtLeast(Critical) }
		r := run(t, t.TempDir(), all.route("all"), only)
		defer r.stop()
		for _, s := range []Severity{Minor, Critical, Minor, Cleared} {
			tr := Transition{Alarm: Alarm{ID: "a", Severity: s}, Active: s != Cleared}
			if err := r.Apply([]Transition{tr}, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(5 * time.Second)
		}
		r.expect(all, "raise a, change a, change a, clear a")
		r.expect(bad, "raise a, change a, clear a")
	})
}

// An alarm that is over for another reason than its condition says so.
func TestEndsHaveAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		r := run(t, t.TempDir(), l.route("nms"))
		defer r.stop()
		r.say("+a")
		settle(5 * time.Second)
		if err := r.Apply([]Transition{{Alarm: Alarm{ID: "a", Reason: "rule removed"}}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(5 * time.Second)
		told := l.told()
		if e := told[len(told)-1]; e.Kind != Clear || e.Alarm.text() != "summary (rule removed)" {
			t.Errorf("%+v", e)
		}
	})
}

// What was not confirmed is told by the next process, under the same event ID; new receivers are told of
// what is active.
func TestOutboxOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := &listener{}
		r := run(t, dir, l.route("nms"))
		r.say("+a", "+b")
		settle(3 * time.Second)
		r.expectAny(l, "raise a", "raise b")
		l.set(errNobody, 0)
		r.say("-a", "+c")
		settle(time.Minute)
		r.stop()
		before := l.told()
		l.set(nil, 0)
		added := &listener{}
		second := added.route("second")
		second.Resyncs = true
		r = run(t, dir, l.route("nms"), second)
		defer r.stop()
		settle(time.Minute)
		r.expectAny(l, "clear a", "raise c")
		r.expectAny(added, "raise b", "raise c", "resync")
		for _, e := range l.told()[len(before):] {
			if !slices.ContainsFunc(before, func(b telling) bool { return b.ID == e.ID && b.Kind == e.Kind && b.Alarm.ID == e.Alarm.ID }) {
				t.Errorf("%+v was not told before", e)
			}
		}
		var ids []string
		for _, a := range r.Active() {
			ids = append(ids, a.ID)
		}
		if strings.Join(ids, " ") != "b c" {
			t.Errorf("active are %v", ids)
		}
	})
}

// A raise that the last process may have sent is followed by its clear.
func TestWhatMayHaveBeenSeenIsCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &listener{broken: errNobody}
		r := run(t, dir, l.route("nms"))
		r.say("+first", "+a")
		settle(time.Second)
		r.stop()
		route := l.route("nms")
		route.Window = 1
		r = run(t, dir, route)
		defer r.stop()
		r.say("-a")
		l.set(nil, 0)
		settle(time.Hour)
		r.expectAny(l, "raise first", "raise a", "clear a")
	})
}

func TestDeliveriesOfOneAlarmDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{delay: 10 * time.Second}
		r := run(t, t.TempDir(), l.route("nms"))
		defer r.stop()
		begin := time.Now()
		for range 4 {
			for i := range 16 {
				r.say(fmt.Sprintf("%d!", i))
			}
			settle(11 * time.Second)
		}
		settle(time.Minute)
		if l.overlap || len(l.told()) != 4*16 || time.Since(begin) > 2*time.Minute {
			t.Errorf("%d deliveries, overlap %v", len(l.told()), l.overlap)
		}
	})
}
