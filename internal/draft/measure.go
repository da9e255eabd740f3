package draft

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"trapline/mibs"
	"trapline/mibs/smi"
)

// Measure is a guess: what an object measures. Fields are those of a measure in a profile.
type Measure struct {
	Object    *mibs.Node
	Metric    string
	Unit      string
	Type      string
	Name      string // a template
	Direction string
	Phase     string
	Text      string
	States    map[State][]string    // labels
	Absent    []string              // labels, numbers and ranges
	Limits    map[string]*mibs.Node // by key of limit, such as high.critical
	// Parts are the objects of system_memory and system_filesystem by key: used, free, total, percent.
	Parts map[string]*mibs.Node
	// By takes the place of Metric and Unit where a column chooses them. The rest are columns of a scale.
	By                 *By
	Divisor, Precision *mibs.Node
}

// Measures are those of a table's columns, or of scalars that lie together, in the order of the objects.
func Measures(objects []*mibs.Node) []Measure {
	var measures []Measure
	var all []*object
	for _, n := range objects {
		if n.Access.Readable() && n.Syntax != nil && (n.Kind == smi.Scalar || n.Kind == smi.Column) && n.Status != smi.Obsolete {
			all = append(all, newObject(n))
		}
	}
	name := nameOf(all)
	various, isMixed := mixed(all)
	if isMixed {
		various.Name = name
		measures = append(measures, various)
	}
	for _, o := range all {
		if isMixed && o.node == various.Object {
			continue
		}
		if m, ok := o.measure(); ok {
			m.Name, m.Limits = cmp.Or(name, m.Name), o.limitsOf(m.Metric, all)
			if m.Object.Kind == smi.Scalar {
				m.Name = title(o)
			}
			measures = append(measures, m)
		}
	}
	return append(measures, spaces(all, name)...)
}

func (o *object) measure() (Measure, bool) {
	m := Measure{Object: o.node, Type: o.typeOf()}
	if o.isTransient() {
		return m, false
	}
	if len(o.node.Syntax.Labels) >= 2 && !o.numbered() {
		return o.status(m, labelsOf(o.node))
	}
	if labels := o.described(); len(labels) >= 2 {
		if m, ok := o.status(m, labels); ok {
			return m, true
		}
	}
	if o.isTextState() {
		m.Metric, m.States = "hw_status", textStates
		return m, true
	}
	if !o.isNumber() {
		return m, false
	}
	k, ok := o.kindOf()
	if !ok || k.dimension == "" && o.hasAny(tallies) && !o.isTotal() {
		return m, false
	}
	if o.node.Row != nil && len(o.node.Row.Index) > 6 {
		return m, false
	}
	counter := o.node.Syntax.Type == smi.Counter || o.node.Syntax.Type == smi.Counter64
	if counter && k.metric != "hw_energy" {
		return m, false
	}
	m.Metric, m.Unit = k.metric, unitFor(o, k)
	m.Direction, m.Phase = o.side(k.metric), o.phase()
	if o.node.Syntax.Type == smi.OctetString {
		m.Text = numberInText
	}
	for _, l := range labelsOf(o.node) {
		m.Absent = append(m.Absent, l.Name)
	}
	if strings.HasPrefix(m.Metric, "hw_") {
		m.Name = nameOfPart(m.Type)
	}
	if m.Type == "temperature" || m.Type == "voltage" || m.Type == "alarm" {
		m.Type = ""
	}
	return m, true
}

// status is the measure of a state with these labels; ok is false if it is none that an operator watches.
func (o *object) status(m Measure, labels []smi.Label) (Measure, bool) {
	states, ok := o.statesOf(labels)
	if !ok || !o.isWatched(states, labels) {
		return m, false
	}
	delete(states, unclear)
	m.Metric, m.States, m.Name = "hw_status", states, nameOfPart(m.Type)
	if o.isFlag(labels) {
		m.Type = ""
	}
	return m, true
}

// unitFor is the unit of a kind, with what is special about it.
func unitFor(o *object, k kind) string {
	switch {
	case k.dimension == "":
		return "1"
	case k.metric == "hw_battery_time_left":
		return o.timeUnit()
	case k.metric == "hw_frequency" && o.node.Units == "" && o.unitInName(k.dimension) == "" && !strings.Contains(o.text, "mhz") && strings.Contains(o.text, "tenth"):
		return "0.1 Hz"
	case k.metric == "system_cpu_utilization" && o.has("idle"):
		return "% idle"
	case k.metric == "radio_frequency":
		u := o.unitOf(k.dimension)
		if u == "Hz" {
			return "MHz"
		}
		return u
	case k.metric == "hw_energy":
		u := o.unitOf(k.dimension)
		if u == "W.h" && !strings.Contains(" "+o.units+o.joint+o.text, " watt") {
			return "kW.h"
		}
		return strings.Replace(u, "kW.h", "kW.h", 1)
	case k.metric == "hw_optical_power" && k.dimension == "power":
		u := o.unitOf(k.dimension)
		if u == "W" {
			return "uW"
		}
		return u
	}
	u := o.unitOf(k.dimension)
	if k.dimension == "dbm" {
		u = strings.Replace(u, "mdBm", "0.001 dBm", 1)
	}
	return strings.Replace(u, "mCel", "0.001 Cel", 1)
}

