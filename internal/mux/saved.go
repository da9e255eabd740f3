package mux

import (
	"time"

	"trapline/internal/snmp"
)

// SavedPeer is the state of a peer that is saved for another process. It holds no secret.
type SavedPeer struct {
	Window            float64
	RTT, RTTVar, Base time.Duration
	EngineID          []byte // SNMPv3
	Boots, Time       int32
}

// StateLocked returns the state of a peer; ok is false if it never answered.
func (t *Peer) StateLocked(now time.Duration) (s SavedPeer, ok bool) {
	s = SavedPeer{Window: t.window.size, RTT: t.window.srtt, RTTVar: t.window.rttvar, Base: t.window.base}
	if t.v3 != nil && !t.v3.fixed {
		s.EngineID, s.Boots, s.Time, _ = t.EngineLocked(now)
	}
	return s, !t.window.unknown()
}

// RestoreLocked applies a state that was saved some time ago, but for values that are impossible.
func (t *Peer) RestoreLocked(s *SavedPeer, ago, now time.Duration) {
	t.window.restore(s, now)
	if u := t.v3; u != nil && u.security == nil && snmp.CheckEngineID(s.EngineID) == nil && s.Boots >= 0 && s.Time >= 0 {
		if security, err := u.user.Localize(s.EngineID); err == nil {
			u.security, u.accepted, u.since = security, true, now
			u.clock.Suggest(s.Boots, s.Time, now-ago)
		}
	}
}

// restore takes the round trip and the size, unless they are impossible.
func (w *window) restore(s *SavedPeer, now time.Duration) {
	plausible := func(d time.Duration) bool { return d > 0 && d <= maxRTT }
	if plausible(s.RTT) && plausible(s.Base) && s.RTTVar >= 0 && s.RTTVar <= maxRTT && s.Window >= 1 && s.Window <= MaxWindow {
		w.size, w.srtt, w.rttvar, w.base, w.baseSince = min(s.Window, float64(w.max)), s.RTT, s.RTTVar, s.Base, now
	}
}

// maxRTT is the longest round trip that a saved state may have.
const maxRTT = 10 * time.Minute
