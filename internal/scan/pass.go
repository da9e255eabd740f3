package scan

import (
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"trapline/internal/snmp"
	"trapline/internal/sweep"
)

// question is a pass over the networks.
type question struct {
	name      string
	community *credential // nil: the engine discovery
	nth       int         // community that a silent address is sent, from 1
}

// discovery is the name of passes with the engine discovery.
const discovery = "engine discovery"

// plan returns the passes: the engine discovery, which needs no secret, then each community to those that are silent.
// A device counts each datagram with a wrong community as a login, so a second one is sent only where MaxFailures allows.
func (s *Scan) plan() (plan []question) {
	var communities []*credential
	v3 := false
	for _, c := range s.credentials {
		if c.v3() {
			v3 = true
		} else {
			communities = append(communities, c)
		}
	}
	if v3 || s.o.Discover || s.o.AliveOnly {
		for range s.o.Retries + 1 {
			plan = append(plan, question{name: discovery})
		}
	}
	h, discoveries := s.state.header, len(plan)
	due := s.o.AskSilent || h.Communities.IsZero() || h.Begun.Sub(h.Communities) >= failureMemory || h.Communities.Equal(h.Begun)
	if s.o.AliveOnly && len(s.o.Alive) == 0 || !due && !s.o.Listed || len(communities) == 0 {
		return plan
	}
	if s.o.Listed {
		return append(plan, s.listedPlan(communities)...)
	}
	for i := range min(len(communities), s.o.MaxFailures) {
		c := communities[(h.Rotation+i)%len(communities)]
		for range min(s.o.Retries+1, s.o.MaxFailures/min(len(communities), s.o.MaxFailures)) {
			plan = append(plan, question{name: "auth " + c.Name, community: c, nth: len(plan) - discoveries + 1})
		}
	}
	return plan
}

var anyObject = snmp.AppendVarBind(nil, snmp.VarBind{Name: sysObjectID, Type: snmp.Null})

// announcedSize is the largest message that an answer to a discovery may have.
const announcedSize = 65507

// pass asks all addresses of the networks one question.
func (s *Scan) pass(ctx context.Context, q *question, number, from int) error {
	if q.community != nil {
		s.working.Wait() // who takes no user is asked with communities by its device
		s.state.setHeader(func(h *header) { h.Communities = h.Begun })
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	s.progress.Pass = q.name
	s.mu.Unlock()
	p := &sweep.Pass{
		Order: s.order, From: from, Question: q.name, Timeout: s.o.Timeout, Skip: func(a netip.Addr) bool { return s.skips(ctx, a, q) },
		Request: func(b []byte, id int32) []byte { return snmp.AppendDiscovery(b, id, announcedSize) },
		Refused: func(a netip.Addr) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused[a] = true
		},
		Answered: func(a netip.Addr, id func(string) int32, data []byte) { s.heardEngine(ctx, a, id(discovery), data) },
		Sending:  func(position int) error { return s.sending(q, number, position) },
		Settled: func(position int) {
			if q.community == nil {
				_ = s.state.setPosition(number, position)
			}
		},
	}
	if c := q.community; c != nil {
		p.Request = func(b []byte, id int32) []byte {
			return snmp.AppendMessage(b, &snmp.Message{Version: c.principal.Version, Community: c.principal.Community, PDU: snmp.GetRequest, RequestID: id, VarBinds: anyObject})
		}
		s.mu.Lock()
		s.asked, s.sent = append(s.asked, q), from
		s.mu.Unlock()
		p.Answered = func(a netip.Addr, id func(string) int32, data []byte) {
			if snmp.PeekVersion(data) == snmp.V3 { // late
				s.heardEngine(ctx, a, id(discovery), data)
			} else {
				s.heardCommunity(ctx, a, id, data)
			}
		}
	}
	if err := s.sweeper.Run(ctx, p); err != nil {
		return err
	}
	return s.state.setPosition(number+1, 0)
}

// sending notes up to which position addresses are asked next. A community is noted before it is sent: after a restart no
// address sees it once more, not even one whose answer a kill has lost. A discovery costs nothing, and is noted when its
// answers have come.
func (s *Scan) sending(q *question, number, position int) error {
	s.mu.Lock()
	s.sent = position
	s.progress.Done = number*s.o.Range.Size() + int(int64(position)*int64(s.o.Range.Size())/int64(s.order.Len()))
	s.mu.Unlock()
	if q.community == nil {
		return nil
	}
	return s.state.setPosition(number, position)
}

