package collector

import (
	"bytes"
	"slices"

	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Filter narrows a plan to the rows of Targets in which an object has a wanted value.
type Filter struct {
	Object  snmp.OID
	Targets []snmp.OID
	Values  []setting.Regexp
}

func newFilter(s *FilterSettings) Filter {
	return Filter{s.OID.OID, oids(s.Targets), s.Values}
}

func (f *Filter) wanted(value []byte) bool {
	return slices.ContainsFunc(f.Values, func(r setting.Regexp) bool { return r.Match(value) })
}

// Filtered reports whether the module asks for filters' objects before all others.
func (m *Module) Filtered() bool { return len(m.filters) > 0 }

// Narrows reports whether the filter decides over the rows of an object.
func (f *Filter) Narrows(object snmp.OID) bool {
	return slices.ContainsFunc(f.Targets, func(t snmp.OID) bool { return object.HasPrefix(t) })
}

// indexSet collects the indexes of the rows that a filter lets through.
type indexSet struct {
	filter  *Filter
	indexes [][]byte
	dropped Dropped
	text    []byte
}

// filtered returns the text of a value that filters match, appended to dst[:0].
func filtered(dst []byte, v snmp.VarBind) []byte {
	form := textForm{format: characters}
	return validUTF8(form.appendText(dst[:0], v))
}

func (s *indexSet) add(v snmp.VarBind) {
	s.text = filtered(s.text, v)
	index := bytes.Clone(v.Name[len(s.filter.Object):])
	if s.dropped.Of++; s.filter.wanted(s.text) {
		s.indexes = append(s.indexes, index)
		return
	}
	if s.dropped.Count++; len(s.dropped.Rows) < maxDroppedRows {
		s.dropped.Rows = append(s.dropped.Rows, DroppedRow{index, string(s.text[:min(len(s.text), maxNoted)])})
	}
}

// narrow returns the plan with the targets of the filters, in walks and gets, replaced by the instances that match.
// An instance that is a target of several filters has to match all of them.
func narrow(p client.Plan, sets []indexSet) client.Plan {
	allowed := map[string]map[string]int{}
	filters := map[string]int{}
	var order []snmp.OID
	for _, s := range sets {
		for _, target := range s.filter.Targets {
			key := string(target)
			if allowed[key] == nil {
				allowed[key] = map[string]int{}
				order = append(order, target)
			}
			filters[key]++
			for _, index := range s.indexes {
				allowed[key][string(index)]++
			}
		}
	}
	p.Walk = slices.DeleteFunc(slices.Clone(p.Walk), func(o snmp.OID) bool { return filters[string(o)] > 0 })
	p.Get = slices.DeleteFunc(slices.Clone(p.Get), func(o snmp.OID) bool {
		return slices.ContainsFunc(order, func(t snmp.OID) bool { return o.HasPrefix(t) })
	})
	for _, target := range order {
		for _, index := range sortedIndexes(allowed[string(target)], filters[string(target)]) {
			p.Get = append(p.Get, append(slices.Clone(target), index...))
		}
	}
	p.Columns = nil
	return minimal(p)
}

// sortedIndexes returns the indexes that match all n filters.
func sortedIndexes(counts map[string]int, n int) [][]byte {
	var list [][]byte
	for index, count := range counts {
		if count >= n {
			list = append(list, []byte(index))
		}
	}
	slices.SortFunc(list, func(a, b []byte) int { return snmp.OID(a).Compare(b) })
	return list
}
