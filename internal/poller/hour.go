package poller

import (
	"sync"
	"time"
)

// Minute counts targets in one minute: the maximum of those that were down or partial at a time.
type Minute struct {
	At                   time.Time // its beginning
	Down, Partial, Total int
	Polls, Answered      int // that ended in it
}

const (
	hourMinutes = 60
	// censusInterval is the least time between two counts of all targets.
	censusInterval = 5 * time.Second
)

// hour holds the minutes of the last hour.
type hour struct {
	mu      sync.Mutex
	minutes [hourMinutes]Minute // each at its number modulo hourMinutes
	counted time.Time
}

// slot is where a minute stands; the clock may be set to before 1970.
func slot(begin time.Time) int64 {
	return (begin.Unix()/60%hourMinutes + hourMinutes) % hourMinutes
}

// at returns the minute of a time.
func (h *hour) at(now time.Time) *Minute {
	begin := now.Truncate(time.Minute)
	m := &h.minutes[slot(begin)]
	if !m.At.Equal(begin) {
		*m = Minute{At: begin}
	}
	return m
}

// polled notes the end of a poll, and reports whether all targets are to be counted.
func (h *hour) polled(now time.Time, answered bool) (count bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.at(now)
	m.Polls++
	m.Answered += btoi(answered)
	if count = m.Total == 0 || now.Sub(h.counted) >= censusInterval; count {
		h.counted = now
	}
	return count
}

// census notes how many targets are in each state.
func (h *hour) census(now time.Time, states []*state) {
	var counts [Down + 1]int
	for _, s := range states {
		counts[s.summary.Load().State]++
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.at(now)
	m.Down, m.Partial, m.Total = max(m.Down, counts[Down]), max(m.Partial, counts[Partial]), len(states)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
