package web

import (
	"net/http"
	"strings"

	"trapline/internal/api"
	"trapline/internal/human"
)

// clusterData is the page of the cluster.
type clusterData struct{ api.Cluster }

func (s *Site) cluster(w http.ResponseWriter, r *http.Request) error {
	data := &clusterData{}
	if s.source.Cluster != nil {
		var err error
		if data.Cluster, err = s.source.Cluster(r.Context()); err != nil {
			return err
		}
	}
	return s.show(w, r, "cluster", s.view(r, "u", "Cluster", data))
}

// Is names the roles of a member.
func (d *clusterData) Is(m api.ClusterMember) string { return strings.Join(d.Roles(m.Name), ", ") }

// State is that of a member in one word.
func (d *clusterData) State(m api.ClusterMember) string {
	switch {
	case d.Session <= 0 && m.Name != d.Member: // as it was last seen
		return "unknown"
	case m.Draining:
		return "leaving"
	}
	return "online"
}

// Ahead is how many seconds the clock of a member is ahead of the one that answers.
func (*clusterData) Ahead(m api.ClusterMember) string { return human.Ahead(-m.Skew) }

// Skewed reports whether alarms of a member may have times that differ.
func (*clusterData) Skewed(m api.ClusterMember) bool { return m.Skew > maxSkew || m.Skew < -maxSkew }

// maxSkew is in seconds.
const maxSkew = 1

// Short is the beginning of the hash of a configuration.
func (*clusterData) Short(hash string) string { return hash[:min(len(hash), 12)] }