// sentLocked reports whether an address may have been sent the community of a pass of this sweep.
func (s *Scan) sentLocked(q *question, a netip.Addr) bool {
	if q != s.asked[len(s.asked)-1] {
		return true
	}
	position, ok := s.order.Position(a)
	return ok && position < s.sent
}

// skips reports whether an address is not asked in a pass: it is a target's, nobody listens there, or it answered once
// and is asked by its device.
func (s *Scan) skips(ctx context.Context, a netip.Addr, q *question) bool {
	if s.o.Taken[a] {
		return true
	}
	s.mu.Lock()
	claimed := s.claimed[a]
	known := s.refused[a] || s.at[a] != nil || q.community != nil && len(claimed) > 0 && !slices.ContainsFunc(claimed, func(c *credential) bool { return sameLogin(c, q.community) })
	s.mu.Unlock()
	if known {
		return true
	}
	if q.community != nil && s.o.AliveOnly && !s.o.Alive[a] {
		return true
	}
	r, ok := s.state.record(a)
	if s.o.Listed {
		return s.skipsListed(ctx, a, &r, q)
	}
	if theirs := s.others.of(a); s.o.Now().Before(theirs.Until) || q.community != nil && len(theirs.Failed)+q.nth > s.o.MaxFailures {
		return true
	}
	return ok && (q.community != nil || r.Auth != "" || s.o.Now().Before(r.Guard.Until) || !r.Asked.Before(s.state.header.Begun))
}

// claim notes the credential of a device that says to have other addresses: these see no other community than that.
func (s *Scan) claim(o Observation, c *credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range o.Facts.Addresses {
		if a != o.Address && a != localhost && o.has(a) && len(s.claimed[a]) < maxClaims && !slices.Contains(s.claimed[a], c) {
			s.claimed[a] = append(s.claimed[a], c)
		}
	}
}

// maxClaims bounds the credentials of devices that say to have one address.
const maxClaims = 16

// heardEngine takes an answer to the engine discovery.
func (s *Scan) heardEngine(ctx context.Context, a netip.Addr, id int32, data []byte) {
	o, err := snmp.OpenDiscovery(data)
	if err != nil || o.ID != id || s.o.Taken[a] {
		return
	}
	now := s.o.Now()
	s.join(ctx, a, hex.EncodeToString(o.EngineID), o.Boots, now.Add(-time.Duration(o.Time)*time.Second))
}

// heardCommunity takes an answer to a community: to that of this pass, or late to that of one before.
func (s *Scan) heardCommunity(ctx context.Context, a netip.Addr, id func(question string) int32, data []byte) {
	m, err := snmp.ParseMessage(data)
	if err != nil || m.PDU != snmp.Response || s.o.Taken[a] {
		return
	}
	s.mu.Lock()
	asked := s.asked
	s.mu.Unlock()
	i := slices.IndexFunc(asked, func(q *question) bool { return id(q.name) == m.RequestID })
	if i < 0 {
		return
	}
	c := asked[i].community
	s.mu.Lock()
	d := s.at[a]
	if d == nil && len(s.at) < maxFound {
		d = &device{members: []netip.Addr{a}}
		s.at[a] = d
	}
	seen := d == nil || d.known || s.accepts[a]
	s.mu.Unlock()
	if seen || !s.accepted(a, c) {
		return
	}
	s.mu.Lock() // its engine may have answered before, and others of its addresses wait
	d.worked = c
	d.guard.AcceptedLate()
	s.saveLocked(d)
	s.mu.Unlock()
	s.read(ctx, a, c)
}

// read has the facts of an address read that accepts a login.
func (s *Scan) read(ctx context.Context, a netip.Addr, c *credential) {
	s.working.Go(func() {
		if s.enter(ctx) {
			defer s.leave()
			s.readDevice(ctx, a, c)
		}
	})
}

// enter waits for a place among the logins under way.
func (s *Scan) enter(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case s.logins <- struct{}{}:
		return true
	}
}

func (s *Scan) leave() { <-s.logins }
