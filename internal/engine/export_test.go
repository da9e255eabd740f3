package engine

import "time"

// TurnClock moves what t believes the agent's clock to show, as if that had been set back or forth.
func (t *Target) TurnClock(d time.Duration) {
	known := *t.usm.known
	known.time += uint32(d / time.Second)
	t.usm.known = &known
}

// Rest makes the last poll as long ago as d says.
func (t *Target) Rest(d time.Duration) {
	known := *t.usm.known
	known.time -= uint32(d / time.Second)
	known.at = known.at.Add(-d)
	t.usm.known = &known
}

// Boots is what t believes to be the boots of the agent's engine; 0 when it knows none.
func (t *Target) Boots() uint32 {
	t.pipe.lock()
	defer t.pipe.unlock()
	if t.peer != nil && t.peer.v3 != nil {
		return uint32(t.peer.v3.clock.Boots)
	}
	if t.usm.known == nil {
		return 0
	}
	return t.usm.known.boots
}

// Remember makes e forget all but the n targets that were used last.
func (e *Engine) Remember(n int) { e.maxTargets = n }
