// Package catalog answers queries about MIBs and modules, and writes names and values of objects as text.
package catalog

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/modules"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// KnownModule is a module with where it comes from. Its settings may be compiled when they are wanted.
type KnownModule struct {
	Settings func() (*collector.Settings, error)
	Origin   string          // as in Module
	Of       *profile.Module // what is known of it without its settings; nil if that is no less than these
}

// Compiled returns a module whose settings are there.
func Compiled(s *collector.Settings, origin string) KnownModule {
	return KnownModule{Settings: func() (*collector.Settings, error) { return s, nil }, Origin: origin}
}

// reads reports whether the module makes a metric, if one is named, or reads an object, if there is one.
func (k *KnownModule) reads(metric string, object snmp.OID) bool {
	if k.Of != nil {
		if metric != "" && k.Of.Makes(metric) {
			return true
		}
		if object == nil || !k.Of.MayRead(object) {
			return false
		}
	}
	s, err := k.Settings()
	return err == nil && slices.ContainsFunc(s.Metrics, func(m collector.MetricSettings) bool {
		return metric != "" && m.Name == metric || object != nil && m.OID.HasPrefix(object)
	})
}

// Catalog answers queries about MIBs and modules. Its methods may be called concurrently.
type Catalog struct {
	polls   *poller.Poller // whose targets use modules
	names   func() (*mibs.Tree, error)
	modules func() (map[string]KnownModule, error)
	others  func() []map[string]*Usage // of the other members of a cluster; nil without one
}

// ForAll returns the catalog of a cluster: others returns the Usages of its other members.
func (c *Catalog) ForAll(others func() []map[string]*Usage) *Catalog {
	all := *c
	all.others = others
	return &all
}

// New returns the catalog of the MIBs and the modules that these functions return, either of which may be nil.
func New(polls *poller.Poller, names func() (*mibs.Tree, error), modules func() (map[string]KnownModule, error)) *Catalog {
	return &Catalog{polls: polls, names: names, modules: modules}
}

// Readers returns the names of the modules that make a metric, if one is named, or read an object, if there is one, sorted.
// It returns none if the modules cannot be read: the page of modules has the error.
func (c *Catalog) Readers(metric string, object snmp.OID) (names []string) {
	if c.modules == nil {
		return nil
	}
	known, err := c.modules()
	if err != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if k := known[name]; k.reads(metric, object) {
			names = append(names, name)
		}
	}
	return names
}

// Usage sums the costs of a module over all targets.
type Usage struct {
	Targets  int            `json:"targets"`
	Polls    int            `json:"polls"`
	Seconds  float64        `json:"seconds"`
	Packets  float64        `json:"packets"`
	Rows     float64        `json:"rows"`
	Profiles map[string]int `json:"profiles"` // that auto chose it by
}

// usages are those of all modules, by name.
type usages map[string]*Usage

func (u usages) of(name string) *Usage {
	one := u[name]
	if one == nil {
		one = &Usage{Profiles: map[string]int{}}
		u[name] = one
	}
	return one
}

// add adds the usages of another member.
func (u usages) add(part map[string]*Usage) {
	for name, p := range part {
		if p == nil {
			continue
		}
		one := u.of(name)
		one.Targets, one.Polls = one.Targets+p.Targets, one.Polls+p.Polls
		one.Seconds, one.Packets, one.Rows = one.Seconds+p.Seconds, one.Packets+p.Packets, one.Rows+p.Rows
		for profile, n := range p.Profiles {
			one.Profiles[profile] += n
		}
	}
}

// usages returns those of all members.
func (c *Catalog) usages() usages {
	all := usages(c.Usages())
	if c.others != nil {
		for _, part := range c.others() {
			all.add(part)
		}
	}
	return all
}

// Usages returns those of all modules by the targets of this process, by name.
func (c *Catalog) Usages() map[string]*Usage {
	all := usages{}
	for _, s := range c.polls.Summaries() {
		p := cmp.Or(s.Answered, s.Last)
		var polled []*collector.Module
		if p != nil {
			polled = p.Modules
			addCosts(p, all)
		}
		names := map[string]bool{}
		for _, m := range slices.Concat(s.Target.Modules, polled) {
			names[m.Name] = true
		}
		for name := range names {
			all.of(name).Targets++
		}
		if p != nil && p.Choice != nil {
			for _, m := range p.Choice.Modules {
				all.of(m.Module.Name).Profiles[p.Choice.Profile()]++
			}
		}
	}
	return all
}

// addCosts adds the costs of modules, which are among the series of a poll about itself.
func addCosts(p *poller.Pass, to usages) {
	if len(p.Sets) == 0 {
		return
	}
	columns := p.Sets[len(p.Sets)-1].Columns
	for i := range columns {
		c := &columns[i]
		for j, v := range c.Values {
			name := LabelOf(c.Table.Row(c.RowOf(j)), "module")
			switch c.Desc.Name {
			case "snmp_scrape_duration_seconds":
				to.of(name).Seconds += v
				to.of(name).Polls++
			case "snmp_scrape_packets_sent":
				to.of(name).Packets += v
			case "snmp_scrape_pdus_returned":
				to.of(name).Rows += v
			}
		}
	}
}

