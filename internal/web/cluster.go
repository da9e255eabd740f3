package web

import (
	"net/http"
	"strings"

	"trapline/internal/api"
)

// clusterData is the page of the cluster.
type clusterData struct {
	api.Cluster
	Configs int // different configurations of the members
}

func (s *Site) cluster(w http.ResponseWriter, r *http.Request) error {
	data := &clusterData{}
	if s.source.Cluster != nil {
		var err error
		if data.Cluster, err = s.source.Cluster(r.Context()); err != nil {
			return err
		}
	}
	hashes := map[string]bool{}
	for i := range data.Members {
		hashes[data.Members[i].Config] = true
	}
	data.Configs = len(hashes)
	return s.show(w, r, "cluster", s.view(r, "u", "Cluster", data))
}

// Is names the roles of a member.
func (d *clusterData) Is(m api.ClusterMember) string {
	var roles []string
	for _, role := range []struct{ name, member string }{{"leader", d.Leader}, {"coordinator", d.Coordinator}, {"answers", d.Member}} {
		if role.member == m.Name {
			roles = append(roles, role.name)
		}
	}
	return strings.Join(roles, ", ")
}

// State is that of a member in one word.
func (d *clusterData) State(m api.ClusterMember) string {
	if m.Draining {
		return "leaving"
	}
	return "online"
}

// Ahead is how many seconds the clock of a member is ahead of the one that answers.
func (*clusterData) Ahead(m api.ClusterMember) float64 { return -m.Skew }

// Skewed reports whether alarms of a member may have times that differ.
func (*clusterData) Skewed(m api.ClusterMember) bool { return m.Skew > maxSkew || m.Skew < -maxSkew }

// maxSkew is in seconds.
const maxSkew = 1

// Short is the beginning of the hash of a configuration.
func (*clusterData) Short(hash string) string { return hash[:min(len(hash), 12)] }

// shownShards is how many shards a page names.
const shownShards = 20

// Shards names the first shards of a list.
func (*clusterData) Shards(list []string) string {
	text := strings.Join(list[:min(len(list), shownShards)], ", ")
	if len(list) > shownShards {
		text += ", …"
	}
	return text
}
