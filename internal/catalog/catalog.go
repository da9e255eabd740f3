// Package catalog answers queries about MIBs and modules, and writes names and values of objects as text.
package catalog

import (
	"cmp"
	"maps"
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

// KnownModule is a module with where it comes from.
type KnownModule struct {
	Settings *collector.Settings
	Origin   string // as in Module
}

// Catalog answers queries about MIBs and modules. Its methods may be called concurrently.
type Catalog struct {
	polls   *poller.Poller // whose targets use modules
	names   func() (*mibs.Tree, error)
	modules func() (map[string]KnownModule, error)
}

// New returns the catalog of the MIBs and the modules that these functions return, either of which may be nil.
func New(polls *poller.Poller, names func() (*mibs.Tree, error), modules func() (map[string]KnownModule, error)) *Catalog {
	return &Catalog{polls: polls, names: names, modules: modules}
}

// Readers returns the names of the modules that have a metric for which reads returns true, sorted. It returns none if
// the modules cannot be read: the page of modules has the error.
func (c *Catalog) Readers(reads func(*collector.MetricSettings) bool) (names []string) {
	if c.modules == nil {
		return nil
	}
	known, err := c.modules()
	if err != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		metrics := known[name].Settings.Metrics
		for i := range metrics {
			if reads(&metrics[i]) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// usage sums the costs of a module over all targets.
type usage struct {
	targets, polls         int
	seconds, packets, rows float64
	profiles               map[string]int // that auto chose it by
}

// usages are those of all modules.
func (c *Catalog) usages() map[string]*usage {
	all := map[string]*usage{}
	of := func(name string) *usage {
		u := all[name]
		if u == nil {
			u = &usage{profiles: map[string]int{}}
			all[name] = u
		}
		return u
	}
	for _, s := range c.polls.Summaries() {
		p := cmp.Or(s.Answered, s.Last)
		var polled []*collector.Module
		if p != nil {
			polled = p.Modules
			addCosts(p, of)
		}
		names := map[string]bool{}
		for _, m := range slices.Concat(s.Target.Modules, polled) {
			names[m.Name] = true
		}
		for name := range names {
			of(name).targets++
		}
		if p != nil && p.Choice != nil {
			for _, m := range p.Choice.Modules {
				of(m.Module.Name).profiles[p.Choice.Profile()]++
			}
		}
	}
	return all
}

// addCosts adds the costs of modules, which are among the series of a poll about itself.
func addCosts(p *poller.Pass, of func(string) *usage) {
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
				of(name).seconds += v
				of(name).polls++
			case "snmp_scrape_packets_sent":
				of(name).packets += v
			case "snmp_scrape_pdus_returned":
				of(name).rows += v
			}
		}
	}
}

// Modules returns the modules of the configuration and those that ship, those in use first.
func (c *Catalog) Modules() ([]api.Module, error) {
	known, tree, err := c.known()
	if err != nil {
		return nil, err
	}
	uses := c.usages()
	var list []api.Module
	for name, k := range known {
		list = append(list, newModule(name, &k, uses[name], tree))
	}
	slices.SortFunc(list, func(x, y api.Module) int {
		return cmp.Or(cmp.Compare(min(y.Targets, 1), min(x.Targets, 1)), cmp.Compare(x.Name, y.Name))
	})
	return list, nil
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
	m := newModule(name, &k, c.usages()[name], tree)
	for i := range k.Settings.Metrics {
		m.Reads = append(m.Reads, newModuleMetric(&k.Settings.Metrics[i], tree))
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

func newModule(name string, k *KnownModule, u *usage, tree *mibs.Tree) api.Module {
	m := api.Module{Name: name, Origin: k.Origin, Walks: []string{}, Metrics: []string{}}
	for _, o := range slices.Concat(k.Settings.Walk, k.Settings.Get) {
		m.Walks = append(m.Walks, ObjectName(tree, o.OID))
	}
	for i := range k.Settings.Metrics {
		m.Metrics = append(m.Metrics, k.Settings.Metrics[i].Name)
	}
	if u == nil {
		return m
	}
	m.Targets = u.targets
	if polls := float64(u.polls); polls > 0 {
		m.Seconds, m.Packets, m.Rows = u.seconds/polls, u.packets/polls, u.rows/polls
	}
	var why []string
	for _, chosen := range slices.Sorted(maps.Keys(u.profiles)) {
		text := human.Count(u.profiles[chosen], "target", "targets") + " of profile " + chosen
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
