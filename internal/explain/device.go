package explain

import (
	"slices"
	"strings"
	"time"

	"trapline/collector"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/fleet"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// maxSources bounds the metrics of a device.
const maxSources = 1000

// scalars is the name of what is in no table.
const scalars = "scalars"

// device returns how far the target answers, and where its metrics come from.
func (w *inquiry) device() (*api.Device, error) {
	u := w.summary
	t, err := w.explainer.fleet.Target(w.Target)
	if err != nil {
		return nil, err
	}
	d := &api.Device{
		Address: t.Address, Auth: t.Auth, EngineID: t.EngineID, Ladder: fleet.Ladder(u), Profile: t.Profile, Duration: t.Duration,
		Window: t.Window, Loss: t.Loss, Modules: []api.DeviceModule{}, Tables: []api.DeviceRows{}, Metrics: []api.Source{},
	}
	p := u.Last
	if p == nil {
		return d, nil
	}
	d.Packets, d.Retransmitted, d.Modules = p.Stats.Packets, p.Stats.Retries, modulesAsked(p)
	at := map[string]int{}
	for n, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			if c.Desc.Object == nil || c.Len() == 0 {
				continue
			}
			w.addRows(d, at, c)
			if len(d.Metrics) < maxSources {
				d.Metrics = append(d.Metrics, w.source(c, 0, moduleOf(p, n)))
			}
		}
	}
	slices.SortStableFunc(d.Tables, func(a, b api.DeviceRows) int {
		if (a.Name == scalars) != (b.Name == scalars) {
			return map[bool]int{true: 1, false: -1}[a.Name == scalars]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return d, nil
}

// moduleOf is the module that a set is of, nil of the pass itself.
func moduleOf(p *poller.Pass, set int) *collector.Module {
	if set < len(p.Modules) {
		return p.Modules[set]
	}
	return nil
}

// modulesAsked is how a pass went with each module, by the series that it has about itself.
func modulesAsked(p *poller.Pass) []api.DeviceModule {
	list := []api.DeviceModule{}
	for _, set := range p.Sets[min(len(p.Modules), len(p.Sets)):] {
		for i := range set.Columns {
			c := &set.Columns[i]
			for n, v := range c.Values {
				if n == len(list) {
					list = append(list, api.DeviceModule{Name: catalog.LabelOf(c.Table.Row(c.RowOf(n)), "module")})
				}
				switch m := &list[n]; c.Desc.Name {
				case "snmp_scrape_packets_sent":
					m.Packets = int(v)
				case "snmp_scrape_packets_retried":
					m.Retransmitted = int(v)
				case "snmp_scrape_pdus_returned":
					m.Values = int(v)
				case "snmp_scrape_duration_seconds":
					m.Duration = v
				}
			}
		}
	}
	return list
}

// carried is the state of a table that the last poll did not read.
const carried = "carried"

// addRows counts the rows of the table that a column is of.
func (w *inquiry) addRows(d *api.Device, at map[string]int, c *series.Column) {
	object := snmp.OID(c.Desc.Object)
	name, table := scalars, snmp.OID(nil)
	if len(c.Table.Ends) > 1 || len(c.Table.Labels) > 0 {
		table = object.Parent().Parent()
		name = catalog.ObjectName(w.tree, table)
	}
	i, known := at[name]
	if !known {
		i = len(d.Tables)
		at[name] = i
		d.Tables = append(d.Tables, api.DeviceRows{Name: name, State: "whole", Read: w.Poll})
	}
	rows := &d.Tables[i]
	switch {
	case c.Carried == nil && rows.State == carried:
		rows.State, rows.Read, rows.Due = "whole", w.Poll, time.Time{}
	case c.Carried != nil && !known:
		rows.State, rows.Read, rows.Due = carried, c.Carried.Read, c.Carried.Due
	}
	if table == nil {
		rows.Rows++
	} else {
		rows.Rows = max(rows.Rows, len(c.Table.Ends))
	}
	for _, e := range w.summary.Last.Errors {
		if rows.State != "partial" && e.OID != nil && (object.HasPrefix(e.OID) || e.OID.HasPrefix(object)) {
			words := w.summary.Words(e, *w.summary.Last)
			rows.State, rows.Text = "partial", words.First()
		}
	}
}
