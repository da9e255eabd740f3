package explain

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/collector"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// source is where a column comes from, with its sample i.
func (w *inquiry) source(c *series.Column, i int, m *collector.Module) api.Source {
	labels := string(c.Table.Row(c.RowOf(i)))
	if extra := string(c.ExtraOf(i)); extra != "" {
		labels = strings.Trim(labels+","+extra, ",")
	}
	s := api.Source{
		Metric: c.Desc.Name, Object: w.describe(c.Desc.Object), Series: c.Len(), Value: strconv.FormatFloat(c.Values[i], 'f', -1, 64),
		Raw: raw(c.Desc, c.Values[i]), Labels: labels, From: []api.LabelSource{}, Read: w.Poll,
	}
	if c.Carried != nil {
		s.Read, s.Due = c.Carried.Read, c.Carried.Due
	}
	if m != nil {
		s.Module, s.From = m.Name, w.labelsOf(c.Desc, m)
	}
	return s
}

// raw is the value that the device has sent, "" if it is the value of the sample, or several values make that.
func raw(d *series.Desc, v float64) string {
	if d.Derived || d.Computed || (d.Scale == 0 || d.Scale == 1) && d.Offset == 0 {
		return ""
	}
	v -= d.Offset
	if d.Scale != 0 {
		v /= d.Scale
	}
	return strconv.FormatFloat(v, 'g', 15, 64) // as scales round
}

// labelsOf is where the labels of a column come from.
func (w *inquiry) labelsOf(d *series.Desc, m *collector.Module) []api.LabelSource {
	list := []api.LabelSource{}
	columns := m.ColumnsOf(d.Name, nil)
	i := slices.IndexFunc(columns, func(c collector.Column) bool { return c.Desc == d })
	if i < 0 {
		return list
	}
	for _, label := range columns[i].Labels {
		one := api.LabelSource{Label: label, Read: w.Poll}
		if at := slices.IndexFunc(columns[i].Lookups, func(l collector.ColumnLookup) bool { return l.Label == label }); at >= 0 {
			object := columns[i].Lookups[at].Object
			one.Object = catalog.ObjectName(w.tree, object)
			if read, due := w.carried(object); !due.IsZero() {
				one.Read, one.Due = read, due
			}
		}
		list = append(list, one)
	}
	return list
}

// carried returns when an object was read that the last poll did not ask for, and when it is asked for next; zero if it was
// asked for.
func (w *inquiry) carried(object snmp.OID) (read, due time.Time) {
	if p := w.summary.Last; p != nil {
		for i := range p.Carried {
			if c := &p.Carried[i]; object.HasPrefix(c.Object) || c.Object.HasPrefix(object) {
				return c.Read, c.Due
			}
		}
	}
	return read, due
}

// shown returns the source of the first sample of the metric that was asked about, nil if there is none.
func (w *inquiry) shown() *api.Source {
	p := w.summary.Last
	if p == nil || w.column == nil {
		return nil
	}
	for n, set := range p.Sets {
		for k := range set.Columns {
			c := &set.Columns[k]
			for i := 0; c.Desc.Name == w.Metric && i < c.Len(); i++ {
				if row := c.RowOf(i); w.row.is(c.Table.Index(row), c.Table.Row(row), c.ExtraOf(i)) {
					s := w.source(c, i, moduleOf(p, n))
					return &s
				}
			}
		}
	}
	return nil
}

// since says when values of the metric arrived last, and when it is asked for again.
func (w *inquiry) since() (text string) {
	now := time.Now()
	if known := w.summary.Presence; known != nil {
		if last, had := known.Gone[w.Metric]; had {
			text = ", and nothing since the poll of " + api.Clock(last, now)
		} else if known.First.Before(w.Poll) {
			text = ", as in all polls since " + api.Clock(known.First, now)
		}
	}
	if _, due := w.carried(w.column.Desc.Object); !due.IsZero() {
		return text + "; it is asked again when the device restarts, or at " + api.Clock(due, now)
	}
	return text + "; it is asked again at " + api.Clock(w.next, now)
}
