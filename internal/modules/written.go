package modules

import (
	"fmt"
	"slices"

	"trapline/collector"
	"trapline/internal/setting"
)

// Named reports whether compiling the module requires MIBs.
func (s *Settings) Named() bool {
	return s.Native() || slices.ContainsFunc(slices.Concat(s.Walk.Names(), s.Get.Names(), s.objects()), func(text string) bool {
		_, named := setting.ParseOID(text).Named()
		return named
	})
}

// objects returns the names in metrics, their lookups and filters.
func (s *Settings) objects() []string {
	var names []string
	add := func(o setting.OID) {
		if name, named := o.Named(); named {
			names = append(names, name)
		}
	}
	for i := range s.Metrics {
		add(s.Metrics[i].OID)
		for j := range s.Metrics[i].Lookups {
			add(s.Metrics[i].Lookups[j].OID)
		}
	}
	for _, f := range s.Filters {
		for _, text := range append(slices.Clone(f.Targets), f.OID) {
			add(setting.ParseOID(text))
		}
	}
	return names
}

// written compiles a module with metrics by replacing names with OIDs. The library may be nil if
// there are no names.
func (l *Library) written(s *Settings) (Compiled, []setting.Problem) {
	c := &compilation{library: l, settings: s, out: &collector.Settings{Params: s.Params, Interval: s.Interval}}
	if s.Named() {
		var err error
		if c.tree, err = l.tree(c.modulesNamed()); err != nil {
			c.problems.Add("", "%v", err)
			return Compiled{}, c.problems
		}
	}
	for i := range s.Walk {
		r := &s.Walk[i]
		oid := c.number(fmt.Sprintf("walk[%d]", i), setting.ParseOID(r.Name))
		c.out.Walk = append(c.out.Walk, oid)
		c.clock("walk", i, r, oid)
	}
	for i := range s.Get {
		r := &s.Get[i]
		oid := c.instance(fmt.Sprintf("get[%d]", i), r.Name)
		c.out.Get = append(c.out.Get, oid)
		c.clock("get", i, r, oid)
	}
	c.writeMetrics()
	c.writeFilters()
	if len(c.problems) > 0 {
		return Compiled{}, c.problems
	}
	return Compiled{c.out, doubts(c.out)}, nil
}

// writeMetrics copies the metrics if they contain names.
func (c *compilation) writeMetrics() {
	c.out.Metrics = collector.Modern(c.settings.Metrics)
	if c.tree == nil {
		return
	}
	c.out.Metrics = slices.Clone(c.out.Metrics)
	for i := range c.out.Metrics {
		m := &c.out.Metrics[i]
		at := fmt.Sprintf("metrics[%d]", i)
		m.OID = c.number(at+".oid", m.OID)
		m.Lookups = slices.Clone(m.Lookups)
		for j := range m.Lookups {
			m.Lookups[j].OID = c.number(fmt.Sprintf("%s.lookups[%d].oid", at, j), m.Lookups[j].OID)
		}
	}
}

func (c *compilation) writeFilters() {
	for _, f := range c.settings.Filters {
		out := collector.FilterSettings{Values: f.Values, Every: f.Every}
		if f.OID != "" {
			out.OID = c.number(f.at+".oid", setting.ParseOID(f.OID))
		}
		for j, text := range f.Targets {
			out.Targets = append(out.Targets, c.number(fmt.Sprintf("%s.targets[%d]", f.at, j), setting.ParseOID(text)))
		}
		c.out.Filters = append(c.out.Filters, out)
	}
}

// number returns the OID without a name.
func (c *compilation) number(path string, o setting.OID) setting.OID {
	name, named := o.Named()
	if !named {
		for _, m := range o.NotNumeric() {
			c.problems.Add(path, "%s", m.Text)
		}
		return o
	}
	f, ok := c.find(path, name)
	if !ok {
		return setting.OID{}
	}
	return setting.ParseOID(f.oid())
}

// instance is number for an entry of get: the name of a scalar stands for its instance.
func (c *compilation) instance(path, text string) setting.OID {
	if _, named := setting.ParseOID(text).Named(); !named {
		return c.number(path, setting.ParseOID(text))
	}
	f, ok := c.find(path, text)
	switch {
	case !ok:
		return setting.OID{}
	case len(f.index) > 0:
	case len(indexOf(f.node)) == 0 && kindOf(f.node) != "" && polled(f.node):
		return setting.ParseOID(f.oid() + ".0")
	default:
		c.problems.Add(path, "%s has no value of its own: write an instance of it, or put it under walk", text)
	}
	return setting.ParseOID(f.oid())
}
