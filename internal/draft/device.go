package draft

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"trapline/internal/agent"
	"trapline/internal/human"
	"trapline/internal/measure"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Device is what a draft is made of.
type Device struct {
	Recording *agent.Recording
	Tree      *mibs.Tree
	Read      func(snmp.OID) bool // whether a module reads an instance
	Taken     func(module string) bool
	Origin    string // where the recording is from
}

// column is an object that the device has and that nothing reads.
type column struct {
	node    *mibs.Node // nil if it is in no MIB
	oid     snmp.OID   // of the column, or of the instance of a scalar that is in no MIB
	rows    int
	samples []string // the first distinct values
	numbers []int64  // as many, where they are numbers
}

// maxSamples is how many values stand beside a guess.
const maxSamples = 4

var enterprises = snmp.MustParseOID("1.3.6.1.4.1")

// unread returns the objects below the enterprises that nothing reads, in the order of their OIDs.
func (d *Device) unread() []*column {
	var list []*column
	known := map[string]*column{}
	var loose []snmp.VarBind
	for v := range d.Recording.From(enterprises, 0) {
		if !v.Name.HasPrefix(enterprises) {
			break
		}
		if d.Read(v.Name) {
			continue
		}
		n := d.Tree.Find(v.Name).Node
		if n == nil || n.Kind != smi.Column && n.Kind != smi.Scalar {
			loose = append(loose, snmp.VarBind{Name: slices.Clone(v.Name), Type: v.Type, Value: slices.Clone(v.Value)})
			continue
		}
		c := known[string(n.OID)]
		if c == nil {
			c = &column{node: n, oid: n.OID}
			known[string(n.OID)] = c
			list = append(list, c)
		}
		c.add(v)
	}
	for _, v := range loose {
		oid := columnOf(v.Name)
		c := known[string(oid)]
		if c == nil {
			c = &column{oid: oid}
			known[string(oid)] = c
			list = append(list, c)
		}
		c.add(v)
	}
	slices.SortStableFunc(list, func(a, b *column) int { return a.oid.Compare(b.oid) })
	return list
}

// columnOf guesses the column of an instance that is in no MIB: a row is the first number of its table, and columns
// follow it. Scalars are instances that end in 0.
func columnOf(name snmp.OID) snmp.OID {
	const most = 6 // numbers of an index
	arcs := strings.Split(name.String(), ".")
	if arcs[len(arcs)-1] == "0" {
		return name
	}
	for k := 1; k <= most && len(arcs)-k-2 > 7; k++ {
		if arcs[len(arcs)-k-2] == "1" {
			return snmp.MustParseOID(strings.Join(arcs[:len(arcs)-k], "."))
		}
	}
	return name.Parent()
}

// add notes an instance.
func (c *column) add(v snmp.VarBind) {
	c.rows++
	if len(c.samples) >= maxSamples {
		return
	}
	text := ""
	switch v.Type {
	case snmp.OctetString:
		text = sampleText(v.Value)
	case snmp.ObjectIdentifier:
		text = snmp.OID(v.Value).String()
	default:
		n, err := v.Int()
		if err != nil {
			return
		}
		text = strconv.FormatInt(n, 10)
		if !slices.Contains(c.samples, text) {
			c.numbers = append(c.numbers, n)
		}
	}
	if !slices.Contains(c.samples, text) {
		c.samples = append(c.samples, text)
	}
}

// sampleText shows the beginning of a text, or octets as their number.
func sampleText(value []byte) string {
	const most = 24
	text := strings.TrimRight(string(value), "\x00")
	if !utf8.ValidString(text) {
		return strconv.Itoa(len(value)) + " octets"
	}
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return strconv.Quote(human.Visible(text))
}

// group is a table, or scalars that lie together, or what is in no MIB.
type group struct {
	node    *mibs.Node
	columns []*column
}

