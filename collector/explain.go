package collector

import (
	"cmp"
	"fmt"
	"strings"

	"trapline/internal/snmp"
)

// Explainer explains which series a pass makes of variable bindings.
type Explainer struct {
	module *Module
	seen   map[int]bool // objects that something came of
}

// Explainer makes one for a pass.
func (m *Module) Explainer() *Explainer { return &Explainer{m, map[int]bool{}} }

// Explain returns one line with the metrics and labels that use v.
func (x *Explainer) Explain(v snmp.VarBind) string {
	if !v.Type.HasValue() {
		return fmt.Sprintf("%s: nothing there (%s)", v.Name, v.Type)
	}
	var uses []string
	m := x.module
	for i := m.match(v.Name, -1); i >= 0; i = m.objects[i].parent {
		o := &m.objects[i]
		x.seen[i] = true
		index := snmp.AppendIndexText(nil, v.Name[len(o.oid):])
		for _, c := range m.columnsOf(o) {
			uses = append(uses, fmt.Sprintf("%s (%s), index %s%s", m.columns[c].desc.Name, m.columns[c].typeName(), index, x.labelsOf(c)))
		}
		if o.kept >= 0 {
			uses = append(uses, fmt.Sprintf("kept for labels that look up %s", o.oid))
		}
	}
	if uses == nil {
		return fmt.Sprintf("%s: no metric of module %s has it", v.Name, m.Name)
	}
	return fmt.Sprintf("%s: %s", v.Name, strings.Join(uses, "; "))
}

func (x *Explainer) labelsOf(column int) string {
	names := x.module.tables[x.module.columns[column].table].names()
	if len(names) == 0 {
		return ""
	}
	return ", labels " + strings.Join(names, " ")
}

// columnsOf returns the columns made of an object, also those made at the end of the pass.
func (m *Module) columnsOf(o *object) []int {
	list := o.columns
	for i := range m.columns {
		if c := &m.columns[i]; c.deferred != nil && string(c.oid) == string(o.oid) {
			list = append(list[:len(list):len(list)], i)
		}
	}
	return list
}

// Missing says which metrics nothing came for, in one line each.
func (x *Explainer) Missing() []string {
	var lines []string
	m := x.module
	for i := range m.objects {
		if x.seen[i] {
			continue
		}
		o := &m.objects[i]
		why := "the target answered with nothing below that OID"
		if !m.asks(o.oid) {
			why = "neither walk nor get of the module asks for it"
		}
		for _, c := range m.columnsOf(o) {
			lines = append(lines, fmt.Sprintf("metric %s (%s) has no series: %s", m.columns[c].desc.Name, o.oid, why))
		}
		if o.kept >= 0 && len(m.columnsOf(o)) == 0 {
			lines = append(lines, fmt.Sprintf("labels that look up %s are empty: %s", o.oid, why))
		}
	}
	return lines
}

func (m *Module) asks(oid snmp.OID) bool {
	for _, list := range [][]snmp.OID{m.Plan.Walk, m.Plan.Get} {
		for _, o := range list {
			if oid.HasPrefix(o) || o.HasPrefix(oid) {
				return true
			}
		}
	}
	return false
}

func (c *column) typeName() string { return cmp.Or(c.fileType, "text") }
