package modules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Compiled is a module with all names resolved.
type Compiled struct {
	Settings *collector.Settings
	Warnings []setting.Problem // omissions and doubtful settings
}

// Compile resolves the names of a module. Settings are nil if it returns problems.
func (l *Library) Compile(s *Settings) (Compiled, []setting.Problem) {
	if !s.Native() {
		return l.written(s)
	}
	c := &compilation{library: l, settings: s, out: &collector.Settings{Params: s.Params, Interval: s.Interval, Distinct: true},
		wanted: map[string]bool{}, instances: map[string][]string{}, overrides: map[string]*override{}, measures: map[string]found{}}
	var err error
	if c.tree, err = l.tree(c.modulesNamed()); err != nil {
		c.problems.Add("", "%v", err)
		return Compiled{}, c.problems
	}
	c.findOverrides()
	roots := c.findRoots()
	lookups := c.findLookups()
	filters := c.findFilters()
	c.findMeasures()
	if len(c.problems) > 0 {
		return Compiled{}, c.problems
	}
	for _, root := range roots {
		if !hasValues(root.tree, root.node.OID) {
			c.warnings.Add("", "%s::%s (%s) makes no metric: no object below it has a value", root.node.Module, root.node.Name, root.node.OID)
		}
		c.addMetrics(root)
	}
	c.addMeasured()
	c.nameDoubles()
	c.applyLookups(lookups, filters)
	c.askForSubtypes()
	c.applyFilters(filters)
	c.askFor()
	c.warnUnused()
	return Compiled{c.out, c.warnings}, nil
}

// compilation is the state of compiling one module.
type compilation struct {
	library   *Library
	settings  *Settings
	tree      *mibs.Tree // the MIBs that the module names
	out       *collector.Settings
	metrics   []*metric
	wanted    map[string]bool     // OIDs to walk; those to get end with a dot
	instances map[string][]string // by column that is not walked: the indexes to get, each with a leading dot
	overrides map[string]*override
	measures  map[string]found // objects that measures name, by OID
	problems  setting.Problems
	warnings  setting.Problems
}

// metric is a metric with its object.
type metric struct {
	collector.MetricSettings
	node *mibs.Node
	oid  string
	tree *mibs.Tree
}

// find resolves the name text of the setting path.
func (c *compilation) find(path, text string) (found, bool) {
	if strings.HasPrefix(text, ".") {
		c.problems.Add(path, "%q: leave the dot in front out", text)
		return found{}, false
	}
	f, err := c.library.find(c.tree, text)
	if err != nil {
		c.problems.Add(path, "%v", err)
	}
	return f, err == nil
}

// modulesNamed returns the MIBs that qualify names, if they exist.
func (c *compilation) modulesNamed() []string {
	var names []string
	add := func(text string) {
		if module, _ := mibs.CutModule(text); module != "" && !slices.Contains(names, module) && c.library.has(module) {
			names = append(names, module)
		}
	}
	for _, text := range slices.Concat(c.settings.Walk.Names(), c.settings.Get.Names(), slices.Sorted(maps.Keys(c.settings.Overrides)), c.settings.objects()) {
		add(text)
	}
	for _, l := range c.settings.Lookups {
		add(l.Lookup)
	}
	for i := range c.settings.Measures {
		for _, text := range c.settings.Measures[i].Names() {
			add(text)
		}
	}
	for _, text := range c.settings.Inventory.Names() {
		add(text)
	}
	for _, f := range c.settings.Filters {
		for _, text := range append(slices.Clone(f.Targets), f.OID) {
			add(text)
		}
	}
	return names
}

// findRoots resolves walk and get, without entries in the subtree of another entry.
func (c *compilation) findRoots() []found {
	var roots []found
	for i := range c.settings.Walk {
		r := &c.settings.Walk[i]
		if f, ok := c.find(fmt.Sprintf("walk[%d]", i), r.Name); ok {
			roots = append(roots, f)
			c.clock("walk", i, r, setting.ParseOID(f.oid()))
		}
	}
	for i := range c.settings.Get {
		path, r := fmt.Sprintf("get[%d]", i), &c.settings.Get[i]
		text := r.Name
		f, ok := c.find(path, text)
		switch {
		case !ok:
		case len(f.index) == 0 && !c.isScalar(f.node):
			c.problems.Add(path, "%s has no value of its own: write an instance of it, or put it under walk", text)
		default:
			roots = append(roots, f)
			c.clock("get", i, r, setting.ParseOID(f.oid()))
		}
	}
	var minimal []found
	for _, f := range sortedByOID(roots) {
		if last := len(minimal) - 1; last < 0 || !f.under(minimal[last]) {
			minimal = append(minimal, f)
		}
	}
	for _, f := range minimal {
		c.ask(f)
	}
	return slices.CompactFunc(minimal, func(a, b found) bool { return a.node.OID.Compare(b.node.OID) == 0 })
}

func sortedByOID(list []found) []found {
	return slices.SortedStableFunc(slices.Values(list), func(a, b found) int {
		return mibs.Instance{Node: a.node, Index: a.index}.OID().Compare(mibs.Instance{Node: b.node, Index: b.index}.OID())
	})
}

func (f found) under(g found) bool {
	return mibs.Instance{Node: f.node, Index: f.index}.OID().HasPrefix(mibs.Instance{Node: g.node, Index: g.index}.OID())
}

// isScalar reports whether an object has only the instance 0.
func (c *compilation) isScalar(n *mibs.Node) bool {
	return c.kind(n) != "" && polled(n) && len(indexOf(n)) == 0
}

