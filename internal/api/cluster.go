package api

import (
	"slices"
	"time"
)

// Cluster is the state of a cluster, as one of its members sees it. Without a cluster it has no members.
type Cluster struct {
	Name        string          `json:"name"`
	ID          string          `json:"id"`
	Member      string          `json:"member"`      // that answers
	Whole       bool            `json:"whole"`       // all shards have an owner, all voters live and vote, and nothing is in doubt or waits
	Coordinator string          `json:"coordinator"` // who writes the plan
	Leader      string          `json:"leader"`      // voter that leads the engine; empty: none answers
	EngineUp    bool            `json:"engine_up"`
	Session     float64         `json:"session_remaining_seconds"` // how long the member that answers owns its shards without the engine
	Members     []ClusterMember `json:"members"`
	Absent      []string        `json:"absent"`        // members that do not live; not the one that answers
	Voting      []string        `json:"voting"`        // servers of the engine that vote; none if nobody answers
	Differ      bool            `json:"voters_differ"` // voters from those of the configuration
	Unowned     []string        `json:"unowned"`       // shards without an owner
	InDoubt     []string        `json:"in_doubt"`      // shards with a commit that was not answered
	NotPolled   int             `json:"not_polled"`    // targets of shards without an owner
	Held        []ClusterHeld   `json:"held"`          // rules over several targets that wait for the samples of all
	Problems    []string        `json:"problems"`      // why it is not whole, and other things to look at, in sentences
}

// Roles names the parts of a member in the cluster.
func (c *Cluster) Roles(member string) (roles []string) {
	if slices.Contains(c.Voting, member) {
		roles = append(roles, "voter")
	}
	for _, role := range []struct{ name, member string }{{"leader", c.Leader}, {"coordinator", c.Coordinator}, {"answers", c.Member}} {
		if role.member == member {
			roles = append(roles, role.name)
		}
	}
	return roles
}

// ClusterHeld is a group of rules over several targets that stay as they are.
type ClusterHeld struct {
	Group  string    `json:"group"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

// ClusterMember is a member that lives.
type ClusterMember struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"` // of its port for members
	Zone     string    `json:"zone,omitempty"`
	Weight   float64   `json:"weight"`
	Version  string    `json:"version"`
	Config   string    `json:"config"` // hash of its configuration
	Started  time.Time `json:"started"`
	Draining bool      `json:"draining"` // it leaves
	Shards   int       `json:"shards"`
	Targets  int       `json:"targets"`
	Cost     float64   `json:"cost"`         // of its shards, in variable bindings per second
	Skew     float64   `json:"skew_seconds"` // how far its wall clock is behind
	Ends     time.Time `json:"certificate_ends,omitzero"`
}
