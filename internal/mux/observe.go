package mux

import "time"

// Hooks for the tests of the rooms above.

// ChargedLocked returns for how many answers receive buffers keep room, and how many peers wait for more of it.
func (p *Mux) ChargedLocked() (charged, blocked int) {
	for _, l := range p.links {
		charged, blocked = charged+l.inFlight, blocked+len(l.blocked)
	}
	return charged, blocked
}

// WaitingPollsLocked returns how many polls have requests that were not sent.
func (t *Peer) WaitingPollsLocked() int {
	polls := map[*Stats]bool{}
	for _, q := range t.waiting {
		polls[q.Stats] = true
	}
	return len(polls)
}

// ForgetRefusalLocked makes the last refusal of the peer's user as long ago as d says.
func (t *Peer) ForgetRefusalLocked(d time.Duration) { t.v3.since -= d }
