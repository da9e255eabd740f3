package modules

import (
	"fmt"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/internal/measure"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// findMeasures resolves the names of measures, and adds what they read to the OIDs to poll.
func (c *compilation) findMeasures() {
	for i := range c.settings.Measures {
		at := fmt.Sprintf("measures[%d]", i)
		m, problems, warnings := c.settings.Measures[i].Resolve(c.settings.StateTables, func(path, text string, near *measure.Column) *measure.Column {
			return c.measured(at+"."+path, text, near)
		})
		for _, p := range problems {
			c.problems.Add(at+"."+p.Path, "%s", p.Text)
		}
		for _, p := range warnings {
			c.warnings.Add(at+"."+p.Path, "%s", p.Text)
		}
		if m != nil {
			c.out.Measures = append(c.out.Measures, m)
		}
	}
	if c.settings.Inventory.Zero() {
		return
	}
	if m := c.settings.Inventory.Resolve(c.measured); m != nil {
		c.out.Measures = append(c.out.Measures, m)
	}
}

// enterprises is where the objects of vendors are.
const enterprises = "1.3.6.1.4.1."

// measured finds an object that a measure names. A numeric OID may be in no MIB.
func (c *compilation) measured(path, text string, near *measure.Column) *measure.Column {
	if isNumeric(text) {
		return c.numbered(path, text)
	}
	if module, _ := mibs.CutModule(text); module == "" && near != nil && near.Known {
		module, _ = mibs.CutModule(near.Name)
		if f, err := c.library.find(c.tree, module+"::"+text); err == nil {
			return c.columnOf(path, text, f)
		}
	}
	f, ok := c.find(path, text)
	if !ok {
		return nil
	}
	return c.columnOf(path, text, f)
}

func (c *compilation) numbered(path, text string) *measure.Column {
	o := setting.ParseOID(text)
	if problems := o.NotNumeric(); len(problems) > 0 {
		c.problems.Add(path, "%s", problems[0].Text)
		return nil
	}
	tree := c.tree
	i := tree.Object(o.OID)
	if i.Node == nil && !strings.HasPrefix(text, enterprises) {
		if t, err := c.library.around(o.OID); err == nil {
			tree, i = t, t.Object(o.OID)
		}
	}
	if i.Node != nil && (i.Node.Kind == smi.Column || i.Node.Kind == smi.Scalar) {
		return c.columnOf(path, text, found{i.Node, i.Index, tree})
	}
	column, last := o.OID.CutLast()
	if last != 0 {
		column = o.OID
	}
	return &measure.Column{Name: column.String(), OID: column, Scalar: last == 0}
}

// columnOf describes a column or a scalar to a measure.
func (c *compilation) columnOf(path, text string, f found) *measure.Column {
	n := f.node
	if c.kind(n) == "" || !polled(n) {
		c.problems.Add(path, "%s has no value: name a column or a scalar", text)
		return nil
	}
	c.measures[n.OID.String()] = f
	column := &measure.Column{Name: strings.Clone(n.Module + "::" + n.Name), OID: n.OID, Enum: enumOf(n), Scalar: c.isScalar(n), Known: true}
	column.Text = n.Syntax.Type == smi.OctetString && !slices.Contains([]string{"Float", "Double", "DateAndTime"}, kindOf(n)) || n.Syntax.Type == smi.ObjectIdentifier
	if !column.Scalar && len(f.index) > 0 {
		column.Instance = f.index
	}
	if n.Row != nil {
		column.Table = n.Row.OID.String()
	}
	for _, part := range indexOf(n) {
		column.Index = append(column.Index, partOf(part))
	}
	return column
}

// partOf describes a part of an index to a measure.
func partOf(part mibs.IndexPart) measure.Part {
	p := measure.Part{Name: strings.Clone(part.Name), Implied: part.Implied, Size: 1}
	if part.Node == nil {
		return p
	}
	switch n := part.Node; n.Syntax.Type {
	case smi.OctetString, smi.Opaque, smi.Bits:
		p.Size, p.Octets, p.Address = n.FixedSize(), true, n.Syntax.TC == "InetAddress"
	case smi.ObjectIdentifier:
		p.Size = 0
	case smi.IPAddress, smi.NetworkAddress:
		p.Size, p.Octets, p.Address = 4, true, true
	default:
		p.Enum = enumOf(n)
	}
	return p
}

// addMeasured asks for what the measures read, and adds the metrics of their own objects.
func (c *compilation) addMeasured() {
	for _, m := range c.out.Measures {
		for _, column := range m.Columns() {
			c.askForColumn(&column)
		}
		for _, column := range m.Objects() {
			c.addRaw(&column)
		}
	}
}

func (c *compilation) askForColumn(column *measure.Column) {
	oid := column.OID.String()
	switch {
	case column.Instance != nil:
		index := string(snmp.AppendIndexText([]byte("."), column.Instance))
		c.wanted[oid+index+"."] = true
		c.instances[oid] = append(c.instances[oid], index)
	case column.Scalar:
		c.wanted[oid+".0."] = true
	default:
		c.wanted[oid] = true
	}
}

// addRaw adds the metric of an object, unless there is one.
func (c *compilation) addRaw(column *measure.Column) {
	oid := column.OID.String()
	for _, m := range c.metrics {
		if m.oid == oid {
			return
		}
	}
	if f, known := c.measures[oid]; known {
		c.addMetrics(found{f.node, nil, f.tree})
		return
	}
	m := &metric{node: &mibs.Node{OID: column.OID, Name: oid, Syntax: &mibs.Syntax{}}, oid: oid, tree: c.tree}
	m.MetricSettings = collector.MetricSettings{Name: "oid_" + labelName(oid), OID: setting.ParseOID(oid), Type: "gauge", Help: "Object of no MIB - " + oid}
	if column.Text {
		m.Type = "DisplayString"
	}
	if !column.Scalar {
		m.Indexes = []collector.IndexSettings{{LabelName: "index", Type: "ObjectIdentifier", Implied: true}}
	}
	c.metrics = append(c.metrics, m)
}
