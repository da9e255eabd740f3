package collector

import (
	"bytes"
	"slices"

	"trapline/internal/engine"
	"trapline/internal/snmp"
)

// filter narrows a plan to the rows of a table in which one object has a wanted value.
type filter struct {
	oid     snmp.OID
	targets []snmp.OID
	wanted  func(value []byte) bool
}

func newFilter(s *FilterSettings) filter {
	values := s.Values
	return filter{s.OID.OID, oids(s.Targets), func(value []byte) bool {
		for _, r := range values {
			if r.Match(value) {
				return true
			}
		}
		return false
	}}
}

// indexSet collects the indexes of the rows that a filter lets through.
type indexSet struct {
	*filter
	indexes [][]byte
	text    []byte
}

func (s *indexSet) add(v snmp.VarBind) {
	form := textForm{kind: "DisplayString"}
	s.text = validUTF8(form.appendText(s.text[:0], v))
	if s.wanted(s.text) {
		s.indexes = append(s.indexes, bytes.Clone(v.Name[len(s.oid):]))
	}
}

// narrow replaces what sets have as targets, in walks and gets, by the instances they let through. An
// instance that several filters aim at needs to pass all of them.
func narrow(p engine.Plan, sets []indexSet) engine.Plan {
	allowed := map[string]map[string]int{}
	filters := map[string]int{}
	var order []snmp.OID
	for _, s := range sets {
		for _, target := range s.targets {
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

// sortedIndexes gives the indexes that every one of n filters let through.
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
