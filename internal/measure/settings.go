package measure

import (
	"maps"
	"slices"
	"strings"

	"trapline/internal/setting"
)

// Settings is an entry of `measures`: what an object of a device measures, under a name that all vendors share.
type Settings struct {
	Metric    string                       `yaml:"metric,omitempty"`    // name in the list of metrics, without its unit
	Object    Words                        `yaml:"object,omitempty"`    // column or scalar, by name or OID; of a list the first that has a value, row by row
	Unit      string                       `yaml:"unit,omitempty"`      // unit that the device counts in: UCUM, with a factor if need be: Cel, 0.1 Cel, mV, KiBy, % idle
	Scale     Scale                        `yaml:"scale,omitempty"`     // a scale that the device reports
	Type      TypeOf                       `yaml:"type,omitempty"`      // label hw_type; or {column: {label or number: type}}
	Name      string                       `yaml:"name,omitempty"`      // label hw_name: text with {column}, {MIB::column}, {a|b}, {1} and {-1} for parts of the index, {index}
	Parent    string                       `yaml:"parent,omitempty"`    // label hw_parent, as name
	Port      string                       `yaml:"port,omitempty"`      // the ifIndex of the port: labels ifIndex and ifName, as name
	Direction string                       `yaml:"direction,omitempty"` // label direction: receive, transmit, input, output
	Phase     string                       `yaml:"phase,omitempty"`     // label phase
	Lane      string                       `yaml:"lane,omitempty"`      // label lane
	Labels    map[string]string            `yaml:"labels,omitempty"`    // further labels that the metric allows, as name
	States    States                       `yaml:"states,omitempty"`    // labels, numbers or texts of each state; or the name of an entry of state_tables
	Absent    Words                        `yaml:"absent,omitempty"`    // values that mean that there is no reading: numbers, ranges such as "< 0", texts
	Only      map[string]Words             `yaml:"only,omitempty"`      // values that columns of the row, or parts {1}, {-1} of its index, must have; with ! in front, must not
	By        map[string]map[string]string `yaml:"by,omitempty"`        // chooses the metric by the value of a column, or of a part of the index: {column: {label or number: metric}}
	Units     map[string]string            `yaml:"units,omitempty"`     // units by the value of that column, where unit does not serve all
	Text      setting.Regexp               `yaml:"text,omitempty"`      // expression with one group that picks the number, or the word, out of a text
	Float32   bool                         `yaml:"float32,omitempty"`   // the integer, or four octets, hold an IEEE 754 number
	Used      Words                        `yaml:"used,omitempty"`      // of memory and filesystems, in unit; two of used, free, total and percent give the others
	Free      Words                        `yaml:"free,omitempty"`      // as used
	Total     Words                        `yaml:"total,omitempty"`     // as used
	Percent   Words                        `yaml:"percent,omitempty"`   // of memory and filesystems: how many percent are used
	Buffers   Words                        `yaml:"buffers,omitempty"`   // as used
	Cached    Words                        `yaml:"cached,omitempty"`    // as used
	Limit     map[string]string            `yaml:"limit,omitempty"`     // limits that the device knows, objects or numbers: high.critical, high.degraded, low.critical, low.degraded
	Aggregate string                       `yaml:"aggregate,omitempty"` // one series over all rows: sum, max, mean or count
}

// Scale is a scale that stands in another column of the row.
type Scale struct {
	DivideBy   string `yaml:"divide_by,omitempty"`   // column whose number divides the value
	MultiplyBy string `yaml:"multiply_by,omitempty"` // column whose number multiplies the value
	Exponent   string `yaml:"exponent,omitempty"`    // column with a power of ten, as EntitySensorDataScale where it has those labels
	Precision  string `yaml:"precision,omitempty"`   // column with the digits behind the point, as EntitySensorPrecision
}

// Words are a list of names, numbers or texts; a single one may stand without a list.
type Words []string

// TextForm marks that a single value may be written.
func (Words) TextForm() {}

// UnmarshalYAML decodes either form.
func (w *Words) UnmarshalYAML(unmarshal func(any) error) error {
	var list []string
	if err := unmarshal(&list); err == nil {
		*w = list
		return nil
	}
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	*w = Words{text}
	return nil
}

// States are the values of an object by state. A text is the name of an entry of state_tables: it stands under "".
type States map[string]Words

// TextForm marks that the name of a table may be written.
func (States) TextForm() {}

// UnmarshalYAML decodes either form.
func (s *States) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if unmarshal(&text) == nil {
		*s = States{"": {text}}
		return nil
	}
	var table map[string]Words
	err := unmarshal(&table)
	*s = table
	return err
}

