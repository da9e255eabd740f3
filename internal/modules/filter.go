package modules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// filter is an entry of filters with its objects as dotted OIDs.
type filter struct {
	settings *Filter
	oid      string // of the object that is compared, or empty
	targets  []string
}

func (c *compilation) findFilters() []filter {
	var list []filter
	for i := range c.settings.Filters {
		f := filter{settings: &c.settings.Filters[i]}
		for j, text := range f.settings.Targets {
			if target, ok := c.findOrOID(fmt.Sprintf("%s.targets[%d]", f.settings.at, j), text); ok {
				f.targets = append(f.targets, target)
			}
		}
		if f.settings.OID != "" {
			f.oid, _ = c.findOrOID(f.settings.at+".oid", f.settings.OID)
		}
		list = append(list, f)
	}
	return list
}

// findOrOID resolves a name, or returns an OID that is in no MIB unchanged.
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

// applyFilters restricts the OIDs to poll by fixed indexes, and copies the filters that compare
// values at each poll.
func (c *compilation) applyFilters(filters []filter) {
	for _, f := range filters {
		var columns []string
		for _, target := range f.targets {
			c.split(target)
			columns = append(columns, c.columnsOf(target)...)
		}
		if len(f.settings.Indices) > 0 {
			for _, column := range columns {
				c.narrow(column, f.settings.Indices)
			}
		}
		if f.oid != "" {
			c.out.Filters = append(c.out.Filters, collector.FilterSettings{OID: setting.ParseOID(f.oid), Targets: parseOIDs(columns), Values: f.settings.Values, Every: f.settings.Every})
		}
	}
}

// split replaces a walk that contains target by walks of single columns, because only these can be
// restricted. snmp_exporter's generator keeps the walk, and the filter has no effect.
func (c *compilation) split(target string) {
	if c.library.merged {
		return
	}
	for _, root := range slices.Collect(maps.Keys(c.wanted)) {
		if strings.HasSuffix(root, ".") || !strings.HasPrefix(target+".", root+".") {
			continue
		}
		delete(c.wanted, root)
		for _, m := range c.metrics {
			switch {
			case !strings.HasPrefix(m.oid+".", root+"."):
			case len(m.Indexes) == 0:
				c.wanted[m.oid+".0."] = true
			default:
				c.wanted[m.oid] = true
			}
		}
	}
}

// columnsOf returns the columns with metrics in the subtree of target, or target if there are none.
func (c *compilation) columnsOf(target string) []string {
	var columns []string
	for _, m := range c.metrics {
		if strings.HasPrefix(m.oid, target+".") && len(m.Indexes) > 0 {
			columns = append(columns, m.oid)
		}
	}
	if len(columns) == 0 {
		return []string{target}
	}
	return columns
}

// narrowLike restricts m to the rows to which filters restrict the lookup column.
func (c *compilation) narrowLike(m *metric, column string, filters []filter) {
	for _, f := range filters {
		if len(f.settings.Indices) > 0 && slices.Contains(f.targets, column) {
			c.narrow(m.oid, f.settings.Indices)
		}
	}
}

// narrow replaces the walk of a column by gets of instances.
func (c *compilation) narrow(column string, indices []string) {
	delete(c.wanted, column)
	for _, index := range indices {
		c.wanted[column+"."+index+"."] = true
	}
}
