package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/clocks"
	"trapline/internal/poller"
	"trapline/internal/series"
)

// pollCarrying makes a pass that reads a temperature, and has a humidity that was read at a time. If reading it failed, the
// pass has an error; a zero time means that it is too old to be carried.
func (r *rig) pollCarrying(temperature, humidity int, read time.Time, failed bool) {
	r.Helper()
	old := setOf(r.T, fmt.Sprintf("humidity %d", humidity))
	p := &poller.Pass{Start: r.now, Up: true, Sets: []*series.Set{setOf(r.T, fmt.Sprintf("temperature %d", temperature))}}
	if !read.IsZero() {
		p.Sets = append(p.Sets, old)
	}
	object := objectOf("humidity")
	if read.Before(r.now) && !read.IsZero() {
		p.Carried = []clocks.Carried{{Object: object, Read: read, Every: time.Hour}}
		old.Columns[0].Carried = &series.Carried{Read: read, Every: time.Hour}
	}
	if failed {
		e := &access.Error{OID: object, Reason: access.Timeout, Alive: true}
		p.Err, p.Errors = e, []*access.Error{e}
	}
	health := setOf(r.T, "trapline_target_up 1", "trapline_target_reboots_total 0")
	r.e.evaluatePoll(r.Context(), r.e.device("sw1"), &poller.Report{Target: r.targets[0], Last: p, Health: health})
}

// carriedModel has the alerts of a rule that looks at the humidity.
type carriedModel struct {
	hold         time.Duration
	active, last time.Time // active: since when it is pending or firing
	firing       bool
}

// judge is an evaluation. Times without evaluations do not count.
func (m *carriedModel) judge(now time.Time, damp bool) (event string) {
	if gap := now.Sub(m.last); gap > 2*pollTime && !m.firing && !m.active.IsZero() {
		m.active = m.active.Add(gap - pollTime)
	}
	m.last = now
	switch {
	case !damp:
		if m.firing {
			event = "clear"
		}
		m.active, m.firing = time.Time{}, false
	default:
		if m.active.IsZero() {
			m.active = now
		}
		if !m.firing && now.Sub(m.active) >= m.hold {
			m.firing, event = true, "raise"
		}
	}
	return event
}

// Rules about a table that is read seldom judge what was read, as long as it is fresh. In between, and while it cannot be
// read, however long, they stay as they are: nothing is raised or cleared, and the time does not count for `for`. Rules about
// what each poll reads go on.
func TestLawOfCarriedTables(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 15))
		every := []time.Duration{2 * time.Minute, 10 * time.Minute, time.Hour}[random.IntN(3)]
		r := start(t, `{alert: Damp, expr: humidity > 60}, {alert: Wet, expr: humidity > 60, for: 5m}, {alert: Hot, expr: temperature > 40}, {alert: Both, expr: humidity > 60 and temperature > 40}`)
		damp, wet, hot, both := &carriedModel{}, &carriedModel{hold: 5 * time.Minute}, &carriedModel{}, &carriedModel{}
		var read time.Time
		humidity, was, temperature := 50, 50, 20
		for n := range 600 {
			r.now = r.now.Add(pollTime)
			if random.IntN(10) == 0 {
				humidity, temperature = 50+20*random.IntN(2), 20+30*random.IntN(2)
			}
			due := read.IsZero() || r.now.Sub(read) >= every
			failed := due && !read.IsZero() && random.IntN(3) == 0
			if due && !failed {
				read, was = r.now, humidity
			}
			shown := read
			if failed && r.now.Sub(read) > every*3/2 {
				shown = time.Time{}
			}
			r.pollCarrying(temperature, was, shown, failed)
			var want []string
			judge := func(name string, m *carriedModel, is bool) {
				if event := m.judge(r.now, is); event != "" {
					want = append(want, event+" "+name)
				}
			}
			judge("Hot", hot, temperature > 40)
			if !failed && r.now.Sub(read) <= minLookback/2 {
				judge("Damp", damp, was > 60)
				judge("Wet", wet, was > 60)
				judge("Both", both, was > 60 && temperature > 40)
			}
			if got := r.take(); sortedLines(got) != sortedLines(strings.Join(want, ", ")) {
				t.Fatalf("seed %d, poll %d, read each %s, last %s before: sent %q, want %q", seed, n, every, r.now.Sub(read), got, want)
			}
		}
		r.kill()
	}
}
