package gosnmpclient

import "time"

// Hooks for the tests of the rooms above.

// TurnClock moves t's estimate of the agent's clock, as if that had been set back or forth.
func (t *Target) TurnClock(d time.Duration) {
	known := *t.usm.known
	known.clock.Time += int32(d / time.Second)
	t.usm.known = &known
}

// Rest makes the last poll as long ago as d says.
func (t *Target) Rest(d time.Duration) {
	known := *t.usm.known
	known.clock.Time -= int32(d / time.Second)
	known.clock.At -= d
	t.usm.known = &known
}

// Boots returns how often the agent's engine has booted; 0 when that is not known.
func (t *Target) Boots() uint32 {
	if t.usm.known == nil {
		return 0
	}
	return uint32(t.usm.known.clock.Boots)
}

// ForgetRefusal makes the last refusal of t's user as long ago as d says.
func (t *Target) ForgetRefusal(d time.Duration) {
	known := *t.usm.known
	known.refused = known.refused.Add(-d)
	t.usm.known = &known
}