// timeUnit is the unit of a time: minutes, as devices with batteries count, if nothing is stated.
func (o *object) timeUnit() string {
	if o.node.Syntax.Type == smi.TimeTicks {
		return "cs"
	}
	for _, text := range []string{o.units, o.joint, o.text} {
		switch {
		case strings.Contains(text, "min"):
			return "min"
		case strings.Contains(text, "second") || strings.Contains(text, " sec"):
			return "s"
		case strings.Contains(text, "hour"):
			return "h"
		}
	}
	return "min"
}

// numbered reports whether labels are only names of special values of a number.
func (o *object) numbered() bool {
	return len(o.node.Syntax.Labels) <= 2 && !slices.ContainsFunc(o.node.Syntax.Labels, func(l smi.Label) bool { s, ok := StateOf(l.Name); return !ok || s != Unknown && s != Absent })
}

var notText = regexp.MustCompile(`Address|Date|Time|Mac|Bits|Mask|Bitmap|Id$|Index|OwnerString|Oid|Engine|Tag`)

// labelsOf returns the labels of an object. Of those that a MIB gives to one number, the last is the name of the value.
func labelsOf(n *mibs.Node) (list []smi.Label) {
	for i, l := range n.Syntax.Labels {
		if !slices.ContainsFunc(n.Syntax.Labels[i+1:], func(later smi.Label) bool { return later.Number == l.Number }) {
			list = append(list, l)
		}
	}
	return list
}

// numberInText is the expression for a number in a text.
const numberInText = `(-?[0-9]+(?:[.][0-9]+)?)`

// isNumber reports whether values are numbers, or may be texts with a number in them.
func (o *object) isNumber() bool {
	switch o.node.Syntax.Type {
	case smi.Integer, smi.Integer32, smi.Unsigned32, smi.Gauge, smi.Counter, smi.Counter64, smi.UInteger32:
		return true
	case smi.TimeTicks:
		return o.mentions("battery", "ups")
	case smi.OctetString:
		tc := o.node.Syntax.TC
		return (o.node.FixedSize() == 0 || o.units != "") && !notText.MatchString(tc)
	}
	return false
}

// side is the direction of a reading.
func (o *object) side(metric string) string {
	receives, sends := []string{"rx", "receive", "received", "rxpower", "recv"}, []string{"tx", "transmit", "transmitted", "txpower", "launch"}
	if metric == "hw_optical_power" {
		receives, sends = append(receives, "input", "in"), append(sends, "output", "out", "laser")
	}
	light := strings.HasPrefix(metric, "hw_optical") || strings.HasPrefix(metric, "hw_signal")
	electric := slices.Contains([]string{"hw_voltage", "hw_current", "hw_power", "hw_apparent_power", "hw_frequency", "hw_power_factor", "hw_energy"}, metric)
	switch {
	case light && o.has(receives...):
		return "receive"
	case light && o.has(sends...):
		return "transmit"
	case electric && o.has("input", "in"):
		return "input"
	case electric && o.has("output", "out"):
		return "output"
	}
	return ""
}

func (o *object) phase() string {
	for _, p := range []struct{ words, phase string }{{" phase 1 ", "L1"}, {" phase 2 ", "L2"}, {" phase 3 ", "L3"}, {" l 1 ", "L1"}, {" l 2 ", "L2"}, {" l 3 ", "L3"}} {
		if strings.Contains(o.joint, p.words) {
			return p.phase
		}
	}
	return ""
}

// nameOf is the template of the name of a table's rows: the column that names them.
func nameOf(all []*object) string {
	best, score := "", 0
	for _, o := range all {
		t := o.node.Syntax.Type
		if o.node.Kind != smi.Column || t != smi.OctetString || o.node.FixedSize() > 0 || strings.Contains(o.node.Syntax.TC, "Address") || strings.Contains(o.node.Syntax.TC, "Date") {
			continue
		}
		s := 0
		last := o.words[len(o.words)-1]
		switch {
		case last == "name":
			s = 4
		case last == "descr" || last == "description" || last == "desc":
			s = 3
		case last == "label":
			s = 3
		case o.has("name", "label") && !o.has("model", "vendor", "file", "user", "community"):
			s = 2
		case last == "location" || last == "designator":
			s = 1
		}
		if s > score {
			best, score = "{"+o.node.Name+"}", s
		}
	}
	return best
}

// nameOfPart is the name of the rows of a table that has no names for them, such as Fan {index}; "" without a type.
func nameOfPart(typ string) string {
	if typ == "" {
		return ""
	}
	return strings.ToUpper(typ[:1]) + strings.ReplaceAll(typ[1:], "_", " ") + " {index}"
}

// title is a name made of the name of a scalar.
func title(o *object) string {
	words := o.words
	for len(words) > 1 && words[len(words)-1] == "0" {
		words = words[:len(words)-1]
	}
	return strings.Join(words, " ")
}
