package member

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"trapline/internal/cluster/peer"
	"trapline/internal/poller"
)

// Peers returns the other members that live.
func (m *Member) Peers() (list []peer.Member) {
	for _, o := range m.cluster.Members() {
		if o.Name != m.name {
			list = append(list, peer.Member{Name: o.Name, URL: o.URL})
		}
	}
	return list
}

// Absent returns the names of the members that do not live.
func (m *Member) Absent() []string { return m.cluster.Absent() }

// Targets returns all targets of the configuration.
func (m *Member) Targets() []*poller.Target { return m.options.Running().Targets }

// Elsewhere returns the targets that this member does not poll, each with the member that does: one without a name if nobody
// does.
func (m *Member) Elsewhere() map[*poller.Target]peer.Member {
	w := m.options.Running()
	m.mu.Lock()
	defer m.mu.Unlock()
	others := map[*poller.Target]peer.Member{}
	for _, t := range w.Targets {
		if shard := m.shardOf(t.Name); !m.owned[shard] && !m.polled[shard] {
			others[t] = m.Owner(shard)
		}
	}
	return others
}

// Target returns a target of the configuration, nil if there is none of the name, and the member that polls it: one without
// a name if nobody does.
func (m *Member) Target(name string) (*poller.Target, peer.Member) {
	t := m.count(m.options.Running()).named[name]
	if t == nil {
		return nil, peer.Member{}
	}
	return t, m.Owner(m.shardOf(name))
}

// Web returns host and port of the HTTP server of the member that polls a target, "" if they are not known.
func (m *Member) Web(target string) string {
	owner, _ := m.cluster.Owner(m.shardOf(target))
	return owner.Web
}

// Has reports whether the configuration has a target of a name, whoever polls it; never without a cluster.
func (m *Member) Has(name string) bool {
	return m != nil && m.count(m.options.Running()).named[name] != nil
}

// Holder returns the member that has the alarms of a target, which need not be in the configuration, or if it is "" what is of
// none: one without a name if none does.
func (m *Member) Holder(target string) peer.Member { return m.Owner(m.ShardOf()(target)) }

// Owner returns the member that owns a shard; one without a name if none does.
func (m *Member) Owner(shard string) peer.Member {
	owner, _ := m.cluster.Owner(shard)
	return peer.Member{Name: owner.Name, URL: owner.URL}
}

// Owned returns the shards that this member owns, sorted.
func (m *Member) Owned() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.owned))
}

// Name is the name of this member; "" if m is nil.
func (m *Member) Name() string {
	if m == nil {
		return ""
	}
	return m.name
}

// Open asks another member.
func (m *Member) Open(ctx context.Context, q *peer.Request) (*http.Response, error) {
	return m.client.Open(ctx, q)
}

// PassOn has the owner of a target answer a scrape by a path, if another member is. It reports whether there is an answer.
func (m *Member) PassOn(w http.ResponseWriter, r *http.Request, target, path string) bool {
	if m == nil {
		return false
	}
	configured, owner := m.Target(target)
	unavailable := func(format string, args ...any) bool {
		http.Error(w, fmt.Sprintf(format, args...), http.StatusServiceUnavailable)
		return true
	}
	switch owner.Name {
	case "":
		return configured != nil && unavailable("no member of the cluster polls the target at the moment")
	case m.name:
		return unavailable("this member is about to poll the target")
	}
	answer, err := m.client.Scrape(r, owner, path, peer.MaxScrape)
	if err != nil {
		return unavailable("member %s of the cluster, which polls the target, does not answer: %v", owner.Name, err)
	}
	answer.Write(w)
	return true
}

// freshWait is how long the owner of a device is waited for, which need not be polled for the answer.
const freshWait = 2 * time.Second

// Fresh has the owner of a device answer by a path, if another member is and has an answer. It reports whether it had.
func (m *Member) Fresh(w http.ResponseWriter, r *http.Request, t *poller.Target, path string) bool {
	if m == nil {
		return false
	}
	c := m.count(m.options.Running())
	polled := c.named[t.Name]
	if polled == nil {
		polled = c.addressed[t.Spec.Address]
	}
	if polled == nil {
		return false
	}
	_, owner := m.Target(polled.Name)
	if owner.Name == "" || owner.Name == m.name {
		return false
	}
	answer, err := m.client.Scrape(r, owner, path, freshWait)
	if err != nil || answer.Status != http.StatusOK {
		return false
	}
	answer.Write(w)
	return true
}
