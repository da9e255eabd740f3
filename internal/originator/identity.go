package originator

import (
	"math"
	"sync"
	"time"
)

// Identity is our own SNMP engine (RFC 3411 section 3.1.1): the authoritative engine of our traps, and the
// context of all notifications. Its boots must be stored before it is used: a receiver silently drops
// messages with boots lower than those that it has seen.
type Identity struct {
	ID []byte // snmpEngineID; must not be changed

	store   func(boots int32) error // nil if the boots belong to another process
	mu      sync.Mutex
	boots   int32
	booted  time.Time // when boots were last incremented
	started time.Time

	// A machine that is suspended keeps its monotonic clock, but receivers go on counting, and drop messages
	// that lag by more than 150 s (RFC 3414 section 3.2).
	asleep func() time.Duration // since the machine started
	slept  time.Duration        // asleep at booted
}

// NewIdentity returns the engine with an ID, as it starts now. The caller has stored the boots. When snmpEngineTime
// reaches its maximum, after 68 years, Clock increments the boots and calls store.
func NewIdentity(id []byte, boots int32, now time.Time, store func(boots int32) error) *Identity {
	return &Identity{ID: id, store: store, boots: boots, booted: now, started: now, asleep: Asleep, slept: Asleep()}
}

// FixedIdentity returns an engine whose boots and time another process keeps.
func FixedIdentity(id []byte, boots, seconds int32, now time.Time) *Identity {
	i := NewIdentity(id, boots, now, nil)
	i.booted = now.Add(-time.Duration(seconds) * time.Second)
	return i
}

// Clock returns snmpEngineBoots and snmpEngineTime for a message that is sent now. It fails only if the boots
// must be stored and cannot be.
func (i *Identity) Clock(now time.Time) (boots, seconds int32, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	slept := i.asleep()
	elapsed := (now.Sub(i.booted) + slept - i.slept) / time.Second
	if elapsed >= math.MaxInt32 && i.store != nil {
		if err := i.store(i.boots + 1); err != nil {
			return 0, 0, err
		}
		i.boots, i.booted, i.slept, elapsed = i.boots+1, now, slept, 0
	}
	return i.boots, int32(min(elapsed, math.MaxInt32)), nil
}

// Uptime returns SysUpTime: hundredths of a second since the start, which wrap after 497 days.
func (i *Identity) Uptime(now time.Time) uint32 {
	return uint32(now.Sub(i.started) / (10 * time.Millisecond))
}
