package runtimeconfig

import (
	"slices"

	"trapline/internal/discovery"
	"trapline/internal/poller"
)

// Lists returns the configuration of the lists of targets.
func (w *Config) Lists() discovery.Configuration {
	taken := make(map[string]bool, w.written)
	for _, t := range w.Targets[:w.written] {
		taken[t.Name] = true
	}
	return discovery.Configuration{Lists: w.Config.Discovery, Assign: w.Config.Assign, Taken: taken, Usual: w.Config.Complete, StateDir: w.Config.StateDir}
}

// With returns the configuration with other targets of lists. A target whose entry it had before is the same.
func (w *Config) With(entries []*discovery.Entry) (*Config, error) {
	c, next := *w.Config, *w
	next.Config = &c
	c.Targets = slices.Clip(c.Targets[:w.written])
	next.Targets = slices.Clip(w.Targets[:w.written])
	next.listed = make(map[*discovery.Entry]*poller.Target, len(entries))
	for _, e := range entries {
		t := w.listed[e]
		if t == nil {
			made, err := poller.NewTarget(&e.Target, &c.Global, w.Catalog)
			if err != nil {
				return nil, err
			}
			t = made
		}
		next.listed[e] = t
		c.Targets = append(c.Targets, e.Target)
		next.Targets = append(next.Targets, t)
	}
	return &next, nil
}
