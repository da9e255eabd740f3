package poller

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/profile"
	"trapline/internal/series"
	"trapline/internal/setting"
)

// Target is a device with all that a pass over it needs. It is not changed once made.
type Target struct {
	Name     string
	Labels   map[string]string // TargetLabel not included
	Zone     string            // of the members of a cluster that poll it, as the file says
	Rendered []byte            // TargetLabel and Labels as series.Group wants them
	Spec     client.Spec
	AuthName string
	List     string // entry of `discovery` that it stands in; "" of those in the configuration
	Modules  []*collector.Module
	Interval time.Duration
	Params   client.Params // of the target itself; a module's come after them
	Defaults client.Params // of all targets, after a module's

	resolved map[*collector.Module]*client.Params // of requests for each of Modules, and with nil of those that no module makes

	auto *auto // chooses more modules; nil if none are to be chosen

	memories *memories // of its modules; nil if nothing is remembered
}

// memories are the memories of each module that passes over a target share.
type memories struct {
	mu     sync.Mutex
	polled bool // there was a pass: of a target that is polled once nothing needs to be remembered
	of     map[*collector.Module]*collector.Memory
}

// all returns the memories of modules in their order, and forgets those of others. The first pass has none.
func (m *memories) all(modules []*collector.Module) []*collector.Memory {
	list := make([]*collector.Memory, len(modules))
	if m == nil {
		return list
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.polled {
		m.polled = true
		return list
	}
	before := m.of
	m.of = make(map[*collector.Module]*collector.Memory, len(modules))
	for i, module := range modules {
		list[i] = before[module]
		if list[i] == nil {
			list[i] = &collector.Memory{}
		}
		m.of[module] = list[i]
	}
	return list
}

// Catalog has the auths, modules and profiles that targets refer to by name.
type Catalog struct {
	Auths    map[string]*access.Auth
	Modules  map[string]*collector.Module
	Profiles func() (*profile.Registry, error) // for the module profile.Auto

	// Shipped returns the settings of a module that is not among Modules and may be asked for all the same, nil
	// where there is none of that name. It may be nil itself.
	Shipped func(name string) *collector.Settings

	// OnlyMeasures leaves out the series of objects of which the modules of profiles make measures.
	OnlyMeasures bool

	settings map[string]*collector.Settings

	mu       sync.Mutex
	measured map[*collector.Settings]*collector.Settings // for OnlyMeasures
	variants map[string]*collector.Module                // modules of profiles, and modules compiled around reserved labels
	choices  map[string]*profile.ChoiceCache             // of targets, by their key
}

// chosen returns a module of a profile, compiled around reserved labels.
func (c *Catalog) chosen(name string, s *collector.Settings, reserved []string) *collector.Module {
	if !c.OnlyMeasures {
		return c.variant(name, s, reserved)
	}
	c.mu.Lock()
	if c.measured == nil {
		c.measured = map[*collector.Settings]*collector.Settings{}
	}
	if c.measured[s] == nil {
		c.measured[s] = s.WithoutMeasured()
	}
	s = c.measured[s]
	c.mu.Unlock()
	return c.variant(name, s, reserved)
}

// NewCatalog compiles modules whose settings have been checked.
func NewCatalog(auths map[string]*access.Auth, modules map[string]*collector.Settings, book func() (*profile.Registry, error)) *Catalog {
	c := &Catalog{Auths: auths, Modules: map[string]*collector.Module{}, Profiles: book, settings: modules,
		variants: map[string]*collector.Module{}, choices: map[string]*profile.ChoiceCache{}}
	for name, s := range modules {
		c.Modules[name] = collector.Compile(name, s)
	}
	return c
}

// NewTarget resolves settings that have been checked.
func NewTarget(s *TargetSettings, g *Global, c *Catalog) (*Target, error) {
	address, err := access.ParseSource(cmp.Or(s.SourceAddress, g.SourceAddress))
	if err != nil {
		return nil, err
	}
	engineID, err := setting.Hex(s.ContextEngineID)
	if err != nil {
		return nil, err
	}
	t := &Target{
		Name:     s.Name,
		Labels:   g.labels(s),
		Zone:     s.Zone,
		AuthName: s.Auth,
		Spec: client.Spec{
			Address: s.Address, Auth: c.Auths[s.Auth], Context: s.Context, ContextEngineID: string(engineID),
			Source: address, Interface: cmp.Or(s.SourceInterface, g.SourceInterface), Engine: s.Engine,
		},
		Interval: firstSet(s.Interval.Duration, g.Interval.Duration, DefaultInterval),
		Params:   s.Params,
		Defaults: g.Params,
		memories: &memories{},
	}
	t.resolved = map[*collector.Module]*client.Params{nil: t.resolve(nil)}
	reserved := []string{TargetLabel}
	t.Rendered = series.AppendLabel(nil, 0, TargetLabel, []byte(t.Name))
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		reserved = append(reserved, series.LabelName(name))
		t.Rendered = series.AppendLabel(t.Rendered, 0, series.LabelName(name), []byte(t.Labels[name]))
	}
	for _, name := range s.Modules {
		if name != profile.Auto || c.Modules[name] != nil {
			m := c.module(name, reserved)
			t.Modules = append(t.Modules, m)
			t.resolved[m] = t.resolve(m)
		} else if t.auto, err = c.auto(t, reserved); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Module returns a compiled module, nil if there is none of that name.
func (c *Catalog) Module(name string) *collector.Module {
	if m := c.Modules[name]; m != nil {
		return m
	}
	if s := c.moduleSettings(name); s != nil {
		return c.variant(name, s, nil)
	}
	return nil
}

func (c *Catalog) moduleSettings(name string) *collector.Settings {
	if s := c.settings[name]; s != nil || c.Shipped == nil {
		return s
	}
	return c.Shipped(name)
}

// module returns a compiled module in which no series has a label of a reserved name.
func (c *Catalog) module(name string, reserved []string) *collector.Module {
	m := c.Module(name)
	if m == nil || !slices.ContainsFunc(reserved, m.HasLabel) {
		return m
	}
	return c.variant(name, c.moduleSettings(name), reserved)
}

// variant returns a module compiled around reserved labels. It is compiled once.
func (c *Catalog) variant(name string, s *collector.Settings, reserved []string) *collector.Module {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprintf("%p\x00%s", s, strings.Join(reserved, "\x00"))
	if c.variants[key] == nil {
		c.variants[key] = collector.Compile(name, s, reserved...)
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

// EffectiveParams returns the parameters of requests that no module makes: those of the target, with the defaults.
func (t *Target) EffectiveParams() client.Params { return *t.ParamsOf(nil) }

// ParamsOf returns the parameters of requests for a module, which the caller must not modify. NewTarget resolves those of
// Modules; a module that a profile chooses is known only when a device has answered.
func (t *Target) ParamsOf(m *collector.Module) *client.Params {
	if p := t.resolved[m]; p != nil {
		return p
	}
	return t.resolve(m)
}

// resolve returns the target's parameters, then m's, then the defaults. m may be nil.
func (t *Target) resolve(m *collector.Module) *client.Params {
	p := t.Params
	if m != nil {
		p = p.WithDefaults(m.Plan.Params)
	}
	p = p.WithDefaults(t.Defaults)
	return &p
}

// ModuleNames returns the names of the target's modules in their order, profile.Auto for those that are
// chosen in each pass.
func (t *Target) ModuleNames() []string {
	names := make([]string, 0, len(t.Modules)+1)
	for _, m := range t.Modules {
		names = append(names, m.Name)
	}
	if t.auto != nil {
		names = append(names, profile.Auto)
	}
	return names
}
