package cluster

import "time"

// ConfigAgreed returns how long all living members have had the configuration of this member; 0 if one has another. Alarms of
// targets and rules that this member does not know are settled only then: a file that changes from member to member clears
// nothing.
func (c *Cluster) ConfigAgreed() time.Duration {
	since := c.agreed.Load()
	if since == 0 {
		return 0
	}
	return c.clock() - time.Duration(since)
}

// compareConfigs notes since when all members have our configuration.
func (c *Cluster) compareConfigs() {
	switch same := c.view.allHave(c.self().Config); {
	case !same:
		c.agreed.Store(0)
	case c.agreed.Load() == 0:
		c.agreed.Store(int64(c.clock()))
	}
}

// allHave reports whether all living members have a configuration with this hash, of which there is at least one.
func (v *view) allHave(hash string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.members {
		if m.Config != hash {
			return false
		}
	}
	return v.loaded && len(v.members) > 0
}
