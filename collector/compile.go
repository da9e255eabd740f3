package collector

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/client"
	"trapline/internal/measure"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Module is a module's settings compiled to columns. It is read-only and may be used by any number
// of passes at once.
type Module struct {
	Name     string
	Warnings []string // settings that have no effect
	Plan     client.Plan

	filters []Filter
	objects []object // sorted by OID
	tables  []*labelSchema
	columns []column // sorted by name
	kept    int      // number of held.Lists

	measures    *measure.Program
	labelNames  map[string]bool
	conversions sync.Pool // of *conversion

	settings *Settings
	clocking sync.Once // of clocks
	clocks   []Clock
}

// Clock says how often a part of a module's plan is read, where that is not in every poll.
type Clock struct {
	Object snmp.OID      // an instance or column of the plan, or the object of a filter
	Every  time.Duration // 0 of labels for which no time is set
	Label  bool          // nothing but labels is made of it
	Filter bool          // it decides over the rows of others
	Beside []Watch       // objects of the module whose rows have labels from it
}

// Watch is an object that shows whether rows are still those that they were.
type Watch struct {
	Object snmp.OID
	Values bool // and which rows its values name
}

// object is an OID that something is made of: samples, labels, or both.
type object struct {
	oid     snmp.OID
	parent  int // the object that this one lies below, or -1
	columns []int
	kept    int // number of its held.List, or -1
}

// column makes samples of the instances of one object.
type column struct {
	desc     series.Desc
	oid      snmp.OID
	table    int
	fileType string
	convert  converter
	deferred *deferred // set where the samples wait for the end of the pass
	form     textForm
	label    string // the label that holds the value, or ""
	scale    float64
	offset   float64
	states   []state
	pattern  string
	extracts []RegexpExtract
	shadowed bool // a later metric of the module has the same OID
}

// deferred is the part of a column whose values depend on those of another object.
type deferred struct {
	kept     int
	subtypes *subtypeSource
}

// state is one label of an enumeration with its rendered label.
type state struct {
	value int
	label []byte
}

type moduleBuilder struct {
	module   *Module
	byOID    map[string]*object
	schemas  map[string]int
	reserved []string
	distinct bool
}

// Compile prepares settings that have been checked. Labels whose names are reserved, because all
// series of a target have a label of that name, get "exported_" in front.
func Compile(name string, s *Settings, reserved ...string) *Module {
	b := &moduleBuilder{module: &Module{Name: name, settings: s, labelNames: map[string]bool{}}, byOID: map[string]*object{}, schemas: map[string]int{}, reserved: reserved, distinct: s.Distinct}
	b.module.Plan = client.Plan{Get: oids(s.Get), Walk: oids(s.Walk), Params: s.Params}
	for i := range s.Filters {
		b.module.filters = append(b.module.filters, newFilter(&s.Filters[i]))
	}
	if len(b.module.filters) == 0 {
		b.module.Plan = minimal(b.module.Plan)
	}
	for i := range s.Metrics {
		b.shadow(s.Metrics[i].OID.OID)
		b.addMetric(&s.Metrics[i])
	}
	b.module.measures = measure.New(s.Measures, b.keep, b.labelName)
	b.sortColumns()
	b.sortObjects()
	b.module.Plan.Columns = b.wanted(b.module.Plan.Walk)
	return b.module
}

// wanted returns the columns, below the roots of the walks, that the module uses. It keeps a subtree
// whole if nothing in it has an index: one walk of several scalars takes fewer requests.
func (b *moduleBuilder) wanted(walks []snmp.OID) []snmp.OID {
	var list []snmp.OID
	for _, root := range walks {
		columns, indexed := b.columnsBelow(root)
		if !indexed {
			columns = []snmp.OID{root}
		}
		list = append(list, columns...)
	}
	return list
}

// columnsBelow returns the objects in a subtree, and reports whether any of them has rows.
func (b *moduleBuilder) columnsBelow(root snmp.OID) (list []snmp.OID, indexed bool) {
	for i := range b.module.objects {
		o := &b.module.objects[i]
		if !o.oid.HasPrefix(root) {
			continue
		}
		indexed = indexed || o.kept >= 0 || slices.ContainsFunc(o.columns, func(c int) bool {
			return len(b.module.tables[b.module.columns[c].table].indexes) > 0
		})
		if o.parent < 0 || !b.module.objects[o.parent].oid.HasPrefix(root) {
			list = append(list, o.oid)
		}
	}
	return list, indexed
}

