package draft

import (
	"slices"
	"strconv"
	"strings"

	"trapline/mibs"
	"trapline/mibs/smi"
)

// By says that the value of a column chooses the metric and the unit.
type By struct {
	Column  *mibs.Node
	Part    int               // of the index, from 1, that Column is and rows need not have; 0 if rows have it
	Metrics map[string]string // by label
	Units   map[string]string // by label
}

// sorts are the labels of columns that say what a row of a mixed table measures.
var sorts = []struct {
	words        []string
	metric, unit string
}{
	{[]string{"apparent", "va", "voltampere", "voltamperes"}, "hw_apparent_power", "VA"},
	{[]string{"powerfactor", "pf"}, "hw_power_factor", "1"},
	{[]string{"energy", "kwh", "wh", "watthour", "watthours"}, "hw_energy", "W.h"},
	{[]string{"celsius", "celcius", "temperature", "temp", "thermal", "degreec", "degc", "centigrade"}, "hw_temperature", "Cel"},
	{[]string{"fahrenheit", "degf", "degreef"}, "hw_temperature", "[degF]"},
	{[]string{"humidity", "percentrh", "rh"}, "hw_humidity", "%"},
	{[]string{"volt", "volts", "voltage", "voltsac", "voltsdc", "rmsvoltage"}, "hw_voltage", "V"},
	{[]string{"amp", "amps", "ampere", "amperes", "current", "rmscurrent"}, "hw_current", "A"},
	{[]string{"watt", "watts", "power", "activepower"}, "hw_power", "W"},
	{[]string{"hertz", "hz", "frequency"}, "hw_frequency", "Hz"},
	{[]string{"rpm", "fan", "fanspeed", "tachometer"}, "hw_fan_speed", "rpm"},
	{[]string{"dbm"}, "hw_optical_power", "dBm"},
	{[]string{"airflow", "cfm", "airvelocity"}, "hw_airflow", "[cft_i]/min"},
	{[]string{"pressure", "airpressure"}, "hw_pressure", "Pa"},
}

// notReadings are words of labels that say that a number is none of the kinds of sorts.
var notReadings = []string{"max", "maximum", "min", "minimum", "peak", "unbalanced", "reactive", "angle", "crest", "thd", "contact", "door", "on", "off", "switch", "threshold", "alarm", "status"}

// mixed returns the measure of a table whose rows say themselves what they measure; ok is false if it is none.
func mixed(all []*object) (m Measure, ok bool) {
	var value *object
	for _, o := range all {
		last := len(o.words) - 1
		for last > 0 && o.words[last][0] <= '9' {
			last--
		}
		if o.node.Kind == smi.Column && o.isNumber() && o.node.Syntax.Type != smi.OctetString && len(o.node.Syntax.Labels) < 2 &&
			slices.Contains([]string{"value", "reading", "val", "current", "measurement"}, o.words[last]) && !o.hasAny(without(settings, "set")) && !o.mentions("reset", "avg", "log", "history", "control") {
			value = o
			break
		}
	}
	if value == nil {
		return m, false
	}
	by := byOf(all, value.node.Row)
	if by == nil {
		return m, false
	}
	m = Measure{Object: value.node, By: by}
	m.Divisor = scaleOf(all, "divisor", "divider", "divide")
	if m.Divisor == nil {
		m.Precision = scaleOf(all, "digits", "precision", "decimals")
	}
	return m, true
}

// byOf is what chooses the metric of a row: a column, or else a part of the index.
func byOf(all []*object, row *mibs.Node) *By {
	for _, o := range all {
		if by := o.sorts(); by != nil {
			return by
		}
	}
	for i, p := range row.Index {
		if p.Node == nil || p.Node.Syntax == nil {
			continue
		}
		if by := newObject(p.Node).sorts(); by != nil {
			by.Part = i + 1
			return by
		}
	}
	return nil
}

// key is what a profile calls the column: by its name, or by its place in the index.
func (b *By) key() string {
	if b.Part > 0 {
		return "'{" + strconv.Itoa(b.Part) + "}'"
	}
	return nameOfNode(b.Column)
}

// entry is a map of the kinds as profiles have it: by label, or by number for a part of the index.
func (b *By) entry(of map[string]string) string {
	if b.Part == 0 {
		return mapYAML(of)
	}
	numbers := map[string]string{}
	for _, l := range b.Column.Syntax.Labels {
		if v, ok := of[l.Name]; ok {
			numbers[strconv.FormatInt(l.Number, 10)] = v
		}
	}
	return mapYAML(numbers)
}

// sorts returns what the labels of a column choose; nil if it is no such column.
func (o *object) sorts() *By {
	if !o.has("type", "kind", "class", "unit", "units", "sensortype") || o.node.Kind != smi.Column {
		return nil
	}
	by := &By{Column: o.node, Metrics: map[string]string{}, Units: map[string]string{}}
	different := map[string]bool{}
	for _, l := range labelsOf(o.node) {
		words := split(l.Name)
		joint := strings.ToLower(l.Name)
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(notReadings, w) }) {
			continue
		}
		for _, s := range sorts {
			if slices.Contains(s.words, joint) || slices.ContainsFunc(words, func(w string) bool { return slices.Contains(s.words, w) }) {
				by.Metrics[l.Name], by.Units[l.Name] = s.metric, s.unit
				different[s.metric] = true
				break
			}
		}
	}
	if len(different) < 2 {
		return nil
	}
	return by
}

// scaleOf returns the column of a scale that rows have.
func scaleOf(all []*object, words ...string) *mibs.Node {
	for _, o := range all {
		if o.has(words...) && o.isNumber() && o.node.Syntax.Type != smi.OctetString {
			return o.node
		}
	}
	return nil
}
