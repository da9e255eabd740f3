package scan

import (
	"context"
	"time"
)

// A sweep that was interrupted goes on with what its state says. Before a community or a login is sent, it is noted; an
// answer is noted when it comes. An address is therefore sent nothing twice that counts, and whoever answered is asked on.

// resumeDevices goes on with devices that answered the engine discovery of this sweep, before a restart.
func (s *Scan) resumeDevices(ctx context.Context) {
	begun := s.state.header.Begun
	for _, r := range s.records() {
		if !r.Heard.Before(begun) && r.Asked.Before(begun) && s.credentialOf(&r) == nil && s.o.Range.Contains(r.Address) && !s.o.Taken[r.Address] {
			s.join(ctx, r.Address, r.Engine, r.Boots, r.Booted)
		}
	}
}

// The bounds of the time in which the answer of an address that has not answered yet may have been on its way when a process
// ended.
const minSettling, settlingFactor = 10 * time.Millisecond, 4

// forgetOpen takes communities for silent that were on their way when the process ended, unless it ended so soon that an
// answer may have been, too: these are tried once more, and would else be in the place of others. A user is always tried
// once more: keys take time before the login is sent, and a device reports a wrong one.
func (s *Scan) forgetOpen(now time.Time) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	latest := s.state.lastBeat()
	slowest := minSettling / settlingFactor
	open, communities := map[*Record]time.Time{}, map[string]bool{}
	for _, c := range s.credentials {
		communities[c.digest] = !c.v3()
	}
	for _, r := range s.state.records {
		slowest = max(slowest, r.Took)
		if g := &r.Guard; r.Auth == "" && communities[g.Open] && len(g.Failed) > 0 {
			open[r] = g.Failed[len(g.Failed)-1]
			if open[r].After(latest) {
				latest = open[r]
			}
		}
	}
	settling := min(settlingFactor*slowest, s.o.Timeout)
	for r, at := range open {
		limit := settling
		if r.Engine != "" { // on a busy machine a login is sent later than it is noted
			limit = s.o.Timeout
		}
		if latest.Sub(at) > limit {
			r.Guard.Silent(now)
		}
	}
}

// beatTime is how often a scan notes that it is there.
const beatTime = 50 * time.Millisecond

// beat notes until ctx is canceled that the process is there: a restart knows by that whose answers would have come.
func (s *Scan) beat(ctx context.Context) {
	tick := time.NewTicker(beatTime)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.state.setBeat(s.o.Now())
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
