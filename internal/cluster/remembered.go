package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"trapline/internal/setting"
	"trapline/internal/statedir"
)

// maxOwnedFile bounds the file with the names of owned shards.
const maxOwnedFile = 16 << 20

func (c *Cluster) ownedFile() string { return filepath.Join(c.config.Dir, "cluster-owned.json") }

// lastOwned returns the shards that this member owned when it was last seen to own any.
func (c *Cluster) lastOwned() ([]string, error) {
	text, err := setting.ReadFile(c.ownedFile(), maxOwnedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
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
	if err := statedir.ReplaceFile(c.ownedFile(), []byte(encode(names))); err != nil {
		c.throttled.Warn("the names of the shards of this member cannot be written: a start without a majority of the voters would poll nothing", "err", err)
		return
	}
	c.remembered = names
}

// poll has the shards of the last run polled if the engine does not answer within a lease of the start, each until it has an
// owner. They may have one already that this member cannot reach: a device that is polled twice harms little.
func (c *Cluster) poll(ctx context.Context) error {
	if c.config.Poll == nil || c.config.Dir == "" {
		return nil
	}
	changed := make(chan struct{}, 1)
	c.view.subscribe(changed)
	for late := time.After(c.settings.Lease.Duration); late != nil; {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			if _, loaded := c.view.coordinating(); loaded {
				return nil
			}
		case <-late:
			late = nil
		}
	}
	names, err := c.lastOwned()
	if err != nil {
		c.log.Warn("the shards of the last run cannot be read, and are not polled until the engine answers", "err", err)
		return nil
	}
	if len(names) == 0 {
		return nil
	}
	c.log.Warn("no majority of the voters answers: the shards of the last run are polled, and nothing is sent for them", "shards", len(names))
	c.config.Poll(names)
	tick := time.NewTicker(time.Second) // a shard that was taken makes no change of the view
	defer tick.Stop()
	for len(names) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-tick.C:
		}
		left := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return c.Owns(name) || c.view.elsewhere(name, c.settings.Member) })
		if len(left) < len(names) {
			names = left
			c.config.Poll(names)
		}
	}
	return nil
}

// elsewhere reports whether a shard belongs to another member, or should.
func (v *view) elsewhere(shard, member string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if o, ok := v.owners[shard]; ok {
		return o.member != member
	}
	return v.planned && v.plan.Owners[shard] != member
}
