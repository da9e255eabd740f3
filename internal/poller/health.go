package poller

import (
	"sync/atomic"
	"time"
)

// pulse notes when polls begin, to detect a standstill. It is read without the Poller's mutex, whose holder may
// be the one that hangs.
type pulse struct {
	since    time.Time
	shortest atomic.Int64 // interval of a target; 0 without targets
	began    atomic.Int64 // when the last pass did, from since
}

const (
	// stillIntervals is for how many intervals no pass may begin.
	stillIntervals = 3
	// minStill is how long that is at least: a busy machine is not at a standstill.
	minStill = 10 * time.Second
)

// set notes the targets, which are polled from now on.
func (u *pulse) set(states []*state) {
	var shortest time.Duration
	for _, s := range states {
		if shortest == 0 || s.target.Interval < shortest {
			shortest = s.target.Interval
		}
	}
	if u.shortest.Swap(int64(shortest)) == 0 {
		u.beat()
	}
}

// beat notes that a pass begins.
func (u *pulse) beat() { u.began.Store(int64(time.Since(u.since))) }
