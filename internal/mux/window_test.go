package mux

import (
	"testing"
	"time"
)

// serialAgent takes a time for each request, one after the other, and lets only so many wait.
type serialAgent struct {
	rtt, each time.Duration
	queue     int
}

// run sends requests as the window allows, and returns the time and the number of lost requests.
func (a serialAgent) run(requests, most int) (took time.Duration, lost int) {
	w := newWindow(most)
	w.answered(a.rtt+a.each, 0)
	type flight struct{ sent, back time.Duration }
	var flying []flight
	var now, busy time.Duration
	for requests > 0 || len(flying) > 0 {
		for requests > 0 && w.allows(len(flying)) {
			busy = max(busy, now+a.rtt/2) + a.each
			waiting := int((busy - now - a.rtt/2) / a.each)
			if a.queue > 0 && waiting > a.queue+1 {
				busy -= a.each
				lost++
				w.lost(now)
				continue
			}
			requests--
			flying = append(flying, flight{now, busy + a.rtt/2})
		}
		if len(flying) == 0 {
			now += a.rtt
			continue
		}
		now = flying[0].back
		w.answered(now-flying[0].sent, now)
		flying = flying[1:]
	}
	return now, lost
}

func TestWindowFillsTheAgentAndNoMore(t *testing.T) {
	for _, c := range []struct {
		name     string
		agent    serialAgent
		requests int
	}{
		{"fast agent far away", serialAgent{rtt: 20 * time.Millisecond, each: 50 * time.Microsecond}, 600},
		{"50 µs a varbind, 57 of them in an answer", serialAgent{rtt: 20 * time.Millisecond, each: 2850 * time.Microsecond}, 525},
		{"the same with room for ten requests", serialAgent{rtt: 20 * time.Millisecond, each: 2850 * time.Microsecond, queue: 10}, 525},
		{"200 µs a varbind with room for four", serialAgent{rtt: time.Millisecond, each: 11400 * time.Microsecond, queue: 4}, 525},
	} {
		floor := max(time.Duration(c.requests)*c.agent.each, time.Duration(c.requests)*c.agent.rtt/DefaultWindow)
		took, lost := c.agent.run(c.requests, DefaultWindow)
		t.Logf("%s: %v, floor %v, %d lost", c.name, took, floor, lost)
		if took > floor*115/100 || lost > c.requests*2/100 {
			t.Errorf("%s: %v where %v is possible, %d requests lost", c.name, took, floor, lost)
		}
	}
}

func TestRetransmissionTimeout(t *testing.T) {
	w := newWindow(16)
	if got := w.rto(0, 5*time.Second); got != 5*time.Second {
		t.Errorf("before any answer: %v", got)
	}
	w.answered(300*time.Millisecond, time.Second)
	if got := w.rto(0, 5*time.Second); got != 900*time.Millisecond {
		t.Errorf("after one answer: %v", got)
	}
	if got := w.rto(2, 5*time.Second); got != 3600*time.Millisecond {
		t.Errorf("third attempt: %v", got)
	}
	if got := w.rto(5, 5*time.Second); got != 5*time.Second {
		t.Errorf("bounded by the user's timeout: %v", got)
	}
}

func TestWindowOfOneIsStrictlyOneAtATime(t *testing.T) {
	w := newWindow(DefaultWindow)
	for i := range 100 {
		w.allows(i)
		w.answered(time.Millisecond, time.Duration(i)*time.Millisecond)
	}
	if !w.allows(DefaultWindow - 1) {
		t.Errorf("a window of %v after a hundred quick answers", w.size)
	}
	w.bound(1)
	for i := range 100 {
		if w.allows(1) {
			t.Fatal("a second request is let go beside the first")
		}
		w.answered(time.Millisecond, time.Duration(100+i)*time.Millisecond)
	}
}

// An answer to an earlier attempt shows that the later one was needless.
func TestNeedlessRetransmissionsAreWaitedFor(t *testing.T) {
	w := newWindow(16)
	w.answered(10*time.Millisecond, 0)
	w.size = 8
	if got := w.rto(0, 5*time.Second); got != minRTO {
		t.Errorf("first patience: %s", got)
	}
	w.lost(time.Second)
	w.spurious(600 * time.Millisecond)
	if got := w.rto(0, 5*time.Second); got != 750*time.Millisecond {
		t.Errorf("patience after a round trip of 600 ms: %s", got)
	}
	if w.size != 8 {
		t.Errorf("window %g, want back the 8", w.size)
	}
	w.answered(10*time.Millisecond, basePeriod+2*time.Second)
	if got := w.rto(0, 5*time.Second); got > time.Second/2 {
		t.Errorf("patience in the next period: %s", got)
	}
}
