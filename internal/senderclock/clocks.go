// Package senderclock compares the times in alerts with the clock of the server that sends them. Alerts of Prometheus end
// at a time of its clock, and no message says what that clock shows. It is taken for the wall clock as it was at the
// start, going on by the time that has elapsed: setting the wall clock here ends no alert, and prolongs none.
package senderclock

import (
	"sync"
	"time"

	"trapline/internal/originator"
)

const (
	slewed     = 10 * time.Second // how far clocks may be from each other without one having been set
	farthest   = time.Hour        // of an end from the present, as a rule: Prometheus says 4 evaluations or resends ahead
	resend     = 30 * time.Second // alerts are sent again after more than that
	fresh      = 5 * time.Minute  // for how long an alert is watched for being sent again
	least      = 5 * time.Minute  // that an active alert lasts if the wall clock says so
	maxSenders = 1000
)

// Clocks are those of the senders of alerts. The zero value is ready for use, and begins with Begin or the first alert.
type Clocks struct {
	mu      sync.Mutex
	start   time.Time // with a monotonic reading
	wall    time.Time // that the wall clock showed then
	slept   time.Duration
	senders map[string]*sender

	store  Store
	boot   string // of the machine; "" if nothing is stored
	failed error  // of the last attempt to store them
}

// Alert is the time of an alert as a message has it.
type Alert struct {
	Sender           string
	ID               string // of the alert, the same each time it is sent
	StartsAt, EndsAt time.Time
}

type sender struct {
	ahead   time.Duration // its clock, of the steady one
	at      time.Time     // of its last alert, by the steady clock
	watched Alert         // an active alert by one of two clocks, and one that has ended by the other
	over    bool          // it has ended by the sender's clock
	since   time.Time     // by the steady clock
}

// Begin takes the wall clock for that of all senders, unless an earlier process knew better.
func (c *Clocks) Begin(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beginAt(now, now.Round(0))
}

// beginAt begins at a time with a monotonic reading, which the wall clock shows as another one.
func (c *Clocks) beginAt(now, wall time.Time) {
	if c.start.IsZero() {
		defer func() { c.failed = c.save(c.wall) }()
		c.start, c.wall, c.slept, c.senders = now, wall, originator.Asleep(), map[string]*sender{}
	}
}

// Remaining returns how long an alert that was received now goes on. It has ended if that is not positive.
func (c *Clocks) Remaining(a Alert, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remainingAt(a, now, now.Round(0))
}

func (c *Clocks) remainingAt(a Alert, now, wall time.Time) time.Duration {
	c.beginAt(now, wall)
	steady := c.wall.Add(now.Sub(c.start) + originator.Asleep() - c.slept)
	s := c.sender(a.Sender, steady)
	was := *s
	s.at = steady
	defer func() {
		if s.differs(was) || c.failed != nil {
			c.failed = c.save(steady)
		}
	}()
	if s.hasWall(a, wall, steady) {
		s.ahead = wall.Sub(steady)
	}
	left := a.EndsAt.Sub(steady.Add(s.ahead))
	if left <= 0 {
		return left
	}
	return max(left, min(a.EndsAt.Sub(wall), least))
}

// sender returns a sender. Of too many, the one that was silent for longest is forgotten.
func (c *Clocks) sender(name string, steady time.Time) *sender {
	if s := c.senders[name]; s != nil {
		return s
	}
	if len(c.senders) >= maxSenders {
		oldest, at := "", steady
		for name, s := range c.senders {
			if !s.at.After(at) {
				oldest, at = name, s.at
			}
		}
		delete(c.senders, oldest)
	}
	s := &sender{}
	c.senders[name] = s
	return s
}

// hasWall reports whether the sender's clock shows the same as the wall clock, rather than what it was taken for: an
// alert says so.
func (s *sender) hasWall(a Alert, wall, steady time.Time) bool {
	own := steady.Add(s.ahead)
	if wall.Sub(own).Abs() <= slewed {
		return true
	}
	if a.EndsAt.Sub(own).Abs() > farthest && a.EndsAt.Sub(wall).Abs() <= farthest {
		return true
	}
	over := !a.EndsAt.After(own)
	if over == !a.EndsAt.After(wall) {
		return false
	}
	before := s.watched
	again := before.ID == a.ID && before.StartsAt.Equal(a.StartsAt) && s.over == over
	if age := steady.Sub(s.since); again && age < resend || before.ID != "" && before.ID != a.ID && age < fresh {
		return false
	}
	s.watched, s.over, s.since = a, over, steady
	if over {
		return again && a.EndsAt.After(before.EndsAt) // it is renewed
	}
	return again && a.EndsAt.Equal(before.EndsAt) // only that of an alert that has ended stays the same
}