// TypeOf is the label hw_type: a text, which stands under "" and "", or what it is by the value of a column.
type TypeOf map[string]map[string]string

// TextForm marks that a text may be written.
func (TypeOf) TextForm() {}

// UnmarshalYAML decodes either form.
func (t *TypeOf) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if unmarshal(&text) == nil {
		*t = TypeOf{"": {"": text}}
		return nil
	}
	var byColumn map[string]map[string]string
	err := unmarshal(&byColumn)
	*t = byColumn
	return err
}

// Types are the values of hw_type by which rules select parts. Others are allowed.
var Types = []string{"fan", "power_supply", "temperature", "voltage", "battery", "module", "transceiver", "physical_disk", "logical_disk", "memory",
	"outlet", "link", "contact", "humidity", "alarm", "sensor", "license", "printer", "input"}

// unusualTypes warns of types that are probably misspelled.
func (s *Settings) unusualTypes() (found setting.Problems) {
	for column, types := range s.Type {
		for value, typ := range types {
			at := "type"
			if column != "" {
				at += "." + column + "." + value
			}
			if question := setting.DidYouMean(typ, Types); question != "" && !slices.Contains(Types, typ) {
				found.Add(at, "%s is not a usual type of part, by which rules select: %s", quoted(typ), question)
			}
		}
	}
	return found
}

// limits are the keys of limit, and values of hw_limit_type.
var limits = []string{"high.critical", "high.degraded", "low.critical", "low.degraded"}

var aggregates = []string{"sum", "max", "mean", "count"}

// unknown returns the text about a word that is none of known.
func unknown(what, word string, known []string) string {
	text := "unknown " + what + " " + quoted(word)
	if question := setting.DidYouMean(word, known); question != "" {
		return text + ": " + question
	}
	if len(known) > 20 {
		return text
	}
	return text + ": write one of " + strings.Join(known, ", ")
}

func quoted(text string) string { return `"` + text + `"` }

// metrics returns the metrics that the measure makes, with the values of the column of `by` that choose them.
func (s *Settings) kinds() (column string, byValue map[string]string) {
	for column, byValue := range s.By {
		return column, byValue
	}
	return "", map[string]string{"": s.Metric}
}

// Problems returns what no MIB is needed to find.
func (s *Settings) Problems() []setting.Problem {
	var found setting.Problems
	s.checkMetrics(&found)
	s.checkWords(&found)
	if !s.Text.IsZero() && s.Text.Regexp != nil && s.Text.NumSubexp() != 1 {
		found.Add("text", "the expression needs exactly one group, around the number or the word: it has %d", s.Text.NumSubexp())
	}
	return found
}

func (s *Settings) checkMetrics(found *setting.Problems) {
	if len(s.By) > 1 {
		found.Add("by", "one column chooses the metric: there are %d", len(s.By))
	}
	if s.Metric != "" && len(s.By) > 0 && s.Metric != "sensor" {
		found.Add("metric", "by chooses the metric: leave metric out")
	}
	if s.Metric == "" && len(s.By) == 0 {
		found.Add("metric", "a measure needs a metric")
		return
	}
	column, byValue := s.kinds()
	for _, value := range slices.Sorted(keysOf(byValue)) {
		at, name := "metric", byValue[value]
		if column != "" {
			at = "by." + column + "." + value
		}
		m := MetricNamed(name)
		if m == nil {
			found.Add(at, "%s", unknownMetric(name))
			continue
		}
		unitText, unitAt := s.unitOf(value)
		if _, _, err := m.Fits(unitText); err != nil {
			found.Add(unitAt, "%v", err)
		}
		s.checkForm(m, at, found)
	}
}

// unknownMetric returns the text about a name that is no metric. That of a series is one with a unit.
func unknownMetric(name string) string {
	for i := range Metrics {
		if slices.Contains(Metrics[i].Series(), name) {
			return quoted(name) + " is the name of a series: write " + Metrics[i].Name + ", and under unit what the device counts in"
		}
	}
	if question := setting.DidYouMean(name, names()); question != "" {
		return "unknown metric " + quoted(name) + ": " + question
	}
	var begin []string
	for _, known := range names() {
		if strings.HasPrefix(known, name) && len(name) > len("hw_") {
			begin = append(begin, known)
		}
	}
	if len(begin) == 1 {
		return "unknown metric " + quoted(name) + ": " + setting.Question(begin[0])
	}
	return "unknown metric " + quoted(name) + ": docs/reference/measures.md lists them"
}

