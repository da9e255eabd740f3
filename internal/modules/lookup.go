package modules

import (
	"bytes"
	"fmt"
	"slices"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// lookup is an entry of lookups with its object.
type lookup struct {
	settings *Lookup
	found
	at     string   // position in the configuration
	labels []string // source indexes as labels
	used   bool     // a metric has all labels
}

func (c *compilation) findLookups() []lookup {
	var list []lookup
	for i := range c.settings.Lookups {
		l := lookup{settings: &c.settings.Lookups[i], at: fmt.Sprintf("lookups[%d]", i)}
		path := l.at + ".lookup"
		f, ok := c.find(path, l.settings.Lookup)
		if !ok {
			continue
		}
		if c.kind(f.node) == "" {
			c.problems.Add(path, "%s has no value that could be a label", l.settings.Lookup)
			continue
		}
		l.found = f
		for _, name := range l.settings.SourceIndexes {
			l.labels = append(l.labels, labelName(name))
		}
		list = append(list, l)
	}
	return list
}

// applyLookups adds the labels of a lookup to the metrics that have all its source labels.
func (c *compilation) applyLookups(lookups []lookup, filters []filter) {
	required := map[string]bool{} // source labels of lookups
	for _, l := range lookups {
		for _, name := range l.labels {
			required[name] = true
		}
	}
	for _, m := range c.metrics {
		var dropped []collector.LookupSettings
		for i := range lookups {
			l := &lookups[i]
			if !hasAll(m, l.labels) {
				continue
			}
			l.used = true
			looked := c.lookedUp(m, l)
			m.Lookups = append(m.Lookups, looked)
			if required[looked.LabelName] {
				m.Indexes = append(m.Indexes, collector.IndexSettings{LabelName: looked.LabelName, Type: looked.Type, Looked: true})
			}
			column := looked.OID.ObjectID().String()
			c.askBeside(m, column)
			c.narrowLike(m, column, filters)
			for _, name := range l.labels {
				if l.settings.DropSourceIndexes {
					dropped = append(dropped, collector.LookupSettings{LabelName: name})
				}
			}
		}
		m.Lookups = append(m.Lookups, dropped...)
	}
	for i := range lookups {
		if l := &lookups[i]; !l.used {
			c.warnUnusedLookup(l)
		}
	}
}

// warnUnusedLookup warns of a lookup whose source labels no metric has.
func (c *compilation) warnUnusedLookup(l *lookup) {
	var known []string
	for _, m := range c.metrics {
		for _, x := range m.Indexes {
			if !slices.Contains(known, x.LabelName) {
				known = append(known, x.LabelName)
			}
		}
	}
	for _, name := range l.labels {
		if !slices.Contains(known, name) {
			c.warnings.Add(l.at+".source_indexes", "no effect: no metric of the module has the index %s%s", name, suggestion(name, known))
			return
		}
	}
	c.warnings.Add(l.at+".source_indexes", "no effect: no metric of the module has all of these indexes")
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
		Type: c.kind(n), DisplayHint: hint(l.settings.DisplayHint, n), EnumValues: enumOf(n), Every: l.settings.Every}
	if looked.Type == "gauge" && len(looked.EnumValues) > 0 && c.override(n).Type != "gauge" {
		looked.Type = "EnumAsInfo"
	}
	return looked
}

func sameParent(a, b snmp.OID) bool { return bytes.Equal(a.Parent(), b.Parent()) }
