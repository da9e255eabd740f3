package modules

import (
	"fmt"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// lookup is an entry of lookups whose object was found.
type lookup struct {
	*Lookup
	found
	labels []string // SourceIndexes as labels
}

func (c *compilation) findLookups() []lookup {
	var list []lookup
	for i := range c.settings.Lookups {
		l := lookup{Lookup: &c.settings.Lookups[i]}
		path := fmt.Sprintf("lookups[%d].lookup", i)
		f, ok := c.find(path, l.Lookup.Lookup)
		if !ok {
			continue
		}
		if c.kind(f.node) == "" {
			c.wrong(path, "%s has no value that could be a label", l.Lookup.Lookup)
			continue
		}
		l.found = f
		for _, name := range l.SourceIndexes {
			l.labels = append(l.labels, labelName(name))
		}
		list = append(list, l)
	}
	return list
}

// applyLookups gives metrics the labels of those lookups whose sources they all have.
func (c *compilation) applyLookups(lookups []lookup, filters []filter) {
	required := map[string]bool{} // labels that lookups start from
	for _, l := range lookups {
		for _, name := range l.labels {
			required[name] = true
		}
	}
	for _, m := range c.metrics {
		var dropped []collector.LookupSettings
		for _, l := range lookups {
			if !hasAll(m, l.labels) {
				continue
			}
			looked := c.lookedUp(m, &l)
			m.Lookups = append(m.Lookups, looked)
			if required[looked.LabelName] {
				m.Indexes = append(m.Indexes, collector.IndexSettings{LabelName: looked.LabelName, Type: looked.Type})
			}
			column := looked.OID.ObjectID().String()
			c.askBeside(m, column)
			c.narrowLike(m, column, filters)
			for _, name := range l.labels {
				if l.DropSourceIndexes {
					dropped = append(dropped, collector.LookupSettings{LabelName: name})
				}
			}
		}
		m.Lookups = append(m.Lookups, dropped...)
	}
}

func hasAll(m *metric, labels []string) bool {
	for _, name := range labels {
		if !slices.ContainsFunc(m.Indexes, func(x collector.IndexSettings) bool { return x.LabelName == name }) {
			return false
		}
	}
	return true
}

func (c *compilation) lookedUp(m *metric, l *lookup) collector.LookupSettings {
	n := l.node
	for _, other := range l.tree.Named(n.Name) {
		if sameParent(other.OID, m.node.OID) && c.kind(other) != "" {
			n = other
		}
	}
	looked := collector.LookupSettings{Labels: l.labels, LabelName: labelName(n.Name), OID: setting.ParseOID(n.OID.String()),
		Type: c.kind(n), DisplayHint: hint(l.DisplayHint, n), EnumValues: enumOf(n)}
	if looked.Type == "gauge" && len(looked.EnumValues) > 0 && c.override(n).Type != "gauge" {
		looked.Type = "EnumAsInfo"
	}
	return looked
}

func sameParent(a, b snmp.OID) bool {
	x, _, _ := cutLast(a.String())
	y, _, _ := cutLast(b.String())
	return x == y
}

// filter is an entry of filters whose objects were found, as dotted OIDs.
type filter struct {
	*Filter
	targets []string
}

func (c *compilation) findFilters() []filter {
	var list []filter
	for i := range c.settings.Filters {
		f := filter{Filter: &c.settings.Filters[i]}
		for j, text := range f.Targets {
			if target, ok := c.findOrOID(fmt.Sprintf("%s.targets[%d]", f.at, j), text); ok {
				f.targets = append(f.targets, target)
			}
		}
		if f.OID != "" {
			oid, ok := c.findOrOID(f.at+".oid", f.OID)
			if !ok {
				continue
			}
			c.out.Filters = append(c.out.Filters, collector.FilterSettings{OID: setting.ParseOID(oid), Targets: parseOIDs(f.targets), Values: f.Values})
		}
		list = append(list, f)
	}
	return list
}

// findOrOID finds a name. An OID may be one that no MIB knows.
func (c *compilation) findOrOID(path, text string) (string, bool) {
	if _, err := snmp.ParseOID(text); err == nil {
		return strings.TrimPrefix(text, "."), true
	}
	f, ok := c.find(path, text)
	if !ok {
		return "", false
	}
	return f.oid(), true
}

// narrowLike asks for as little of m as a filter leaves of the column that is looked up.
func (c *compilation) narrowLike(m *metric, column string, filters []filter) {
	for _, f := range filters {
		if len(f.Indices) > 0 && slices.Contains(f.targets, column) {
			c.narrow(m.oid, f.Indices)
		}
	}
}

func (c *compilation) applyFilters(filters []filter) {
	for _, f := range filters {
		for _, target := range f.targets {
			if len(f.Indices) > 0 {
				c.narrow(target, f.Indices)
			}
		}
	}
}

// narrow asks for instances in the place of a subtree: of its columns, if there are any below it.
func (c *compilation) narrow(oid string, indices []string) {
	delete(c.wanted, oid)
	columns := []string{oid}
	for _, m := range c.metrics {
		if strings.HasPrefix(m.oid, oid+".") {
			columns = append(columns, m.oid)
		}
	}
	if len(columns) > 1 {
		columns = columns[1:]
	}
	for _, column := range columns {
		for _, index := range indices {
			c.wanted[column+"."+index+"."] = true
		}
	}
}
