package cluster

import (
	"encoding/json"
	"time"
)

// held is the last tenure of a shard by a member.
type held struct {
	from     time.Duration
	deadline time.Duration // as it knew it when it sent
	ended    bool          // it says so
}

// note keeps the books, and acknowledges events.
func (m *trio) note(p *process, s said) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.signal()
	switch s.Is {
	case "coordinator":
		p.coordinator = s.Shard == "true"
	case "leader":
		p.leader = s.Shard == "true"
	case "silent":
		p.silent = s.Shard == "true"
	case "took":
		m.took(p, s)
	case "dropped", "lost":
		if m.owners[s.Shard] == p.name {
			delete(m.owners, s.Shard)
		}
		if h := m.tenures[s.Shard][p.name]; h != nil {
			h.ended = true
		}
	case "committed":
		m.commits[s.Shard] = max(m.commits[s.Shard], s.N)
	case "removed":
		if m.removed[s.Shard] == nil {
			m.removed[s.Shard] = map[uint64]bool{}
		}
		m.removed[s.Shard][s.N] = true
	case "beat":
		m.transmitted(p, s)
	case "sent":
		m.received(p, s)
	}
}

// took checks a take: the deadline of whoever had the shard is over, or it has released it.
func (m *trio) took(p *process, s said) {
	m.owners[s.Shard] = p.name
	of := m.tenures[s.Shard]
	if of == nil {
		of = map[string]*held{}
		m.tenures[s.Shard] = of
	}
	for other, h := range of {
		if other != p.name && !h.ended && s.At < h.deadline {
			m.fault("%s took shard %s %v before the deadline of %s", p.name, s.Shard, h.deadline-s.At, other)
		}
	}
	of[p.name] = &held{from: s.At}
}

// transmitted checks a transmission: it is by the owner, and with the consent of a majority.
func (m *trio) transmitted(p *process, s said) {
	mine := m.tenures[s.Shard][p.name]
	for other, h := range m.tenures[s.Shard] {
		if other != p.name && h.from < s.At && (mine == nil || h.from > mine.from) {
			m.fault("%s sent for shard %s %v after %s had taken it", p.name, s.Shard, s.At-h.from, other)
		}
	}
	if mine != nil {
		mine.deadline = s.At + s.Left
	}
	if m.limit != 0 && s.At > m.limit {
		m.fault("%s sent for shard %s without quorum", p.name, s.Shard)
	}
}

// received checks an event: it comes in order, and not after it was removed.
func (m *trio) received(p *process, s said) {
	m.transmitted(p, s)
	if m.removed[s.Shard][s.N] {
		m.fault("%s sent event %d of shard %s after it had been removed", p.name, s.N, s.Shard)
	}
	of := m.sent[s.Shard]
	if of == nil {
		of = map[uint64]int{}
		m.sent[s.Shard] = of
	}
	if of[s.N] == 0 {
		m.events++
		if s.N > 1 && of[s.N-1] == 0 {
			m.fault("event %d of shard %s came before event %d", s.N, s.Shard, s.N-1)
		}
	} else {
		m.repeats++
	}
	of[s.N]++
	if !m.mute {
		text, _ := json.Marshal(said{Is: "ack", Shard: s.Shard, N: s.N})
		go func() { _, _ = p.in.Write(append(text, '\n')) }() // a process that is stopped does not read
	}
}