// ask adds a subtree, a scalar or an instance to the OIDs to poll.
func (c *compilation) ask(f found) {
	oid := f.oid()
	switch {
	case len(f.index) > 0:
		c.wanted[oid+"."] = true
		if len(indexOf(f.node)) > 0 {
			column := f.node.OID.String()
			c.instances[column] = append(c.instances[column], strings.TrimPrefix(oid, column))
		}
	case c.isScalar(f.node):
		c.wanted[oid+".0."] = true
	default:
		c.wanted[oid] = true
	}
}

// addMetrics adds a metric for each object with values in the subtree of root.
func (c *compilation) addMetrics(root found) {
	for n := range root.tree.Below(root.node.OID) {
		kind := c.kind(n)
		if kind == "" || !polled(n) {
			continue
		}
		m := &metric{node: n, oid: n.OID.String(), tree: root.tree}
		m.MetricSettings = collector.MetricSettings{Name: labelName(n.Name), OID: setting.ParseOID(m.oid), Type: kind, Help: n.Help() + " - " + m.oid, EnumValues: enumOf(n)}
		o := c.override(n)
		if o.Ignore || !c.addIndexes(m) {
			continue
		}
		o.apply(m)
		c.metrics = append(c.metrics, m)
	}
}

// nameDoubles warns of objects with the same metric name: their series would be indistinguishable.
func (c *compilation) nameDoubles() {
	first := map[string]*metric{}
	for _, m := range c.metrics {
		if other := first[m.Name]; other != nil && other.oid != m.oid {
			c.warnings.Add("", "%s::%s and %s::%s make metrics of one name: give one of them another under overrides", other.node.Module, other.node.Name, m.node.Module, m.node.Name)
			continue
		}
		first[m.Name] = m
	}
}

// addIndexes converts the index of a column to labels. It returns false if that is impossible.
func (c *compilation) addIndexes(m *metric) bool {
	before, before2 := "", "" // the TCs of the two preceding objects
	for _, part := range indexOf(m.node) {
		x, tc, problem := c.index(m, part)
		if subtype := collector.SubtypeConvention(x.Type); subtype != "" && problem == "" {
			switch {
			case subtype == before:
				m.Indexes = m.Indexes[:len(m.Indexes)-1]
				before = "" // it determines the form of one object only
			case subtype == before2:
				m.Indexes = m.Indexes[:len(m.Indexes)-2]
			case c.library.merged:
				problem = fmt.Sprintf("no %s stands in front of it", subtype)
			default:
				x.Type = "OctetString"
			}
		}
		if problem != "" {
			c.warnings.Add("", "%s::%s is left out: of its index %s, %s", m.node.Module, m.node.Name, part.Name, problem)
			return false
		}
		before, before2 = tc, before
		m.Indexes = append(m.Indexes, x)
	}
	return true
}

// index converts a part of an index to a label. SMIv1 allows a type in place of an object: the
// label is then named after the row.
func (c *compilation) index(m *metric, part mibs.IndexPart) (x collector.IndexSettings, tc, problem string) {
	n := part.Node
	switch {
	case n == nil && part.Name == "INTEGER":
		return collector.IndexSettings{LabelName: labelName(m.node.Row.Name), Type: "gauge"}, "", ""
	case n == nil:
		return x, "", "nothing is known"
	}
	x = collector.IndexSettings{LabelName: labelName(n.Name), Type: collector.TypeInIndex(c.kind(n)), FixedSize: n.FixedSize(), Implied: part.Implied, EnumValues: enumOf(n)}
	if n.Syntax.Type == smi.ObjectIdentifier && x.Type == "OctetString" && !c.library.merged {
		x.Type = "ObjectIdentifier" // a type that snmp_exporter does not have
	}
	if x.Type == "gauge" && len(x.EnumValues) > 0 && c.override(n).Type != "gauge" {
		x.Type = "EnumAsInfo"
	}
	if text := collector.IndexTypeProblem(x.Type); text != "" {
		return x, "", fmt.Sprintf("the type %s cannot be read", n.Syntax.Type)
	}
	return x, n.Syntax.TC, ""
}

// askForSubtypes adds the object before an address or a port, which determines its form, to the
// OIDs to poll. Without such an object the value is an OctetString.
func (c *compilation) askForSubtypes() {
	for _, m := range c.metrics {
		subtype := collector.SubtypeConvention(m.Type)
		if subtype == "" {
			continue
		}
		front := c.previous(m)
		if front == nil || front.Syntax.TC != subtype {
			m.Type = "OctetString"
			continue
		}
		c.askBeside(m, front.OID.String())
	}
}

// previous returns the column before that of m, or nil.
func (c *compilation) previous(m *metric) *mibs.Node {
	parent, last := m.node.OID.CutLast()
	if last == 0 {
		return nil
	}
	if nodes := m.tree.At(snmp.AppendArc(slices.Clip(parent), last-1)); len(nodes) > 0 {
		return nodes[0]
	}
	return nil
}

// askBeside adds a column to the OIDs to poll, in the same rows as that of m.
func (c *compilation) askBeside(m *metric, column string) {
	if rows := c.instances[m.oid]; len(rows) > 0 {
		for _, row := range rows {
			c.wanted[column+row+"."] = true
		}
		return
	}
	c.wanted[column] = true
}

// askFor sorts the OIDs to poll into walks and gets, without those in the subtree of another.
func (c *compilation) askFor() {
	last := ""
	for _, oid := range slices.Sorted(maps.Keys(c.wanted)) {
		if last != "" && strings.HasPrefix(oid+".", last) {
			continue
		}
		last = oid + "."
		if get, ok := strings.CutSuffix(oid, "."); ok {
			c.out.Get = append(c.out.Get, setting.ParseOID(get))
		} else {
			c.out.Walk = append(c.out.Walk, setting.ParseOID(oid))
		}
	}
	for _, m := range c.metrics {
		c.out.Metrics = append(c.out.Metrics, m.MetricSettings)
	}
}