// groups returns the objects by their tables and groups, in the order of their OIDs.
func groups(tree *mibs.Tree, columns []*column) []*group {
	var list []*group
	known := map[string]*group{}
	for _, c := range columns {
		key, node := "", (*mibs.Node)(nil)
		if c.node != nil {
			at := c.node.OID
			if c.node.Row != nil {
				at = c.node.Row.OID
			}
			if node = tree.Find(at.Parent()).Node; node == nil {
				node = c.node
			}
			key = c.node.Module + "\x00" + string(node.OID)
		}
		g := known[key]
		if g == nil {
			g = &group{node: node}
			known[key] = g
			list = append(list, g)
		}
		g.columns = append(g.columns, c)
	}
	return list
}

// module is the measures of a MIB, and the groups without any.
type module struct {
	mib    string // empty for what is in no MIB
	groups []*group
}

// modules returns the groups by MIB: those of a MIB together, those of no MIB last.
func (d *Device) modules() []*module {
	var list []*module
	for _, g := range groups(d.Tree, d.unread()) {
		mib := ""
		if g.node != nil {
			mib = g.columns[0].node.Module
		}
		i := slices.IndexFunc(list, func(m *module) bool { return m.mib == mib })
		if i < 0 {
			i = len(list)
			list = append(list, &module{mib: mib})
		}
		list[i].groups = append(list[i].groups, g)
	}
	slices.SortStableFunc(list, func(a, b *module) int { return cmp.Compare(unnamed(a), unnamed(b)) })
	return list
}

func unnamed(m *module) int {
	if m.mib == "" {
		return 1
	}
	return 0
}

// name is the name of a module of a MIB, acme_env of ACME-ENV-MIB, that the draft does not have yet.
func (d *Device) name(mib string, names []string) string {
	name := strings.ToLower(strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, strings.TrimSuffix(mib, "-MIB")))
	for d.Taken(name) || slices.Contains(names, name) {
		name += "_2"
	}
	return name
}

// measures returns the guesses about a group, without those of which the device has nothing.
func (g *group) measures() []Measure {
	if g.node == nil {
		return nil
	}
	var nodes []*mibs.Node
	for _, c := range g.columns {
		nodes = append(nodes, c.node)
	}
	list := Measures(nodes)
	for i := range list {
		if c := g.column(list[i].Object); c != nil && list[i].States == nil && list[i].Parts == nil {
			list[i].Absent = append(list[i].Absent, c.noReadings()...)
		}
		g.plausibleLimits(&list[i])
	}
	return slices.DeleteFunc(list, g.isImplausible)
}

// isImplausible reports whether a guess makes nothing but values that its metric cannot have, of numbers that are values.
func (g *group) isImplausible(m Measure) bool {
	c, metric := g.column(m.Object), measure.MetricNamed(m.Metric)
	if c == nil || metric == nil || m.States != nil || m.Parts != nil || m.Divisor != nil || m.Precision != nil {
		return false
	}
	readings := slices.DeleteFunc(slices.Clone(c.numbers), func(n int64) bool { return n == 0 || slices.Contains(placeholders, n) })
	return len(readings) > 0 && !slices.ContainsFunc(readings, func(n int64) bool { return metric.Plausible(m.Unit, float64(n)) })
}

func (g *group) column(n *mibs.Node) *column {
	i := slices.IndexFunc(g.columns, func(c *column) bool { return c.node == n })
	if i < 0 {
		return nil
	}
	return g.columns[i]
}

// placeholders are numbers that devices return where they have no reading.
var placeholders = []int64{-2147483648, 2147483647, 4294967295, -32768, 32767, 65535, -9999, -999}

func (c *column) noReadings() []string {
	var list []string
	for _, n := range c.numbers {
		if slices.Contains(placeholders, n) {
			list = append(list, strconv.FormatInt(n, 10))
		}
	}
	return list
}

// SysObjectID is that of the recording, nil if it has none.
func (d *Device) sysObjectID() snmp.OID {
	name := snmp.MustParseOID("1.3.6.1.2.1.1.2.0")
	for v := range d.Recording.From(name, 0) {
		if v.Name.Compare(name) == 0 && v.Type == snmp.ObjectIdentifier {
			return slices.Clone(snmp.OID(v.Value))
		}
		break
	}
	return nil
}
