// Package clocks carries objects that are read less often than a target is polled from one poll to the next: a poll asks
// for those that are due, and receives the rest as it was read last.
//
// All that is carried has to be of the rows that a poll reads. It is read again if the agent began anew, if
// ifTableLastChange, entLastChangeTime or ifNumber differ, and by itself if other rows than before have labels from it.
package clocks

import (
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/access"
)

const (
	// maxUnit is how many octets an instance or column may have to be carried. Of a larger one every poll asks.
	maxUnit = 256 << 10
	// maxTarget is how many octets are carried for one target.
	maxTarget = 1 << 20
	// maxTotal is how many octets are carried for all targets.
	maxTotal = 256 << 20
	// maxDoublings bounds the time after which a failed read is tried again: two polls to the power of it.
	maxDoublings = 4
)

// Budget bounds the octets that are carried for all targets. Its zero value is ready for use.
type Budget struct{ held atomic.Int64 }

// take takes n octets, or returns those of a negative n.
func (b *Budget) take(n int) bool {
	if b.held.Add(int64(n)) > maxTotal && n > 0 {
		b.held.Add(int64(-n))
		return false
	}
	return true
}

// Memory is all that is carried for one target. Its zero value is not ready for use: see NewMemory.
type Memory struct {
	budget *Budget
	phase  uint64 // of the target: when the reads of targets are due differs

	mu       sync.Mutex
	closed   bool
	units    map[string]*unit  // by the key of the part of the plan
	octets   int               // of all units
	base     time.Time         // of the first poll: due times count from here
	state    witnesses         // of the last poll that was answered
	searched time.Time         // when the device was asked for all witnesses
	rows     map[string]uint64 // digests of the rows of objects beside units, as of their last read
}

// NewMemory returns the memory of the target of that name, which holds nothing.
func NewMemory(target string, b *Budget) *Memory {
	h := fnv.New64a()
	_, _ = h.Write([]byte(target))
	return &Memory{budget: b, phase: h.Sum64(), units: map[string]*unit{}, rows: map[string]uint64{}}
}

// unit is an instance, a column or the object of a filter as it was read last.
type unit struct {
	clock  string // its key among the clocks
	copies packed
	held   bool     // copies are all of it
	rows   []uint64 // of each object beside it, when it was read
	every  time.Duration
	read   time.Time
	due    time.Time

	failures int             // since it was read
	failed   []*access.Error // of the last try
}

// Close gives back the memory. Nothing is carried after it.
func (m *Memory) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.budget.take(-m.octets)
	m.octets, m.units = 0, map[string]*unit{}
}

// next returns when a part of a plan is due that was read at a time: at the same moments for a target, so that all that
// has the same time is read in one poll, and at others for other targets.
func (m *Memory) next(read time.Time, every, interval time.Duration) time.Time {
	first := m.base.Add(time.Duration(m.phase % uint64(every)))
	after := read.Add(interval / 2)
	if first.After(after) {
		return first
	}
	return first.Add((after.Sub(first)/every + 1) * every)
}

// drop forgets the copies of a unit.
func (m *Memory) drop(u *unit) {
	if !u.held {
		return
	}
	m.octets -= u.copies.size()
	m.budget.take(-u.copies.size())
	u.copies, u.held = packed{}, false
}

// hold replaces the copies of a unit, if there is room.
func (m *Memory) hold(u *unit, c packed) {
	m.drop(u)
	if m.closed || m.octets+c.size() > maxTarget || !m.budget.take(c.size()) {
		return
	}
	m.octets += c.size()
	u.copies, u.held = c, true
}

// valid reports whether the copies of a unit may be carried to a poll.
func (u *unit) valid(now time.Time, interval time.Duration) bool {
	return u.held && now.Sub(u.read) <= Patience(u.every, interval)
}

// Patience is how old a carried part may be. Older, it counts as missing.
func Patience(every, interval time.Duration) time.Duration {
	return max(every*3/2, every+2*interval)
}
