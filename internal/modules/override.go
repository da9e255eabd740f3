package modules

import (
	"maps"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/mibs"
)

// override is an entry of overrides, matched by the OID of an object, or else by its name.
type override struct {
	Override
	key  string // as configured
	used bool
}

var noOverride = &override{}

// findOverrides resolves the qualified names and OIDs in overrides. An unqualified name applies to
// every object of that name.
func (c *compilation) findOverrides() {
	for _, key := range slices.Sorted(maps.Keys(c.settings.Overrides)) {
		o := &override{Override: c.settings.Overrides[key], key: key}
		if module, _ := mibs.CutModule(key); module == "" && !isNumeric(key) {
			c.overrides[labelName(key)] = o
			continue
		}
		if f, err := c.library.find(c.tree, key); err == nil {
			c.overrides[f.node.OID.String()] = o
			continue
		}
		c.overrides[key] = o // so that it is reported as unused
	}
}

func isNumeric(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// override returns the override of an object.
func (c *compilation) override(n *mibs.Node) *override {
	if len(c.overrides) == 0 {
		return noOverride
	}
	for _, key := range []string{n.OID.String(), labelName(n.Name)} {
		if o := c.overrides[key]; o != nil {
			o.used = true
			return o
		}
	}
	return noOverride
}

// kind returns the metric type of an object in this module.
func (c *compilation) kind(n *mibs.Node) string {
	if kind := c.override(n).Type; kind != "" {
		return collector.TypeName(kind)
	}
	return kindOf(n)
}

// apply applies an override to a metric, except for its type.
func (o *override) apply(m *metric) {
	m.RegexpExtracts, m.DateTimePattern, m.Offset, m.Scale = o.RegexpExtracts, o.DateTimePattern, o.Offset, o.Scale
	m.DisplayHint = hint(o.DisplayHint, m.node)
	if o.Help != "" {
		m.Help = o.Help
	}
	if o.Name != "" {
		m.Name = o.Name
	}
}

func hint(written string, n *mibs.Node) string {
	if written == fromMIB {
		return strings.Clone(n.Syntax.Hint)
	}
	return written
}

// warnUnused warns of overrides without effect.
func (c *compilation) warnUnused() {
	for _, name := range slices.Sorted(maps.Keys(c.overrides)) {
		if o := c.overrides[name]; !o.used {
			var names []string
			for _, m := range c.metrics {
				names = append(names, m.node.Name)
			}
			c.warnings.Add("overrides."+o.key, "no effect: the module reads no such object%s", suggestion(o.key, names))
		}
	}
}
