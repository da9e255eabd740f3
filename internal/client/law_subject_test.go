package client_test

import (
	"bytes"
	"slices"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/snmp"
)

// lawSubject is the plan of polls: modules, or the automatic selection for the device.
type lawSubject struct {
	name    string
	modules []*collector.Module
	book    *profile.Registry // for "auto", without modules
	columns []snmp.OID        // of all metrics and lookups, sorted, none within another
}

func newLawSubject(name string, settings ...*collector.Settings) *lawSubject {
	s := &lawSubject{name: name, columns: columnsOfSettings(settings)}
	for _, m := range settings {
		s.modules = append(s.modules, collector.Compile(name, m))
	}
	return s
}

func newAutoSubject(book *profile.Registry) *lawSubject {
	var settings []*collector.Settings
	for _, m := range book.Modules() {
		s, err := m.Settings()
		if err != nil {
			panic(err)
		}
		settings = append(settings, s)
	}
	return &lawSubject{name: profile.Auto, book: book, columns: columnsOfSettings(settings)}
}

// target returns the subject as a target. Each target caches its own selection.
func (s *lawSubject) target(spec client.Spec, params client.Params) (*poller.Target, error) {
	if s.book == nil {
		return &poller.Target{Name: s.name, Spec: spec, Modules: s.modules, Params: params}, nil
	}
	catalog := poller.NewCatalog(map[string]*access.Auth{"auth": spec.Auth}, nil, func() (*profile.Registry, error) { return s.book, nil })
	settings := poller.TargetSettings{Name: s.name, Address: spec.Address, Auth: "auth", Modules: []string{profile.Auto}, Params: params}
	return poller.NewTarget(&settings, &poller.Global{}, catalog)
}

func columnsOfSettings(settings []*collector.Settings) (list []snmp.OID) {
	for _, s := range settings {
		for i := range s.Metrics {
			m := &s.Metrics[i]
			list = append(list, m.OID.OID)
			for _, l := range m.Lookups {
				if len(l.OID.OID) > 0 {
					list = append(list, l.OID.OID)
				}
			}
		}
	}
	slices.SortFunc(list, snmp.OID.Compare)
	return slices.CompactFunc(list, func(a, b snmp.OID) bool { return b.HasPrefix(a) })
}

// place is where an object stands in a table.
type place struct {
	table, index string
	column       snmp.OID
}

// placeOf reports where the subject sees an object, if it does.
func (s *lawSubject) placeOf(name snmp.OID) (p place, ok bool) {
	at, found := slices.BinarySearchFunc(s.columns, name, snmp.OID.Compare)
	if !found {
		at--
	}
	if at < 0 || !name.HasPrefix(s.columns[at]) {
		return p, false
	}
	c := s.columns[at]
	end := len(c) - 1
	for end > 0 && c[end-1] >= 0x80 {
		end--
	}
	return place{string(c[:max(end, 0)]), string(name[len(c):]), c}, true
}

// row is one row of a table: the places of its objects in a list.
type row struct {
	table, index string
	objects      []int
}

// rows lists the rows of all tables that the subject sees among objects.
func (s *lawSubject) rows(objects []lawObject) (list []row) {
	at := map[[2]string]int{}
	for i := range objects {
		p, ok := s.placeOf(objects[i].name)
		if !ok {
			continue
		}
		key := [2]string{p.table, p.index}
		n, known := at[key]
		if !known {
			n = len(list)
			at[key] = n
			list = append(list, row{table: p.table, index: p.index})
		}
		list[n].objects = append(list[n].objects, i)
	}
	return list
}

func sameName(a, b lawObject) bool { return bytes.Equal(a.name, b.name) }
