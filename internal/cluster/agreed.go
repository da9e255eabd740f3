package cluster

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

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

// maxOwnedFile bounds the file with the names of owned shards.
const maxOwnedFile = 16 << 20

func (c *Cluster) ownedFile() string { return filepath.Join(c.config.Dir, "cluster-owned.json") }

// LastOwned returns the shards that this member owned when it was last seen to own any: those it polls after a start without
// quorum. Nothing may be committed or sent for them.
func (c *Cluster) LastOwned() ([]string, error) {
	info, err := os.Stat(c.ownedFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxOwnedFile {
		return nil, errors.New(c.ownedFile() + " is too large")
	}
	text, err := os.ReadFile(c.ownedFile())
	if err != nil {
		return nil, err
	}
	var names []string
	return names, json.Unmarshal(text, &names)
}

// rememberOwned writes the names of owned shards if they differ from those that were written last. A member that loses all,
// or that leaves, keeps the file.
func (c *Cluster) rememberOwned() {
	var names []string
	c.mu.Lock()
	for name, s := range c.shards {
		if s.state == owned {
			names = append(names, name)
		}
	}
	c.mu.Unlock()
	slices.Sort(names)
	if len(names) == 0 || c.draining.Load() || slices.Equal(names, c.remembered) {
		return
	}
	file := c.ownedFile()
	if err := os.WriteFile(file+".new", []byte(c.encode(names)), 0o600); err != nil {
		c.log.Warn("the shards of this member cannot be remembered for a start without quorum", "err", err)
		return
	}
	if err := os.Rename(file+".new", file); err != nil {
		c.log.Warn("the shards of this member cannot be remembered for a start without quorum", "err", err)
		return
	}
	c.remembered = names
}
