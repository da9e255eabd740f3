package runtimeconfig

import (
	"context"
	"net/netip"
	"slices"

	"trapline/internal/discovery"
	"trapline/internal/facts"
	"trapline/internal/facts/asker"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// Lists returns the configuration of the lists of targets.
func (w *Config) Lists() discovery.Configuration {
	targets := make(map[string]string, w.written)
	for i, t := range w.Targets[:w.written] {
		targets[t.Name] = w.Config.Targets[i].Address
	}
	return discovery.Configuration{
		Lists: w.Config.Discovery, Assign: w.Config.Assign, Targets: targets,
		Usual: w.Config.Complete, Auths: w.Config.Auths, StateDir: w.Config.StateDir, Profiles: w.profiles,
	}
}

// profiles returns the profiles of a device. Profiles that cannot be read are reported by its polls.
func (w *Config) profiles(sysObjectID, sysDescr string) []string {
	book, err := w.Config.Book()
	if err != nil {
		return nil
	}
	oid, _ := snmp.ParseOID(sysObjectID)
	return book.Of(oid, sysDescr)
}

// Ask returns the function that asks devices for the facts that assignments need.
func (w *Config) Ask(open poller.Open) asker.Ask {
	return func(ctx context.Context, s *poller.TargetSettings) (*facts.Facts, error) {
		settings := *s
		settings.Name, settings.Modules = settings.Address, nil
		if err := w.Config.Complete(&settings); err != nil {
			return nil, err
		}
		settings.Modules = nil
		t, err := poller.NewTarget(&settings, &w.Config.Global, w.Catalog)
		if err != nil {
			return nil, err
		}
		id, err := poller.Ask(ctx, open, t)
		if err != nil {
			return nil, err
		}
		return asker.FactsOf(id), nil
	}
}

// With returns the configuration with other targets of lists, which are all or not. A target whose entry it had before is
// the same.
func (w *Config) With(entries []*discovery.Entry, all bool) (*Config, error) {
	c, next := *w.Config, *w
	next.Config, next.partial = &c, !all
	c.Targets = append(make([]poller.TargetSettings, 0, w.written+len(entries)), c.Targets[:w.written]...)
	next.Targets = append(make([]*poller.Target, 0, w.written+len(entries)), w.Targets[:w.written]...)
	next.listed = make(map[*discovery.Entry]*poller.Target, len(entries))
	for _, e := range entries {
		t := w.listed[e]
		if t == nil {
			made, err := poller.NewTarget(&e.Target, &c.Global, w.Catalog)
			if err != nil {
				return nil, err
			}
			t, made.List = made, e.List
		}
		next.listed[e] = t
		c.Targets = append(c.Targets, e.Target)
		next.Targets = append(next.Targets, t)
	}
	return &next, nil
}

// Target returns the target of a name and the list that it stands in; nil if neither the files nor a list have it. Lists
// are as the process that polls them has saved them; if these have no such target, or none are saved, they are read until
// ctx ends. The error is that of lists that could not be read.
func (w *Config) Target(ctx context.Context, name string) (t *poller.Target, list string, err error) {
	if i := slices.IndexFunc(w.Targets, func(t *poller.Target) bool { return t.Name == name }); i >= 0 {
		return w.Targets[i], "", nil
	}
	for _, saved := range []bool{true, false} {
		var entries []*discovery.Entry
		entries, err = discovery.Read(ctx, w.Lists(), saved)
		i := slices.IndexFunc(entries, func(e *discovery.Entry) bool { return e.Target.Name == name })
		if i >= 0 {
			t, err := poller.NewTarget(&entries[i].Target, &w.Config.Global, w.Catalog)
			return t, entries[i].List, err
		}
		if _, isHost := netip.ParseAddr(name); isHost == nil {
			break // lists that are slow to read would only delay it
		}
	}
	return nil, "", err
}

// TargetNames returns the names of all targets, those of lists as they were saved, or are read until ctx ends.
func (w *Config) TargetNames(ctx context.Context) (names []string) {
	for _, t := range w.Targets {
		names = append(names, t.Name)
	}
	entries, _ := discovery.Read(ctx, w.Lists(), true) // those that can be read
	for _, e := range entries {
		names = append(names, e.Target.Name)
	}
	return names
}
