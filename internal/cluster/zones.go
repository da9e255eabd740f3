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

// Siblings returns the shards that may have records of the targets of another one, which had another zone: a target has the same
// number in each.
func (c *Cluster) Siblings(shard string) (list []string) {
	number, ok := plan.Number(shard)
	if !ok {
		return nil
	}
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	for zone := range c.view.zones {
		if name := plan.Name(zone, number); name != shard {
			list = append(list, name)
		}
	}
	return list
}

// Planned reports whether a shard has an owner, or will: a member of its zone lives.
func (c *Cluster) Planned(shard string) bool {
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	_, owned := c.view.owners[shard]
	return owned || c.view.plan.Owners[shard] != ""
}
