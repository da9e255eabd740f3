package api

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/setting"
	"trapline/mibs"
)

// Module is a module of the configuration or of the built-in ones.
type Module struct {
	Name    string         `json:"name"`
	Origin  string         `json:"origin"`  // the file that defines it; empty of those that ship
	Walks   []string       `json:"walks"`   // what it asks for, by name
	Metrics []string       `json:"metrics"` // their names
	Targets int            `json:"targets"` // that have it, or for which auto chose it
	Seconds float64        `json:"seconds"` // of a poll, mean over targets
	Packets float64        `json:"packets"` // requests of a poll, likewise
	Rows    float64        `json:"rows"`    // variable bindings of a poll, likewise
	Text    string         `json:"text,omitempty"`
	Reads   []ModuleMetric `json:"reads,omitempty"` // of one module alone
}

// ModuleMetric is a metric of a module.
type ModuleMetric struct {
	Name   string   `json:"name"`
	Object string   `json:"object"` // IF-MIB::ifDescr, or the OID
	Type   string   `json:"type"`   // of the metric, such as counter or DisplayString
	Labels []string `json:"labels"`
	Help   string   `json:"help,omitempty"`
}

// KnownModule is a module with where it comes from.
type KnownModule struct {
	Settings *collector.Settings
	Origin   string // as in Module
}

// use is how a module fares over all targets.
type use struct {
	targets, polls         int
	seconds, packets, rows float64
	profiles               map[string]int // that auto chose it by
}

// uses are those of all modules.
func (a *API) uses() map[string]*use {
	all := map[string]*use{}
	of := func(name string) *use {
		u := all[name]
		if u == nil {
			u = &use{profiles: map[string]int{}}
			all[name] = u
		}
		return u
	}
	for _, s := range a.options.Polls.Summaries() {
		p := cmp.Or(s.Answered, s.Last)
		var polled []*collector.Module
		if p != nil {
			polled = p.Modules
			takeCosts(p, of)
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
				of(m.Name).profiles[p.Choice.Profile]++
			}
		}
	}
	return all
}

// takeCosts adds what a poll says of its modules in the series about itself.
func takeCosts(p *poller.Pass, of func(string) *use) {
	if len(p.Sets) == 0 {
		return
	}
	columns := p.Sets[len(p.Sets)-1].Columns
	for i := range columns {
		c := &columns[i]
		for j, v := range c.Values {
			name := labelOf(c.Table.Row(c.RowOf(j)), "module")
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
func (a *API) Modules() ([]Module, error) {
	known, tree, err := a.known()
	if err != nil {
		return nil, err
	}
	uses := a.uses()
	var list []Module
	for name, k := range known {
		list = append(list, newModule(name, &k, uses[name], tree))
	}
	slices.SortFunc(list, func(x, y Module) int {
		return cmp.Or(cmp.Compare(min(y.Targets, 1), min(x.Targets, 1)), cmp.Compare(x.Name, y.Name))
	})
	return list, nil
}

// Module returns a module with its metrics.
func (a *API) Module(name string) (Module, error) {
	known, tree, err := a.known()
	if err != nil {
		return Module{}, err
	}
	k, ok := known[name]
	if !ok {
		return Module{}, noName("module", name, slices.Collect(maps.Keys(known)))
	}
	m := newModule(name, &k, a.uses()[name], tree)
	for i := range k.Settings.Metrics {
		m.Reads = append(m.Reads, newModuleMetric(&k.Settings.Metrics[i], tree))
	}
	return m, nil
}

// noName says that there is none of a name, and which one may be meant.
func noName(kind, name string, names []string) error {
	err := of(ErrNotFound, "there is no %s %q", kind, name)
	if near := setting.Nearest(name, names); near != "" {
		return &Hinted{err, fmt.Sprintf("did you mean %s?", near)}
	}
	return err
}

// known gives the modules that there are, and the MIBs.
func (a *API) known() (map[string]KnownModule, *mibs.Tree, error) {
	if a.options.Modules == nil {
		return nil, nil, of(ErrUnavailable, "no modules")
	}
	known, err := a.options.Modules()
	if err != nil {
		return nil, nil, err
	}
	tree, err := a.tree()
	return known, tree, err
}

func newModule(name string, k *KnownModule, u *use, tree *mibs.Tree) Module {
	m := Module{Name: name, Origin: k.Origin, Walks: []string{}, Metrics: []string{}}
	for _, o := range slices.Concat(k.Settings.Walk, k.Settings.Get) {
		m.Walks = append(m.Walks, objectName(tree, o.OID))
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
		text := count(u.profiles[chosen], "target", "targets") + " of profile " + chosen
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

func newModuleMetric(s *collector.MetricSettings, tree *mibs.Tree) ModuleMetric {
	m := ModuleMetric{Name: s.Name, Object: objectName(tree, s.OID.OID), Type: s.Type, Help: s.Help, Labels: []string{}}
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
