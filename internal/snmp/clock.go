package snmp

import (
	"math"
	"time"
)

// TimeWindow is the maximum age of a message relative to the receiver's notion of the sender's time
// (RFC 3414 section 2.2.3).
const TimeWindow = 150 * time.Second

// EngineClock is a non-authoritative engine's copy of the clock of an authoritative engine (RFC
// 3414 section 2.3). It is a plain value that reads no clock: now, always the last argument, is the
// time of any monotonic clock. The zero value is an unknown clock.
//
// An EngineClock belongs to one agent at one address: cloned devices share an engine ID, but not a
// clock.
type EngineClock struct {
	Boots  int32         // snmpEngineBoots
	Time   int32         // snmpEngineTime in seconds at the time At
	Latest int32         // latestReceivedEngineTime within Boots
	At     time.Duration // when Time was set
	Proved bool          // set by an authenticated message
}

// Now returns the boots and time to write into a message that is sent at now.
func (c *EngineClock) Now(now time.Duration) (boots, seconds int32) {
	elapsed := max(0, (now-c.At)/time.Second)
	return c.Boots, int32(min(int64(c.Time)+int64(elapsed), math.MaxInt32))
}

// Update checks the boots and seconds of an authenticated message and updates the clock (RFC 3414
// section 3.2 step 7b). It returns false if the message is outside the time window and must be
// dropped. A message older than the latest one received never sets the clock.
//
// The first authenticated message overrides any suggestion.
func (c *EngineClock) Update(boots, seconds int32, now time.Duration) bool {
	switch {
	case !c.Proved, boots > c.Boots, boots == c.Boots && seconds > c.Latest:
		c.Adopt(boots, seconds, now)
	}
	_, known := c.Now(now)
	return c.Boots != math.MaxInt32 && boots == c.Boots && int64(seconds) >= int64(known)-int64(TimeWindow/time.Second)
}

// Adopt sets the clock, possibly backwards, to follow an agent that lost its boot counter. Call it
// only for an authenticated NotInTimeWindow Report whose msgID matches an outstanding request.
// Otherwise a replayed message could set the clock.
func (c *EngineClock) Adopt(boots, seconds int32, now time.Duration) {
	*c = EngineClock{Boots: boots, Time: seconds, Latest: seconds, At: now, Proved: true}
}

// Suggest sets boots and seconds from an unauthenticated message: the Report that answers a
// discovery. A correct suggestion saves a round trip. Suggest has no effect after the first
// authenticated message.
func (c *EngineClock) Suggest(boots, seconds int32, now time.Duration) {
	if !c.Proved {
		*c = EngineClock{Boots: boots, Time: seconds, At: now}
	}
}