func oids[T interface{ ObjectID() snmp.OID }](settings []T) []snmp.OID {
	list := make([]snmp.OID, 0, len(settings))
	for _, s := range settings {
		list = append(list, s.ObjectID())
	}
	return list
}

// minimal returns the plan without the walks and gets that another walk of the plan covers.
func minimal(p client.Plan) client.Plan {
	walked := func(o snmp.OID, strictly bool) bool {
		return slices.ContainsFunc(p.Walk, func(w snmp.OID) bool {
			return o.HasPrefix(w) && !(strictly && bytes.Equal(o, w))
		})
	}
	walks := slices.DeleteFunc(slices.Clone(p.Walk), func(o snmp.OID) bool { return walked(o, true) })
	gets := slices.DeleteFunc(slices.Clone(p.Get), func(o snmp.OID) bool { return walked(o, false) })
	p.Walk, p.Get = unique(walks), unique(gets)
	return p
}

func unique(list []snmp.OID) []snmp.OID {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(o snmp.OID) bool {
		again := seen[string(o)]
		seen[string(o)] = true
		return again
	})
}

func (b *moduleBuilder) warn(format string, args ...any) {
	b.module.Warnings = append(b.module.Warnings, fmt.Sprintf("module %s: ", b.module.Name)+fmt.Sprintf(format, args...))
}

func (b *moduleBuilder) labelName(name string) string {
	name = series.LabelName(name)
	if slices.Contains(b.reserved, name) {
		name = "exported_" + name
	}
	b.module.labelNames[name] = true
	return name
}

// HasLabel reports whether series of the module may have a label of that name.
func (m *Module) HasLabel(name string) bool { return m.labelNames[name] }

func (b *moduleBuilder) object(oid snmp.OID) *object {
	o := b.byOID[string(oid)]
	if o == nil {
		o = &object{oid: oid, parent: -1, kept: -1}
		b.byOID[string(oid)] = o
	}
	return o
}

// keep returns the number of the held.List for the object's values.
func (b *moduleBuilder) keep(oid snmp.OID) int {
	o := b.object(oid)
	if o.kept < 0 {
		o.kept = b.module.kept
		b.module.kept++
	}
	return o.kept
}

func (b *moduleBuilder) subtypeOf(f *format, oid snmp.OID) *subtypeSource {
	if f.subtypes == nil {
		return nil
	}
	return &subtypeSource{b.keep(previous(oid)), f.subtypes}
}

// previous returns oid with its last number decremented: in a table, the column in front.
func previous(oid snmp.OID) snmp.OID {
	parent, last := oid.CutLast()
	if len(parent) == 0 || last == 0 {
		return oid
	}
	return snmp.AppendArc(slices.Clip(parent), last-1)
}

// addMetric makes the columns of one metric. Of two metrics with one OID both are made.
func (b *moduleBuilder) addMetric(m *MetricSettings) {
	t := typeNamed(m.Type)
	kind := &t.samples
	base := column{
		oid:      m.OID.OID,
		fileType: m.Type,
		convert:  kind.convert,
		form:     textForm{format: t.format, hint: b.hint(m.DisplayHint), enum: m.EnumValues},
		scale:    m.Scale,
		offset:   m.Offset,
		pattern:  m.DateTimePattern,
		desc:     series.Desc{Name: m.Name + kind.nameSuffix, Help: m.Help + kind.helpSuffix, Type: kind.metricType, Object: m.OID.OID, Derived: kind.derived},
	}
	if b.distinct {
		base.desc.Qualifier = string(series.AppendLabel(nil, 0, "oid", []byte(base.oid.String())))
	}
	drop := ""
	if kind.labels == oneForEachState || kind.labels == valueAsLabel && b.distinct && leavesOut(m, m.Name) {
		drop = m.Name
	}
	base.table = b.table(m, drop)
	labeled := b.module.tables[base.table].has(m.Name)
	if kind.labels != noLabel && !labeled {
		base.label = b.labelName(m.Name)
		base.states = states(base.label, m.EnumValues)
	}
	if kind.labels == noLabel {
		base.desc.Scale, base.desc.Offset = m.Scale, m.Offset
	}
	base.desc.Derived = base.desc.Derived || kind.labels != noLabel && labeled // the text is in a label of the index
	if source := b.subtypeOf(t.format, m.OID.OID); source != nil {
		base.deferred = &deferred{b.keep(m.OID.OID), source}
	}
	switch {
	case kind.labels == valueAsLabel && len(m.RegexpExtracts) > 0:
		b.addExtracts(base, m)
	case kind.skipIfLabeled && labeled:
		b.warn("metric %s makes no series: its label %s is an index already", base.desc.Name, m.Name)
	default:
		b.module.columns = append(b.module.columns, base)
	}
}

