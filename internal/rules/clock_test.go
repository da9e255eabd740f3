package rules

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/poller"

	"trapline/internal/rules/steady"
)

// The clock advances by the elapsed time, and by the time for which the machine was suspended, whatever the wall clock
// is set to.
func TestClocksThatAreSet(t *testing.T) {
	start := time.Now()
	c := steady.New(start)
	var slept, jump time.Duration
	c.Asleep = func() time.Duration { return c.Slept + slept }
	c.Shown = func(now time.Time) time.Time { return now.Round(0).Add(jump + slept) }
	last := c.At(start)
	for _, step := range []struct{ elapsed, jump, slept, stepped time.Duration }{
		{time.Second, 0, 0, 0},
		{2 * time.Second, 90 * time.Second, 0, 90 * time.Second},
		{3 * time.Second, -90 * time.Second, 0, -180 * time.Second},
		{4 * time.Second, -90*time.Second + 900*time.Millisecond, 0, 0},
		{5 * time.Second, -90*time.Second + 1800*time.Millisecond, 0, 1800 * time.Millisecond},
		{6 * time.Second, 48 * time.Hour, 0, 48*time.Hour + 88200*time.Millisecond},
		{7 * time.Second, 48 * time.Hour, time.Hour, 0},
		{8 * time.Second, -48 * time.Hour, time.Hour, -96 * time.Hour},
	} {
		jump, slept = step.jump, step.slept
		now := start.Add(step.elapsed)
		at := c.At(now)
		if want := start.Round(0).Add(step.elapsed + step.slept); !at.Equal(want) || !at.After(last) {
			t.Errorf("after %s: %s, want %s", step.elapsed, at, want)
		}
		if got, want := c.Wall(at, now), now.Round(0).Add(jump+slept); !got.Equal(want) {
			t.Errorf("after %s: %s is shown, want %s", step.elapsed, got, want)
		}
		if by := c.Stepped(now); by != step.stepped {
			t.Errorf("after %s: set by %s, want %s", step.elapsed, by, step.stepped)
		}
		last = at
	}
	c.Begin(last.Add(time.Minute), start.Add(8*time.Second))
	if at := c.At(start.Add(8 * time.Second)); !at.After(last.Add(time.Minute)) {
		t.Errorf("%s is not after what was stored", at)
	}
}

// jumps are the steps of the wall clock before each poll: back and forth, by any amount.
var jumps = [][]time.Duration{
	{0}, {90 * time.Second}, {-90 * time.Second}, {48 * time.Hour}, {-48 * time.Hour},
	{90 * time.Second, -90 * time.Second}, {48 * time.Hour, -48 * time.Hour, 0, 90 * time.Second}, {-20 * 365 * 24 * time.Hour, 20 * 365 * 24 * time.Hour},
}

// Whatever the wall clock is set to, rules find the same at the same passes, and alarms have its times.
func TestNoJumpOfTheClockIsSeenByRules(t *testing.T) {
	const rules = `{alert: Hot, expr: temperature > 40}, {alert: Long, expr: temperature > 40, for: 1m}, {alert: Kept, expr: temperature > 40, keep_firing_for: 1m},
		{alert: Fast, expr: 'rate(octets_total[2m]) > 10'}, {alert: All, expr: 'sum(rate(octets_total[2m])) > 10'}, {alert: Gone, expr: absent(temperature)}`
	want := ""
	for i, list := range jumps {
		r := start(t, rules)
		var jump time.Duration
		r.e.clock.Shown = func(now time.Time) time.Time { return now.Add(jump) }
		octets, got := 0, ""
		for pass, letter := range "ccwwwwwwwwwwccccccccww" {
			jump = list[pass%len(list)]
			value := 20
			if letter == 'w' {
				value, octets = 50, octets+3000
			}
			r.now = r.now.Add(pollTime - time.Second)
			r.e.dueGlobal(r.Context(), r.due, r.e.now()) // as a timer would that goes off between passes
			r.now = r.now.Add(time.Second)
			r.pollOf(r.targets[0], nil, `temperature `+map[int]string{20: "20", 50: "50"}[value], `octets_total `+number(octets).String())
			sent := strings.Split(r.take(), ", ")
			got += strings.Join(sent, ", ") + "\n"
			for _, a := range r.outbox.Active() {
				if age := r.now.Add(jump).Sub(a.RaisedAt); strings.Contains(got[strings.LastIndex(got[:len(got)-1], "\n")+1:], "raise "+a.Rule) && age.Abs() > time.Second {
					t.Errorf("jumps %v, pass %d: %s is raised %s ago", list, pass, a.Rule, age)
				}
			}
		}
		if i == 0 {
			if want = sortedLines(got); !strings.Contains(want, "clear") || strings.Contains(want, "Gone") {
				t.Fatalf("without a jump:\n%s", got)
			}
		}
		if sortedLines(got) != want {
			t.Errorf("jumps %v: sent\n%s\nwant\n%s", list, got, want)
		}
		r.kill()
	}
}

// sortedLines sorts notifications of the same time, which have no order.
func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		words := strings.Split(lines[i], ", ")
		slices.Sort(words)
		lines[i] = strings.Join(words, ", ")
	}
	return strings.Join(lines, "\n")
}

