package client

import (
	"time"

	"trapline/internal/snmp"
)

// peerState is the state of a peer that is saved for another process. It holds no secret.
type peerState struct {
	window            float64
	rtt, rttVar, base time.Duration
	engineID          []byte // SNMPv3
	boots, time       int32
}

// stateLocked returns the state of a peer that has answered.
func (t *peer) stateLocked(now time.Duration) peerState {
	s := peerState{window: t.window.size, rtt: t.window.srtt, rttVar: t.window.rttvar, base: t.window.base}
	if t.v3 != nil && !t.v3.fixed {
		s.engineID, s.boots, s.time, _ = t.engineLocked(now)
	}
	return s
}

// restoreLocked applies a state that was saved some time ago, but for values that are impossible.
func (t *peer) restoreLocked(s *peerState, ago, now time.Duration) {
	t.window.restore(s, now)
	if u := t.v3; u != nil && u.security == nil && snmp.CheckEngineID(s.engineID) == nil && s.boots >= 0 && s.time >= 0 {
		if security, err := u.user.Localize(s.engineID); err == nil {
			u.security, u.accepted, u.since = security, true, now
			u.clock.Suggest(s.boots, s.time, now-ago)
		}
	}
}

// restore takes the round trip and the size, unless they are impossible.
func (w *window) restore(s *peerState, now time.Duration) {
	plausible := func(d time.Duration) bool { return d > 0 && d <= maxRTT }
	if plausible(s.rtt) && plausible(s.base) && s.rttVar >= 0 && s.rttVar <= maxRTT && s.window >= 1 && s.window <= highestWindow {
		w.size, w.srtt, w.rttvar, w.base, w.baseSince = min(s.window, float64(w.most)), s.rtt, s.rttVar, s.base, now
	}
}

// maxRTT is the longest round trip that a saved state may have.
const maxRTT = 10 * time.Minute