// unitOf is the unit of the metric that a value of the column of `by` chooses, and where it stands.
func (s *Settings) unitOf(value string) (text, at string) {
	if text, own := s.Units[value]; own {
		return text, "units." + value
	}
	return s.Unit, "unit"
}

// checkForm checks which keys the kind of metric needs.
func (s *Settings) checkForm(m *Metric, at string, found *setting.Problems) {
	parts := len(s.Used) + len(s.Free) + len(s.Total) + len(s.Percent)
	switch {
	case m.Space && parts == 0:
		found.Add(at, "%s needs objects under used, free, total or percent", m.Name)
	case m.Space && len(s.Object) > 0:
		found.Add("object", "%s is made of used, free, total and percent: write one of these", m.Name)
	case !m.Space && len(s.Object) == 0:
		found.Add(at, "a measure needs an object")
	case !m.Space && parts+len(s.Buffers)+len(s.Cached) > 0:
		found.Add(at, "used, free, total, percent, buffers and cached are for system_memory and system_filesystem")
	case m.States != nil && len(s.States) == 0:
		found.Add(at, "%s needs states: which values stand for %s", m.Name, strings.Join(m.States, ", "))
	case m.States == nil && len(s.States) > 0:
		found.Add("states", "%s has no states", m.Name)
	}
	for _, label := range slices.Sorted(keysOf(s.labels())) {
		if !m.Allows(label) {
			found.Add(labelAt(label), "%s has no label %s: it may have %s", m.Name, label, strings.Join(slices.Concat(Common[1:], m.Labels), ", "))
		}
	}
}

func labelAt(label string) string {
	if label == "direction" || label == "phase" || label == "lane" {
		return label
	}
	return "labels." + label
}

// labels are the labels besides hw_id, hw_name, hw_type, hw_parent and those of the port, as templates.
func (s *Settings) labels() map[string]string {
	all := map[string]string{}
	for name, text := range s.Labels {
		all[name] = text
	}
	for name, text := range map[string]string{"direction": s.Direction, "phase": s.Phase, "lane": s.Lane} {
		if text != "" {
			all[name] = text
		}
	}
	return all
}

func (s *Settings) checkWords(found *setting.Problems) {
	for _, key := range slices.Sorted(keysOf(s.Limit)) {
		if !slices.Contains(limits, key) {
			found.Add("limit."+key, "%s", unknown("limit", key, limits))
		}
	}
	if s.Aggregate != "" && !slices.Contains(aggregates, s.Aggregate) {
		found.Add("aggregate", "%s", unknown("aggregate", s.Aggregate, aggregates))
	}
	for i, text := range s.Absent {
		if _, _, err := parseRange(text); err != nil {
			found.Add("absent["+itoa(i)+"]", "%v", err)
		}
	}
	one := 0
	for _, column := range []string{s.Scale.DivideBy, s.Scale.MultiplyBy, s.Scale.Exponent} {
		if column != "" {
			one++
		}
	}
	if one > 1 {
		found.Add("scale", "write one of divide_by, multiply_by and exponent")
	}
	for _, t := range []struct{ at, text string }{{"name", s.Name}, {"parent", s.Parent}, {"port", s.Port}} {
		if _, err := parseTemplate(t.text); err != nil {
			found.Add(t.at, "%v", err)
		}
	}
	for _, label := range slices.Sorted(keysOf(s.labels())) {
		if _, err := parseTemplate(s.labels()[label]); err != nil {
			found.Add(labelAt(label), "%v", err)
		}
	}
}

// Names returns the names of objects, as they are written.
func (s *Settings) Names() []string {
	list := slices.Concat(s.Object, s.Used, s.Free, s.Total, s.Percent, s.Buffers, s.Cached)
	list = append(list, s.Scale.DivideBy, s.Scale.MultiplyBy, s.Scale.Exponent, s.Scale.Precision)
	list = slices.AppendSeq(list, keysOf(s.Only))
	list = slices.AppendSeq(list, keysOf(s.By))
	list = slices.AppendSeq(list, keysOf(s.Type))
	for _, text := range s.Limit {
		list = append(list, text)
	}
	if s.Port != "" {
		list = append(list, ifName)
	}
	for _, text := range slices.AppendSeq([]string{s.Name, s.Parent, s.Port}, maps.Values(s.labels())) {
		t, _ := parseTemplate(text)
		list = append(list, t.names()...)
	}
	return slices.DeleteFunc(list, func(text string) bool { return text == "" || indexPart(text) != 0 })
}

// ifName is the object that names a port.
const ifName = "IF-MIB::ifName"
