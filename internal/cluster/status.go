package cluster

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Status is the cluster as this member sees it. Lists are sorted, and never nil.
type Status struct {
	Name        string           `json:"name"`
	ID          string           `json:"id"`
	Member      string           `json:"member"` // this one
	Coordinator string           `json:"coordinator"`
	Leader      string           `json:"leader"` // voter that leads the engine
	Members     []MemberStatus   `json:"members"`
	Absent      []string         `json:"absent"`        // members of the plan, and voters, that do not live
	Voting      []string         `json:"voting"`        // servers of the engine that vote; none if nobody answers
	Differ      bool             `json:"voters_differ"` // from those of the configuration
	Unowned     []string         `json:"unowned"`       // shards of the configuration
	InDoubt     []string         `json:"in_doubt"`
	Session     float64          `json:"session_remaining_seconds"`
	EngineUp    bool             `json:"engine_up"`
	Taken       string           `json:"-"` // why this member has not joined if another process has its name
	Silent      map[string]error `json:"-"` // voters that do not answer this member, or reach no majority, with the reason
}

// MemberStatus is a living member.
type MemberStatus struct {
	Member
	Shards int     `json:"shards"`
	Cost   float64 `json:"cost"`
	Skew   float64 `json:"skew_seconds"` // how far its wall clock is behind that of this member
}

// Whole reports whether every shard has an owner, every voter lives and votes, and nothing is in doubt.
func (s *Status) Whole() bool {
	return s.Taken == "" && !s.Differ && len(s.Absent) == 0 && len(s.Unowned) == 0 && len(s.InDoubt) == 0 && s.EngineUp && s.Session > 0
}

// Status returns the state of the cluster. Only voters are asked.
func (c *Cluster) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	s := c.status()
	var asking sync.WaitGroup
	asking.Go(func() { s.Silent = c.engine.Silent(ctx) })
	servers, _ := c.engine.Servers(ctx)
	asking.Wait()
	s.Leader, s.Voting = servers.Leader, slices.AppendSeq(s.Voting, maps.Keys(servers.Voters))
	slices.Sort(s.Voting)
	s.Differ = c.settings.Etcd == nil && len(s.Voting) > 0 && !slices.Equal(s.Voting, slices.Sorted(slices.Values(c.settings.Members)))
	return s
}

// Taken returns why this member has not joined if another process has its name; else "".
func (c *Cluster) Taken() string { return c.contact.Taken() }

// Members returns the members that live, sorted by name.
func (c *Cluster) Members() (list []Member) {
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.view.members)) {
		list = append(list, c.view.members[name])
	}
	return list
}

// Absent returns the members of the plan, and voters, that do not live, sorted by name. This one is none of them.
func (c *Cluster) Absent() []string {
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	return c.absent()
}

// absent expects the view to be locked.
func (c *Cluster) absent() (list []string) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.view.plan.Members, c.settings.Members)))) {
		if _, lives := c.view.members[name]; !lives && name != c.settings.Member {
			list = append(list, name)
		}
	}
	return list
}

func (c *Cluster) status() Status {
	s := Status{Name: c.settings.Name, ID: c.ID(), Member: c.settings.Member, Session: c.Remaining().Seconds(), EngineUp: c.engine.Up(),
		Members: []MemberStatus{}, Absent: []string{}, Voting: []string{}, Unowned: []string{}, InDoubt: append([]string{}, c.InDoubt()...)}
	shards := c.shardsToOwn()
	v := c.view
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Coordinator, s.Taken = v.coordinator.member, c.contact.Taken()
	of := map[string]int{}
	for _, o := range v.owners {
		of[o.member]++
	}
	for _, name := range slices.Sorted(maps.Keys(v.members)) {
		m := MemberStatus{Member: v.members[name], Shards: of[name], Skew: v.skew[name].Seconds()}
		for _, cost := range v.costs[name] {
			m.Cost += cost
		}
		s.Members = append(s.Members, m)
	}
	s.Absent = append(s.Absent, c.absent()...)
	for _, shard := range shards {
		if _, ok := v.owners[shard.Name]; !ok {
			s.Unowned = append(s.Unowned, shard.Name)
		}
	}
	slices.Sort(s.Unowned)
	return s
}
