package snmp

import (
	"math"
	"testing"
	"time"
)

func TestEngineClockJudgesAuthenticatedMessages(t *testing.T) {
	const now = time.Hour
	known := EngineClock{Boots: 5, Time: 1000, Latest: 1000, At: now - 10*time.Second, Proved: true} // 1010 now
	for _, c := range []struct {
		name           string
		before         EngineClock
		boots, seconds int32
		inTime         bool
		after          EngineClock
	}{
		{"the first", EngineClock{}, 3, 77, true, EngineClock{3, 77, 77, now, true}},
		{"the first, where more was suggested", EngineClock{Boots: 9, Time: 9, At: now}, 3, 77, true, EngineClock{3, 77, 77, now, true}},
		{"a newer one", known, 5, 1008, true, EngineClock{5, 1008, 1008, now, true}},
		{"one from an agent whose clock is fast", known, 5, 5000, true, EngineClock{5, 5000, 5000, now, true}},
		{"the same again", known, 5, 1000, true, known},
		{"an older one within the window", known, 5, 860, true, known},
		{"an older one outside the window", known, 5, 859, false, known},
		{"one after a restart", known, 6, 0, true, EngineClock{6, 0, 0, now, true}},
		{"one from before the last restart", known, 4, math.MaxInt32, false, known},
		{"one whose boots are at their end", known, math.MaxInt32, 1, false, EngineClock{math.MaxInt32, 1, 1, now, true}},
	} {
		after := c.before
		if got := after.Update(c.boots, c.seconds, now); got != c.inTime || after != c.after {
			t.Errorf("%s: %v %+v, want %v %+v", c.name, got, after, c.inTime, c.after)
		}
	}
}

func TestEngineClockGoesOnByItself(t *testing.T) {
	for _, c := range []struct {
		clock EngineClock
		now   time.Duration
		want  int32
	}{
		{EngineClock{}, 0, 0},
		{EngineClock{Time: 1000, At: time.Second}, 3500 * time.Millisecond, 1002},
		{EngineClock{Time: 1000, At: time.Second}, 0, 1000},
		{EngineClock{Time: math.MaxInt32 - 1}, time.Hour, math.MaxInt32},
		{EngineClock{}, math.MaxInt64, math.MaxInt32},
	} {
		if _, got := c.clock.Now(c.now); got != c.want {
			t.Errorf("%+v at %v: %d, want %d", c.clock, c.now, got, c.want)
		}
	}
}

func TestReplayDoesNotMoveTheClock(t *testing.T) {
	var c EngineClock
	c.Update(5, 1000, 0)
	c.Update(5, 1060, 60*time.Second)
	c.Update(5, 1000, 61*time.Second)
	if boots, seconds := c.Now(100 * time.Second); boots != 5 || seconds != 1100 {
		t.Errorf("%d, %d", boots, seconds)
	}
}

func TestOnlyAdoptSetsTheClockBack(t *testing.T) {
	c := EngineClock{Boots: 5, Time: 1000, Latest: 1000, Proved: true}
	c.Suggest(1, 1, 0)
	if c.Update(1, 1, 0) || c.Boots != 5 {
		t.Fatalf("%+v", c)
	}
	c.Adopt(1, 1, 0)
	if !c.Update(1, 2, time.Second) || c.Boots != 1 || c.Latest != 2 {
		t.Errorf("%+v", c)
	}
}
