package mux

import "time"

// Stats counts the requests and bindings of one Poll.
type Stats struct {
	Packets  int // requests sent, retransmissions included
	Retries  int
	VarBinds int
	Bytes    int // octets of the answers that were held
	Path     Path

	Progress *Progress // nil once the Poll has ended
}

// Path describes the way to a target and its agent, at the end of a Poll over UDP. The zero
// value is that of a target that never answered.
type Path struct {
	RTT         time.Duration // smoothed round trip (RFC 6298)
	Window      float64       // requests before the target at once
	MaxBindings int           // that the agent puts into one answer; 0: no limit was met but the packet's size
}

// Add adds the counters of another Poll, the later of the two.
func (s *Stats) Add(t Stats) {
	if t.Path != (Path{}) {
		s.Path = t.Path
	}
	s.Packets += t.Packets
	s.Retries += t.Retries
	s.VarBinds += t.VarBinds
	s.Bytes += t.Bytes
}
