package cluster

import "trapline/internal/cluster/plan"

// ZonesWithout returns the zones of the configuration that have targets, each with the number of those that nobody polls
// because no member of the zone lives: 0 if one does.
func (c *Cluster) ZonesWithout() map[string]int {
	targets, weight := map[string]int{}, map[string]float64{}
	for _, s := range c.config.Shards() {
		if zone, ok := plan.Zone(s.Name); ok && zone != "" && s.Cost > 0 {
			targets[zone] += int(s.Cost)
		}
	}
	for _, m := range c.view.livingMembers() {
		if !m.Draining {
			weight[m.Zone] += m.Weight
		}
	}
	for zone := range targets {
		if weight[zone] > 0 {
			targets[zone] = 0
		}
	}
	return targets
}