// Modules returns the modules of the configuration and those that ship which a query matches, those in use first, and how
// many there are of them. Only those that are returned are compiled.
func (c *Catalog) Modules(q api.ModuleQuery) (list []api.Module, matched int, err error) {
	known, tree, err := c.known()
	if err != nil {
		return nil, 0, err
	}
	uses := c.usages()
	for name, k := range known {
		m := used(name, k.Origin, uses[name])
		if strings.Contains(strings.ToLower(m.Name+" "+m.Text), strings.ToLower(q.Text)) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(x, y api.Module) int {
		return cmp.Or(cmp.Compare(min(y.Targets, 1), min(x.Targets, 1)), cmp.Compare(x.Name, y.Name))
	})
	matched = len(list)
	list = list[min(q.Offset, matched):]
	if q.Limit > 0 {
		list = list[:min(q.Limit, len(list))]
	}
	for i := range list {
		k := known[list[i].Name]
		if s, err := k.Settings(); err != nil {
			list[i].Text = "it cannot be compiled: " + err.Error()
		} else {
			describe(&list[i], s, tree)
		}
	}
	return list, matched, nil
}

// Module returns a module with its metrics.
func (c *Catalog) Module(name string) (api.Module, error) {
	known, tree, err := c.known()
	if err != nil {
		return api.Module{}, err
	}
	k, ok := known[name]
	if !ok {
		return api.Module{}, api.NotFound("module", name, slices.Collect(maps.Keys(known)))
	}
	s, err := k.Settings()
	if err != nil {
		return api.Module{}, api.Errorf(api.ErrUnavailable, "module %s cannot be compiled: %v", name, err)
	}
	m := used(name, k.Origin, c.usages()[name])
	describe(&m, s, tree)
	for i := range s.Metrics {
		m.Reads = append(m.Reads, newModuleMetric(&s.Metrics[i], tree))
	}
	return m, nil
}

// known returns the modules, and the MIBs.
func (c *Catalog) known() (map[string]KnownModule, *mibs.Tree, error) {
	if c.modules == nil {
		return nil, nil, api.Errorf(api.ErrUnavailable, "no modules")
	}
	known, err := c.modules()
	if err != nil {
		return nil, nil, err
	}
	tree, err := c.Tree()
	return known, tree, err
}

// describe adds what a module reads and makes.
func describe(m *api.Module, s *collector.Settings, tree *mibs.Tree) {
	for _, o := range slices.Concat(s.Walk, s.Get) {
		m.Walks = append(m.Walks, ObjectName(tree, o.OID))
	}
	for i := range s.Metrics {
		m.Metrics = append(m.Metrics, s.Metrics[i].Name)
	}
}

// used returns a module with its costs, and why auto chose it.
func used(name, origin string, u *Usage) api.Module {
	m := api.Module{Name: name, Origin: origin, Walks: []string{}, Metrics: []string{}}
	if u == nil {
		return m
	}
	m.Targets = u.Targets
	if polls := float64(u.Polls); polls > 0 {
		m.Seconds, m.Packets, m.Rows = math.Round(u.Seconds/polls*1e6)/1e6, u.Packets/polls, u.Rows/polls // whatever order they are added in
	}
	var why []string
	for _, chosen := range slices.Sorted(maps.Keys(u.Profiles)) {
		text := human.Count(u.Profiles[chosen], "target", "targets") + " of profile " + chosen
		if chosen == profile.Default {
			text += ", for devices of no known kind"
		}
		why = append(why, text)
	}
	if len(why) > 0 {
		m.Text = "auto chose it for " + strings.Join(why, "; ")
	}
	return m
}

func newModuleMetric(s *collector.MetricSettings, tree *mibs.Tree) api.ModuleMetric {
	m := api.ModuleMetric{Name: s.Name, Object: ObjectName(tree, s.OID.OID), Type: s.Type, Help: s.Help, Labels: []string{}}
	for _, x := range s.Indexes {
		m.Labels = append(m.Labels, x.LabelName)
	}
	for _, l := range s.Lookups {
		switch at := slices.Index(m.Labels, l.LabelName); {
		case len(l.Labels) == 0 && at >= 0:
			m.Labels = slices.Delete(m.Labels, at, at+1)
		case len(l.Labels) > 0 && at < 0:
			m.Labels = append(m.Labels, l.LabelName)
		}
	}
	return m
}

// Tree returns the MIBs that the configuration names, and the built-in ones.
func (c *Catalog) Tree() (*mibs.Tree, error) {
	if c.names == nil {
		return nil, api.Errorf(api.ErrUnavailable, "no MIBs")
	}
	tree, err := c.names()
	if err != nil {
		return nil, api.Errorf(api.ErrUnavailable, "the MIBs cannot be read: %v", err)
	}
	return tree, nil
}

// Subtrees returns the objects that a name or an OID stands for. Without one it is mib-2.
func (c *Catalog) Subtrees(what string) ([]snmp.OID, error) {
	if what = strings.TrimSpace(what); what == "" {
		what = "1.3.6.1.2.1"
	}
	if oid, err := snmp.ParseOID(what); err == nil {
		return []snmp.OID{oid}, nil
	}
	tree, err := c.Tree()
	if err != nil {
		return nil, err
	}
	oids, err := modules.Subtrees(tree, what)
	if err != nil {
		return nil, undefined(api.ErrBadRequest, err)
	}
	return oids, nil
}
