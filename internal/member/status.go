package member

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/cluster"
	"trapline/internal/cluster/certificate"
	"trapline/internal/cluster/plan"
	"trapline/internal/human"
)

// Status returns the state of the cluster: one without members if m is nil.
func (m *Member) Status(ctx context.Context) (api.Cluster, error) {
	if m == nil {
		return api.Cluster{Members: []api.ClusterMember{}, Absent: []string{}, Voting: []string{}, Unowned: []string{}, InDoubt: []string{}, Held: []api.ClusterHeld{}, Problems: []string{}}, nil
	}
	s := m.cluster.Status(ctx)
	c := api.Cluster{Name: s.Name, ID: s.ID, Member: s.Member, Coordinator: s.Coordinator, Leader: s.Leader, Whole: s.Whole(), EngineUp: s.EngineUp,
		Session: s.Session, Members: []api.ClusterMember{}, Absent: s.Absent, Voting: s.Voting, Differ: s.Differ, Unowned: s.Unowned, InDoubt: s.InDoubt}
	targets := map[string]int{}
	for name := range m.count(m.options.Running()).named {
		owner, _ := m.cluster.Owner(m.shardOf(name))
		targets[owner.Name]++
	}
	c.NotPolled, c.Held = targets[""], m.held(ctx)
	c.Whole = c.Whole && len(c.Held) == 0
	for _, o := range s.Members {
		c.Members = append(c.Members, api.ClusterMember{Name: o.Name, URL: o.URL, Zone: o.Zone, Weight: o.Weight, Version: o.Version, Config: o.Config, Started: o.Started,
			Draining: o.Draining, Shards: o.Shards, Targets: targets[o.Name], Cost: o.Cost, Skew: o.Skew, Ends: o.Ends})
	}
	c.Problems = append(m.concerns(s.Silent), m.details(&s, &c)...)
	return c, nil
}

// readyWait is how long after its start a member is not ready because it has not joined: whatever restarts members one after
// the other waits for it. Later it serves the targets that it polls, also without the voters.
const readyWait = 30 * time.Second

// Ready returns an error while the member starts: the others may need it to have a majority. m may be nil.
func (m *Member) Ready() error {
	if m == nil || m.cluster.Ready() || time.Since(m.started) > readyWait {
		return nil
	}
	return errors.New("this member has not joined yet: trapline cluster status says why")
}

// Concerns returns, in sentences, what there is to be done about the cluster, as far as this member knows without asking.
func (m *Member) Concerns() []string { return m.concerns(nil) }

// concerns is Concerns, with the reasons why voters do not answer.
func (m *Member) concerns(silent map[string]error) []string {
	list := []string{}
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if taken := m.cluster.Taken(); taken != "" {
		add("%s.", human.Capitalized(taken))
	} else if !m.cluster.MaySend() {
		add("Member %s does not reach a majority of the voters: it polls the targets that it had, and no alarm is stored or sent.", m.name)
		return append(list, m.certified()...) // whatever it knows of others is of before
	}
	if !m.cluster.Stores() {
		add("The voters store nothing that member %s commits: no new alarm is stored or sent. Look at their disks.", m.name)
	}
	for _, name := range m.cluster.Absent() {
		if err := silent[name]; err != nil {
			add("Member %s of the cluster is absent: %v.", name, err)
		} else {
			add("Member %s of the cluster is absent.", name)
		}
	}
	for zone, n := range m.cluster.ZonesWithout() {
		if n > 0 {
			add("No member of the zone %s lives: %s not polled.", zone, human.Count(n, "target is", "targets are"))
		}
	}
	hash := m.options.Running().Shared()
	for _, o := range m.cluster.Members() {
		if o.Config != hash && o.Name != m.name {
			add("Member %s has another configuration than %s: compare their files, and reload or restart.", o.Name, m.name)
		}
		if o.Name != m.name && certificate.EndsSoon(o.Ends, time.Now()) {
			add("The certificate of member %s ends at %s: replace its cert_file and key_file, which are read again.", o.Name, o.Ends.UTC().Format(time.RFC3339))
		}
	}
	skews := m.cluster.Skewed()
	for _, name := range slices.Sorted(maps.Keys(skews)) {
		way := "behind"
		if skews[name] < 0 {
			way = "ahead of"
		}
		add("The clock of member %s is %v %s that of %s: set the clocks of all by NTP.", name, skews[name].Abs().Round(time.Second/10), way, m.name)
	}
	return append(list, m.certified()...)
}

