package modules

import (
	"bytes"
	"fmt"
	"slices"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// doubts returns warnings about a module with metrics: settings that can never have an effect, or
// not the intended one. snmp_exporter accepts them, so they are not errors.
func doubts(s *collector.Settings) []setting.Problem {
	d := &doubting{settings: s}
	for i := range s.Metrics {
		m := &s.Metrics[i]
		at := fmt.Sprintf("metrics[%d]", i)
		if !d.asked(m.OID.OID) {
			d.found.Add(at+".oid", "metric %s never has a value: neither walk nor get asks for %s: %s", m.Name, m.OID.OID, asking(m))
		}
		d.lookups(at, m)
	}
	for i, get := range s.Get {
		d.get(i, get.OID)
	}
	return d.found
}

// asking returns a hint how to poll a metric.
func asking(m *collector.MetricSettings) string {
	_, last := m.OID.CutLast()
	switch {
	case len(m.Indexes) > 0:
		return "add it to walk"
	case last == 0:
		return "add it to get"
	}
	return fmt.Sprintf("add it to walk, or %s.0 to get", m.OID.OID)
}

type doubting struct {
	settings *collector.Settings
	found    setting.Problems
}

// asked reports whether a walk or a get can return instances of an object.
func (d *doubting) asked(object snmp.OID) bool {
	if len(object) == 0 {
		return true // reported elsewhere
	}
	return slices.ContainsFunc(d.settings.Walk, func(walk setting.OID) bool {
		return object.HasPrefix(walk.OID) || walk.HasPrefix(object)
	}) || slices.ContainsFunc(d.settings.Get, func(get setting.OID) bool { return get.HasPrefix(object) })
}

// lookups reports lookups with an unknown source label, or of objects that are not polled.
func (d *doubting) lookups(at string, m *collector.MetricSettings) {
	if len(m.Lookups) == 0 {
		return
	}
	var labels []string
	for _, x := range m.Indexes {
		labels = append(labels, x.LabelName)
	}
	for j, l := range m.Lookups {
		path := fmt.Sprintf("%s.lookups[%d]", at, j)
		for k, label := range l.Labels {
			if !slices.Contains(labels, label) {
				d.found.Add(fmt.Sprintf("%s.labels[%d]", path, k), "no index of metric %s has the labelname %q, so that label %q stays empty%s",
					m.Name, label, l.LabelName, suggestion(label, labels))
			}
		}
		if len(l.Labels) == 0 {
			continue
		}
		if !d.asked(l.OID.OID) {
			d.found.Add(path+".oid", "label %q stays empty: nothing asks for %s: add it to walk", l.LabelName, l.OID.OID)
		}
		labels = append(labels, l.LabelName)
	}
}

// get reports an object in place of an instance.
func (d *doubting) get(i int, get snmp.OID) {
	at := slices.IndexFunc(d.settings.Metrics, func(m collector.MetricSettings) bool { return bytes.Equal(m.OID.OID, get) })
	path := fmt.Sprintf("get[%d]", i)
	_, last := get.CutLast()
	switch {
	case at < 0 || slices.ContainsFunc(d.settings.Walk, func(walk setting.OID) bool { return get.HasPrefix(walk.OID) }):
	case len(d.settings.Metrics[at].Indexes) > 0:
		d.found.Add(path, "get asks for one instance, and %s is a column, %s: put it under walk, or write an index behind it", get, d.settings.Metrics[at].Name)
	case last != 0:
		d.found.Add(path, "get asks for an instance, and %s is an object, %s: write %s.0, unless the device has it without an instance", get, d.settings.Metrics[at].Name, get)
	}
}
