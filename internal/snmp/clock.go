package snmp

import (
	"math"
	"time"
)

// TimeWindow is by how much a message may be older than the receiver's notion of the sender's time
// (RFC 3414 section 2.2.3).
const TimeWindow = 150 * time.Second

// EngineClock is what one engine knows of the clock of another, authoritative one (RFC 3414 section
// 2.3). It is a plain value that reads no clock of its own: now, always the last argument, is the time
// of any clock that only goes forward. The zero value knows nothing.
//
// It belongs to one agent at one address: devices that were cloned share an engine ID, but no clock.
type EngineClock struct {
	Boots  int32         // snmpEngineBoots
	Time   int32         // snmpEngineTime in seconds, as it was at At
	Latest int32         // latestReceivedEngineTime: the highest that came within Boots
	At     time.Duration // when Time was right
	Proved bool          // an authenticated message said so
}

// Now is what to write into a message that is sent now.
func (c *EngineClock) Now(now time.Duration) (boots, seconds int32) {
	elapsed := max(0, (now-c.At)/time.Second)
	return c.Boots, int32(min(int64(c.Time)+int64(elapsed), math.MaxInt32))
}

// Update judges an authenticated message that came with boots and seconds, and learns from it (RFC 3414
// section 3.2 step 7b). When it returns false, the message is too old and has to be dropped. A message
// that was sent before another that is known can never set the clock.
//
// The first authenticated message sets it whatever was suggested.
func (c *EngineClock) Update(boots, seconds int32, now time.Duration) bool {
	switch {
	case !c.Proved, boots > c.Boots, boots == c.Boots && seconds > c.Latest:
		c.Adopt(boots, seconds, now)
	}
	_, known := c.Now(now)
	return c.Boots != math.MaxInt32 && boots == c.Boots && int64(seconds) >= int64(known)-int64(TimeWindow/time.Second)
}

// Adopt sets the clock, backwards too. That is how an agent is followed that lost count of its boots,
// and it is for one message alone: the authenticated Report of kind NotInTimeWindow that answers a
// request of ours by its msgID. Anything else would let a recorded message set the clock.
func (c *EngineClock) Adopt(boots, seconds int32, now time.Duration) {
	*c = EngineClock{Boots: boots, Time: seconds, Latest: seconds, At: now, Proved: true}
}

// Suggest takes boots and seconds from a message that nobody vouches for: the Report that answers a
// discovery. It spares a round trip when they are right, and is without effect once an authenticated
// message came.
func (c *EngineClock) Suggest(boots, seconds int32, now time.Duration) {
	if !c.Proved {
		*c = EngineClock{Boots: boots, Time: seconds, At: now}
	}
}
