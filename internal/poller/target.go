package poller

import (
	"encoding/hex"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/collector"
	"trapline/internal/engine"
	"trapline/internal/series"
)

// Target is a device with all that a pass over it needs. It is not changed once made.
type Target struct {
	Name     string
	Labels   map[string]string // TargetLabel not included
	Rendered []byte            // TargetLabel and Labels as series.Group wants them
	Spec     engine.Spec
	AuthName string
	Modules  []*collector.Module
	Interval time.Duration
	Params   engine.Params // of the target itself; a module's come after them
	Defaults engine.Params // of all targets, after a module's
}

// Catalog is what targets refer to by name.
type Catalog struct {
	Auths    map[string]*engine.Auth
	Modules  map[string]*collector.Module
	settings map[string]*collector.Settings
	variants map[string]*collector.Module // modules compiled around reserved labels
}

// NewCatalog compiles modules whose settings have been checked.
func NewCatalog(auths map[string]*engine.Auth, modules map[string]*collector.Settings) *Catalog {
	c := &Catalog{auths, map[string]*collector.Module{}, modules, map[string]*collector.Module{}}
	for name, s := range modules {
		c.Modules[name] = collector.Compile(name, s)
	}
	return c
}

// NewTarget resolves settings that have been checked.
func NewTarget(s *TargetSettings, g *Global, c *Catalog) (*Target, error) {
	source := s.SourceAddress
	if source == "" {
		source = g.SourceAddress
	}
	address, err := engine.ParseSource(source)
	if err != nil {
		return nil, err
	}
	engineID, err := hex.DecodeString(s.ContextEngineID)
	if err != nil {
		return nil, err
	}
	t := &Target{
		Name:     s.Name,
		Labels:   s.Labels,
		AuthName: s.Auth,
		Spec:     engine.Spec{Address: s.Address, Auth: c.Auths[s.Auth], Context: s.Context, ContextEngineID: string(engineID), Source: address, Engine: s.Engine},
		Interval: firstSet(s.Interval.Duration, g.Interval.Duration, DefaultInterval),
		Params:   s.Params,
		Defaults: g.Params,
	}
	reserved := []string{TargetLabel}
	t.Rendered = series.AppendLabel(nil, 0, TargetLabel, []byte(t.Name))
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		reserved = append(reserved, series.LabelName(name))
		t.Rendered = series.AppendLabel(t.Rendered, 0, series.LabelName(name), []byte(s.Labels[name]))
	}
	for _, name := range s.Modules {
		t.Modules = append(t.Modules, c.module(name, reserved))
	}
	return t, nil
}

// module gives a compiled module in which no series has a label of a reserved name.
func (c *Catalog) module(name string, reserved []string) *collector.Module {
	m := c.Modules[name]
	if m == nil || !slices.ContainsFunc(reserved, m.HasLabel) {
		return m
	}
	key := name + "\x00" + strings.Join(reserved, "\x00")
	if c.variants[key] == nil {
		c.variants[key] = collector.Compile(name, c.settings[name], reserved...)
	}
	return c.variants[key]
}

func firstSet(values ...time.Duration) time.Duration {
	for _, v := range values {
		if v > 0 {
			return v
		}
	}
	return 0
}

// offset spreads targets over an interval: always the same for a name, so that a restart changes no
// device's rhythm.
func offset(name string, interval time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return time.Duration(h.Sum64() % uint64(interval))
}

// ModuleNames gives the names of the target's modules in their order.
func (t *Target) ModuleNames() []string {
	names := make([]string, 0, len(t.Modules))
	for _, m := range t.Modules {
		names = append(names, m.Name)
	}
	return names
}