// Missing returns, in sentences, which alarms no member has at the moment, and whether those of this one are of before.
func (m *Member) Missing() (list []string) {
	if !m.cluster.MaySend() {
		return []string{fmt.Sprintf("member %s does not reach a majority of the voters of the cluster: alarms are as they were, and none is stored or sent but TraplineWithoutQuorum", m.name)}
	}
	n := 0
	for shard, targets := range m.count(m.options.Running()).having {
		if _, owned := m.cluster.Owner(shard); !owned {
			n += len(targets)
		}
	}
	if n > 0 {
		list = append(list, fmt.Sprintf("no member of the cluster has the alarms of %s at the moment", human.Counted(n, "target")))
	}
	return list
}

// certified returns why others refuse our certificate, or will soon.
func (m *Member) certified() []string {
	if problem := m.cluster.Certificate().Problem; problem != nil {
		return []string{human.Capitalized(problem.Error()) + "."}
	}
	return nil
}

// details returns what only is known by asking.
func (m *Member) details(s *cluster.Status, c *api.Cluster) (list []string) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	answers := s.Session > 0
	voters := m.options.Settings.Members
	if err := s.Silent[m.name]; err != nil {
		add("The engine of %s is not ready: %v.", m.name, err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Silent)) {
		if name != m.name && (!answers || !slices.Contains(s.Absent, name)) {
			add("Voter %s: %v.", name, s.Silent[name])
		}
	}
	answering := slices.DeleteFunc(slices.Clone(s.Voting), func(name string) bool { return s.Silent[name] != nil })
	if n, all := len(answering), len(s.Voting); answers && n < all && n == all/2+1 {
		add("%d of %d voters answer: with one less no alarm is stored or sent.", n, all)
	}
	if s.Differ {
		add("%s", differing(m.name, s.Voting, voters))
	}
	switch {
	case !answers: // owners are as they were
	case c.NotPolled > 0:
		add("%s no owner yet.", human.Count(c.NotPolled, "target has", "targets have"))
	case len(c.Unowned) > 0:
		add("%s no owner yet: all targets are polled.", human.Count(len(c.Unowned), "shard without targets has", "shards without targets have"))
	}
	if len(c.InDoubt) > 0 {
		add("It is unknown whether a change of %s is stored: it is repeated until the voters answer.", human.Counted(len(c.InDoubt), "shard"))
	}
	for _, h := range c.Held {
		add("The rules of group %s over several targets wait: %s.", h.Group, strings.ReplaceAll(h.Reason, "\n", "; "))
	}
	return list
}

// differing says how the voters of the engine differ from those of the configuration of a member, which it has since its start: the file
// may have others by now, as when a voter is replaced.
func differing(member string, voting, configured []string) string {
	missing, more := plan.Without(configured, voting), plan.Without(voting, configured)
	text := fmt.Sprintf("The voters are %s, and cluster.members of %s has ", strings.Join(voting, ", "), member)
	switch {
	case len(more) == 0:
		return text + strings.Join(missing, ", ") + " too: a voter without data votes some seconds after its start."
	case len(missing) == 0:
		return text + fmt.Sprintf("no %s: write the list of the voters into its file and restart it. For %s to vote no more, run trapline cluster replace %s.",
			strings.Join(more, ", "), more[0], more[0])
	}
	return text + fmt.Sprintf("%s in the place of %s: write the list of the voters into its file and restart it. For %s to vote in the place of %s, run trapline cluster replace %s %s.",
		strings.Join(missing, ", "), strings.Join(more, ", "), missing[0], more[0], more[0], missing[0])
}
