package rules

import (
	"testing"
	"time"
)

// A wall clock that is set back stops no evaluation; one that is set forward, as after a sleep, is followed.
func TestClocksThatAreSet(t *testing.T) {
	c := clock{start: time.Unix(0, 0)}
	for _, step := range []struct{ wall, elapsed, want time.Duration }{
		{10, 10, 10}, {19, 20, 19}, {100, 30, 100}, {110, 40, 110}, {50, 50, 120}, {60, 60, 130}, {200, 70, 200}, {209, 80, 209},
	} {
		if got := c.at(step.wall*time.Second, step.elapsed*time.Second); !got.Equal(time.Unix(int64(step.want), 0)) {
			t.Errorf("at %d by the wall clock, %d after the start: %d, want %d", step.wall, step.elapsed, got.Unix(), step.want)
		}
	}
}