// A wall clock that is set while no process runs clears nothing, raises nothing, and lets alerts pend on.
func TestClocksThatAreSetBetweenTwoProcesses(t *testing.T) {
	for _, by := range []time.Duration{-48 * time.Hour, -90 * time.Second, -time.Second, 90 * time.Second, 48 * time.Hour} {
		r := start(t, `{alert: Hot, expr: temperature > 40}, {alert: Long, expr: temperature > 40, for: 3m}, {alert: Kept, expr: humidity > 40, keep_firing_for: 2m}, {alert: Gone, expr: absent(temperature)}`)
		both := func(temperature, humidity string) {
			r.Helper()
			r.poll("temperature "+temperature, "humidity "+humidity)
		}
		both("50", "50")
		r.take()
		both("50", "20")
		both("50", "20")
		r.restart(by)
		r.taken = 0
		r.take()
		both("50", "20")
		both("50", "20")
		r.want(by.String()+": a minute later", "")
		for range 4 {
			both("50", "20")
		}
		if got := r.take(); got != "raise Long, clear Kept" && got != "clear Kept, raise Long" {
			t.Errorf("%s: after what it takes: %q", by, got)
		}
		r.kill()
	}
}

// absent raises nothing before a pass over each target has ended, or over the one that it is about; nobody waits
// for more than two intervals.
func TestAbsentWaitsForTheFirstPasses(t *testing.T) {
	const rules = `{alert: None, expr: absent(temperature)}, {alert: NoneOf2, expr: 'absent(temperature{target="sw2"})'}, {alert: NoneOf3, expr: 'absent(temperature{target="sw3"})'}`
	pass := func(r *rig, name string, rows ...string) {
		for _, target := range r.targets {
			if target.Name == name {
				r.pollOf(target, nil, rows...)
			}
		}
	}
	r := start(t, rules, "sw1", "sw2")
	r.e.dueGlobal(r.Context(), r.due, r.e.now())
	r.want("at the start, but for what there is no target of", "raise NoneOf3")
	r.now = r.now.Add(waitTime)
	pass(r, "sw1", "humidity 1")
	r.want("one of two", "")
	r.now = r.now.Add(waitTime)
	pass(r, "sw2", "humidity 1")
	if got := r.take(); got != "raise None, raise NoneOf2" && got != "raise NoneOf2, raise None" {
		t.Errorf("both, of which none has any: %q", got)
	}
	r.now = r.now.Add(pollTime)
	pass(r, "sw1", "temperature 1")
	r.want("one has", "clear None")

	r.targets = append(r.targets, target("sw3"))
	r.restart(0)
	r.taken = 0
	r.take()
	r.e.dueGlobal(r.Context(), r.due, r.e.now())
	r.want("at the next start", "")
	r.now = r.now.Add(waitTime)
	pass(r, "sw3", "temperature 1")
	r.want("of the one that it is about", "clear NoneOf3")
	r.now = r.now.Add(2*pollTime - 2*waitTime)
	r.e.dueGlobal(r.Context(), r.due, r.e.now())
	r.want("before two intervals", "")
	r.now = r.now.Add(waitTime)
	r.e.dueGlobal(r.Context(), r.due, r.e.now())
	r.want("after two intervals, still none of sw2", "")
	if list := r.e.statuses()["g/None"]; list == nil || list.err != nil || list.last.IsZero() {
		t.Errorf("after two intervals: %+v", list)
	}

	r.use(rules + `, {alert: Dry, expr: absent(humidity)}`)
	r.configure()
	r.now = r.now.Add(pollTime)
	r.e.dueGlobal(r.Context(), r.due, r.e.now())
	r.want("a new rule", "")
	for _, name := range []string{"sw1", "sw2", "sw3"} {
		r.now = r.now.Add(waitTime)
		pass(r, name, "temperature 1", "humidity 1")
	}
	r.now = r.now.Add(pollTime)
	r.e.dueGlobal(r.Context(), r.due, r.e.now())
	r.want("which is true of no target", "clear NoneOf2")
}

// A shorter interval takes effect at once.
func TestAShorterIntervalTakesEffectAtOnce(t *testing.T) {
	r := start(t, `{alert: None, expr: absent(temperature)}`)
	interval := func(text string) {
		r.set = parse(t, `groups: [{name: g, interval: `+text+`, rules: [{alert: None, expr: absent(temperature)}]}]`)
		r.configure()
	}
	interval("1h")
	r.poll("temperature 1")
	next := func() time.Duration { return r.e.dueGlobal(r.Context(), r.due, r.e.now()).Sub(r.e.now()) }
	if got := next(); got < 50*time.Minute {
		t.Fatalf("an hour: next in %s", got)
	}
	interval("1m")
	if got := next(); got > time.Minute {
		t.Errorf("a minute: next in %s", got)
	}
	interval("1h")
	if got := next(); got > time.Minute {
		t.Errorf("an hour again: what was planned is put off to %s", got)
	}
}

// A clock that is set is logged once.
func TestAClockThatIsSetIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		e, err := New(Options{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&text, nil)), Registry: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		e.Configure(Configuration{Set: parse(t, "groups: [{name: g, rules: ["+hot+"]}]"), Targets: []*poller.Target{target("sw1")}})
		var jump atomic.Int64
		e.clock.Shown = func(now time.Time) time.Time { return now.Round(0).Add(time.Duration(jump.Load())) }
		stop := runFor(t, e)
		time.Sleep(time.Minute)
		jump.Store(int64(-48 * time.Hour))
		time.Sleep(time.Minute)
		stop()
		if n := strings.Count(text.String(), "\n"); n != 1 || !strings.Contains(text.String(), `level=WARN msg="the clock was set: rules go on as if it had not been, and show times by it" by=-48h0m0s`) {
			t.Errorf("logged\n%s", &text)
		}
	})
}

// runFor runs an evaluator until stop is called.
func runFor(t *testing.T, e *Evaluator) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- e.Run(ctx) }()
	return func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
}