func (b *moduleBuilder) shadow(oid snmp.OID) {
	for i := range b.module.columns {
		if bytes.Equal(b.module.columns[i].oid, oid) {
			b.module.columns[i].shadowed = true
		}
	}
}

func (b *moduleBuilder) addExtracts(base column, m *MetricSettings) {
	for suffix, extracts := range m.RegexpExtracts {
		c := base
		c.desc.Name, c.desc.Help = m.Name+suffix, m.Help+" (regex extracted)"
		c.label, c.convert, c.extracts, c.desc.Derived = "", extract, extracts, true
		b.module.columns = append(b.module.columns, c)
	}
}

func (b *moduleBuilder) table(m *MetricSettings, drop string) int {
	if drop != "" && !slices.ContainsFunc(m.Indexes, func(x IndexSettings) bool { return x.LabelName == drop }) &&
		!slices.ContainsFunc(m.Lookups, func(l LookupSettings) bool { return l.LabelName == drop }) {
		drop = ""
	}
	key := schemaKey(m, drop)
	if i, ok := b.schemas[key]; ok {
		return i
	}
	schema := b.newLabelSchema(m, drop)
	if b.distinct {
		b.makeDistinct(schema, m, drop)
	}
	b.module.tables = append(b.module.tables, schema)
	b.schemas[key] = len(b.module.tables) - 1
	return b.schemas[key]
}

// states renders the labels of an enumeration, sorted by text so that equal texts are neighbors.
func states(label string, enum map[int]string) []state {
	list := make([]state, 0, len(enum))
	for value, text := range enum {
		list = append(list, state{value, series.AppendLabel(nil, 0, label, []byte(text))})
	}
	slices.SortFunc(list, func(a, b state) int {
		if c := bytes.Compare(a.label, b.label); c != 0 {
			return c
		}
		return a.value - b.value
	})
	return list
}

func (b *moduleBuilder) sortColumns() {
	slices.SortStableFunc(b.module.columns, func(x, y column) int {
		if c := strings.Compare(x.desc.Name, y.desc.Name); c != 0 {
			return c
		}
		return bytes.Compare(x.oid, y.oid)
	})
	for i := range b.module.columns {
		if c := &b.module.columns[i]; c.deferred == nil {
			o := b.object(c.oid)
			o.columns = append(o.columns, i)
		} else {
			b.object(c.oid)
		}
	}
}

// sortObjects orders the objects for the search, and takes the columns from those that lie below
// another metric's: the first metric on the way from the root has the instance.
func (b *moduleBuilder) sortObjects() {
	for _, o := range b.byOID {
		b.module.objects = append(b.module.objects, *o)
	}
	slices.SortFunc(b.module.objects, func(x, y object) int { return bytes.Compare(x.oid, y.oid) })
	for i := range b.module.objects {
		o := &b.module.objects[i]
		for p := i - 1; p >= 0 && o.parent < 0; p = b.module.objects[p].parent {
			if bytes.HasPrefix(o.oid, b.module.objects[p].oid) {
				o.parent = p
			}
		}
		if above := b.metricAbove(o.parent); above != nil && len(o.columns) > 0 {
			b.warn("metric %s never has a value: it lies below %s (%s)", b.module.columns[o.columns[0]].desc.Name, b.module.columns[above.columns[0]].desc.Name, above.oid)
			o.columns = nil
		}
	}
}

func (b *moduleBuilder) metricAbove(i int) *object {
	for ; i >= 0; i = b.module.objects[i].parent {
		if len(b.module.objects[i].columns) > 0 {
			return &b.module.objects[i]
		}
	}
	return nil
}

// match returns the number of the innermost object that name is or lies below, or -1. The guess is
// the last answer.
func (m *Module) match(name snmp.OID, guess int) int {
	if guess >= 0 && bytes.HasPrefix(name, m.objects[guess].oid) &&
		(guess+1 == len(m.objects) || bytes.Compare(m.objects[guess+1].oid, name) > 0) {
		return guess
	}
	lo, hi := 0, len(m.objects)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if bytes.Compare(m.objects[mid].oid, name) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	i := lo - 1
	for i >= 0 && !bytes.HasPrefix(name, m.objects[i].oid) {
		i = m.objects[i].parent
	}
	return i
}

// keptObject is the object whose values are kept under a number.
func (m *Module) keptObject(kept int) snmp.OID {
	i := slices.IndexFunc(m.objects, func(o object) bool { return o.kept == kept })
	return m.objects[i].oid
}
