package scan

import (
	"context"
	"net/netip"
	"time"
)

// A scan of addresses that others have named sweeps another range each time, as more of them come in. What one sweep
// notes of a network as a whole, that silent addresses were sent communities, is noted here of each address: in its
// guard, before the community is sent, as if it were a login to a device.

// maxSilent is how many silent addresses are remembered for longer than their communities need.
const maxSilent = 200_000

// listedPlan returns the passes with communities. The guard of each address says which of them it is sent.
func (s *Scan) listedPlan(communities []*credential) (plan []question) {
	tries := min(s.o.Retries+1, max(1, s.o.MaxFailures/len(communities)))
	for _, c := range communities {
		for range tries {
			plan = append(plan, question{name: "auth " + c.Name, community: c})
		}
	}
	return plan
}

// space waits between two passes with communities as between failed logins.
func (s *Scan) space(ctx context.Context, plan []question, n int) error {
	if !s.o.Listed || n == 0 || plan[n].community == nil || plan[n-1].community == nil {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(max(0, s.o.Spacing-s.o.Timeout)):
		return nil
	}
}

// skipsListed reports whether an address is not asked in a pass, and notes it otherwise.
func (s *Scan) skipsListed(ctx context.Context, a netip.Addr, r *Record, q *question) bool {
	now, begun := s.o.Now(), s.state.header.Begun
	if r.Auth != "" || now.Before(r.Guard.Until) || !r.Asked.Before(begun) {
		return true
	}
	if q.community == nil || r.Engine != "" { // a device that has answered is asked as such
		return q.community != nil
	}
	digest := q.community.digest
	noted := false
	err := s.others.alone(ctx, func() {
		noted = s.state.updateIf(a, func(r *Record) bool {
			g := &r.Guard
			if r.Engine != "" { // it answered meanwhile
				return false
			}
			again := g.Open == digest
			if g.Open != "" && !again {
				g.Silent(now)
			}
			all := g.clone()
			s.others.add(&all, &device{members: []netip.Addr{a}}, now, true)
			if _, ok := all.MayTry(digest, &s.bounds, again, now); !ok {
				return false
			}
			g.forget(now)
			g.Begin(digest, now)
			return true
		})
	})
	return err != nil || !noted
}

// noteProbed notes that all addresses of the range were asked. The state is locked.
func (s *Scan) noteProbed(now time.Time) {
	for position := range s.order.Len() {
		a, ok := s.order.At(position)
		if !ok || s.o.Taken[a] {
			continue
		}
		r := s.state.records[a]
		if r == nil {
			r = &Record{Address: a}
			s.state.records[a] = r
		}
		if r.Probed = now; r.Auth == "" && r.Engine == "" && r.Guard.Open != "" {
			r.Guard.Silent(now)
		}
	}
}

// keeps reports whether a record stays as it is: only a whole sweep of what is known misses devices. Silent addresses
// that nobody names are forgotten when no credential is held back from them.
func (s *Scan) keeps(a netip.Addr, r *Record) bool {
	if s.o.Range.Contains(a) {
		return s.o.Partial
	}
	if r.Auth != "" || r.Engine != "" {
		return s.o.Partial
	}
	age := s.o.Now().Sub(r.Probed)
	return age < failureMemory || age < refusalMemory && len(s.state.records) <= maxSilent
}

// Settled returns when addresses were asked that need not be asked again before a whole sweep, unless the auths are others.
func (s *Scan) Settled() map[netip.Addr]time.Time {
	settled := map[netip.Addr]time.Time{}
	if s.state.header.Of != s.o.Of {
		return settled
	}
	for _, r := range s.records() {
		if at := r.Probed; r.Auth != "" || !at.IsZero() {
			settled[r.Address] = at
		}
	}
	return settled
}

// Known returns the addresses that accept a login.
func (s *Scan) Known() (list []netip.Addr) {
	for _, r := range s.records() {
		if r.Auth != "" {
			list = append(list, r.Address)
		}
	}
	return list
}
