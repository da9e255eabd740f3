package collector

import (
	"bytes"
	"slices"
	"time"

	"trapline/internal/measure"
	"trapline/internal/snmp"
)

// Clocks returns the clocks of the module.
func (m *Module) Clocks() []Clock {
	m.clocking.Do(func() { m.clocks = newClocks(m, m.settings) })
	return m.clocks
}

// clocking finds the clocks of a module.
type clocking struct {
	module   *Module
	settings *Settings
	labels   map[int]time.Duration // of each held.List that lookups read
}

func newClocks(m *Module, s *Settings) (list []Clock) {
	c := &clocking{module: m, settings: s, labels: labelTimes(m)}
	units := slices.Concat(m.Plan.Get, m.Plan.Columns)
	if len(m.filters) > 0 {
		units = append(units, m.Plan.Walk...)
	}
	for _, unit := range unique(units) {
		if every, label := c.of(unit); every > 0 || label {
			list = append(list, Clock{Object: unit, Every: every, Label: label, Beside: c.beside(unit)})
		}
	}
	for i := range s.Filters {
		f := &s.Filters[i]
		if every := max(f.Every.Duration, 0); every > 0 || s.Interval.Duration > 0 {
			if every == 0 {
				every = s.Interval.Duration
			}
			list = append(list, Clock{Object: f.OID.OID, Every: every, Filter: true})
		}
	}
	return list
}

// labelTimes returns, of the lists that lookups read, the shortest time that one of them sets; 0 where none does.
func labelTimes(m *Module) map[int]time.Duration {
	times := map[int]time.Duration{}
	for _, t := range m.tables {
		for _, l := range t.lookups {
			before, known := times[l.kept]
			if !known || l.every > 0 && (before == 0 || l.every < before) {
				times[l.kept] = l.every
			}
		}
	}
	return times
}

// of returns how often a part of the plan is read: as often as the object in it that is read most often.
func (c *clocking) of(unit snmp.OID) (every time.Duration, label bool) {
	none := true
	for i := range c.module.objects {
		o := &c.module.objects[i]
		if !overlap(o.oid, unit) {
			continue
		}
		own, only := c.object(o)
		if none {
			every, label, none = own, only, false
			continue
		}
		every, label = min(every, own), label && only
	}
	if none {
		return c.root(unit), false
	}
	return every, label
}

// object is of for an object. Labels are all that is made of it if only is true.
func (c *clocking) object(o *object) (every time.Duration, only bool) {
	label, looked := c.labels[o.kept]
	only = looked && !c.sampled(o)
	if only && label > 0 {
		return label, true
	}
	return c.root(o.oid), only
}

// sampled reports whether samples are made of an object.
func (c *clocking) sampled(o *object) bool {
	if len(o.columns) > 0 || slices.ContainsFunc(c.module.columns, func(x column) bool { return x.deferred != nil && bytes.Equal(x.oid, o.oid) }) {
		return true
	}
	for _, m := range c.settings.Measures {
		for _, x := range m.Decisive() {
			if bytes.Equal(x.OID, o.oid) {
				return true
			}
		}
	}
	return false
}

// root returns the time that is set for the innermost entry of walk or get around an object, or else for the module.
func (c *clocking) root(oid snmp.OID) time.Duration {
	every, depth := c.settings.Interval.Duration, -1
	for _, e := range c.settings.Every {
		if root := e.OID.OID; oid.HasPrefix(root) && len(root) > depth {
			every, depth = e.Every.Duration, len(root)
		}
	}
	return every
}

// beside returns the objects whose rows have labels of an object in a part of the plan.
func (c *clocking) beside(unit snmp.OID) (list []Watch) {
	add := func(oid snmp.OID, values bool) {
		at := slices.IndexFunc(list, func(w Watch) bool { return bytes.Equal(w.Object, oid) })
		switch {
		case oid.HasPrefix(unit):
		case at >= 0:
			list[at].Values = list[at].Values || values
		default:
			list = append(list, Watch{oid, values})
		}
	}
	for i := range c.module.objects {
		o := &c.module.objects[i]
		if o.kept < 0 || !overlap(o.oid, unit) {
			continue
		}
		for j := range c.module.columns {
			if t := c.module.tables[c.module.columns[j].table]; t.uses(o.kept) {
				add(c.module.columns[j].oid, false)
				for _, l := range t.lookups {
					add(c.module.keptObject(l.kept), true)
				}
			}
		}
		for _, m := range c.settings.Measures {
			c.besideMeasure(m, o.oid, add)
		}
	}
	return list
}

// besideMeasure adds the other columns of a measure that reads an object.
func (c *clocking) besideMeasure(m *measure.Measure, oid snmp.OID, add func(snmp.OID, bool)) {
	is := func(oid snmp.OID) func(measure.Column) bool {
		return func(x measure.Column) bool { return bytes.Equal(x.OID, oid) }
	}
	if !slices.ContainsFunc(m.Columns(), is(oid)) {
		return
	}
	decisive := m.Decisive()
	for _, x := range m.Columns() {
		add(x.OID, !slices.ContainsFunc(decisive, is(x.OID)))
	}
}
