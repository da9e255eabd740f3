package collector

import (
	"fmt"
	"slices"
	"strings"

	"trapline/internal/client"
	"trapline/internal/measure"
	"trapline/internal/series"
	"trapline/internal/setting"
)

// Settings is an entry of `modules`: the objects to poll, and the metrics made of them. Its
// keys and their meaning are those of snmp_exporter.
type Settings struct {
	Walk          []setting.OID    `yaml:"walk,omitempty"`
	Get           []setting.OID    `yaml:"get,omitempty"`
	Metrics       []MetricSettings `yaml:"metrics,omitempty"`
	client.Params `yaml:",inline"`
	Filters       []FilterSettings `yaml:"filters,omitempty"`

	Interval setting.Duration `yaml:"-"` // how often objects are read that have no time of their own; 0: in every poll
	Every    []RootSettings   `yaml:"-"` // entries of Walk and Get with a time of their own

	Measures []*measure.Measure `yaml:"-"` // what is computed of the objects

	// Distinct rows have distinct labels (distinct.go). Without it the labels are those of snmp_exporter.
	Distinct bool `yaml:"-"`
}

// RootSettings says how often an entry of walk or get is read.
type RootSettings struct {
	OID   setting.OID
	Every setting.Duration
	At    string // its place in the module
}

// WithoutMeasured returns s without the metrics of objects of which measures are made; s itself if there are none. It
// asks for the same.
func (s *Settings) WithoutMeasured() *Settings {
	measured := map[string]bool{}
	for _, m := range s.Measures {
		for _, c := range m.Objects() {
			measured[string(c.OID)] = true
		}
	}
	if len(measured) == 0 {
		return s
	}
	rest := *s
	rest.Metrics = slices.DeleteFunc(slices.Clone(s.Metrics), func(m MetricSettings) bool { return measured[string(m.OID.OID)] })
	return &rest
}

// MetricSettings turns the instances below one OID into series of one metric.
type MetricSettings struct {
	Name            string                     `yaml:"name"`                       // of the metric
	OID             setting.OID                `yaml:"oid"`                        // of the column or scalar
	Type            string                     `yaml:"type"`                       // gauge, counter, OctetString, DisplayString, PhysAddress48, InetAddress, EnumAsInfo, EnumAsStateSet, Bits and others, as in snmp_exporter
	Help            string                     `yaml:"help"`                       // of the metric
	Indexes         []IndexSettings            `yaml:"indexes,omitempty"`          // parts of the index that become labels
	Lookups         []LookupSettings           `yaml:"lookups,omitempty"`          // labels from other objects
	RegexpExtracts  map[string][]RegexpExtract `yaml:"regex_extracts,omitempty"`   // further metrics, by suffix, from text
	DateTimePattern string                     `yaml:"datetime_pattern,omitempty"` // strptime pattern of ParseDateAndTime
	EnumValues      map[int]string             `yaml:"enum_values,omitempty"`      // names of numbers
	Offset          float64                    `yaml:"offset,omitempty"`           // added to the value, after scale
	Scale           float64                    `yaml:"scale,omitempty"`            // multiplies the value; default 1
	DisplayHint     string                     `yaml:"display_hint,omitempty"`     // DISPLAY-HINT that formats octets
}

// IndexSettings turns the next numbers of an instance's index into a label.
type IndexSettings struct {
	LabelName  string         `yaml:"labelname"`             // label
	Type       string         `yaml:"type"`                  // type of this part of the index
	FixedSize  int            `yaml:"fixed_size,omitempty"`  // octets of a fixed-length part
	Implied    bool           `yaml:"implied,omitempty"`     // the last part has no length (IMPLIED)
	EnumValues map[int]string `yaml:"enum_values,omitempty"` // names of numbers

	Looked bool `yaml:"-"` // no part of the index: a lookup sets the label, and another one builds on it
}

// LookupSettings sets a label to the value of another object that is indexed by Labels. Without
// Labels it deletes the label.
type LookupSettings struct {
	Labels      []string       `yaml:"labels"`                 // labels by which the object is indexed
	LabelName   string         `yaml:"labelname"`              // label to set
	OID         setting.OID    `yaml:"oid,omitempty"`          // object whose value it gets; without it the label is deleted
	Type        string         `yaml:"type,omitempty"`         // type of the object
	DisplayHint string         `yaml:"display_hint,omitempty"` // DISPLAY-HINT that formats octets
	EnumValues  map[int]string `yaml:"enum_values,omitempty"`  // names of numbers

	Every setting.Duration `yaml:"every,omitempty"` // how often the object is read, where nothing but labels is made of it; default in every poll
}

// FilterSettings asks for the instances of Targets only where the object OID has one of Values.
type FilterSettings struct {
	OID     setting.OID      `yaml:"oid"`               // object that is compared
	Targets []setting.OID    `yaml:"targets,omitempty"` // subtrees that are limited to the rows found
	Values  []setting.Regexp `yaml:"values,omitempty"`  // expressions for its value

	Every setting.Duration `yaml:"every,omitempty"` // how often the object is read; default in every poll
}

// RegexpExtract makes a number of a string: Value, with $1 and so on replaced, where Regex matches.
type RegexpExtract struct {
	Value string                 `yaml:"value"` // number to set, with $1 and so on replaced
	Regex setting.AnchoredRegexp `yaml:"regex"` // expression that must match the whole text
}

// UnmarshalYAML fills in the default value "$1".
func (r *RegexpExtract) UnmarshalYAML(unmarshal func(any) error) error {
	type plain RegexpExtract
	r.Value = "$1"
	return unmarshal((*plain)(r))
}

// Problems reports everything about a metric that would fail or stay silent while polling.
func (m *MetricSettings) Problems() []setting.Problem {
	var found setting.Problems
	if m.Name == "" {
		found.Add("name", "a metric needs a name")
	}
	if m.OID.IsZero() {
		found.Add("oid", "metric %q needs an oid", m.Name)
	}
	if text := TypeProblem(m.Type); text != "" {
		found.Add("type", "%s", text)
	}
	if typeNamed(m.Type).pattern && m.DateTimePattern == "" {
		found.Add("type", "type %s needs a datetime_pattern", m.Type)
	}
	return found
}

// Warnings reports a label that Prometheus would see under another name.
func (x *IndexSettings) Warnings() []setting.Problem {
	return renamed(x.LabelName)
}

// Warnings reports a label that Prometheus would see under another name.
func (l *LookupSettings) Warnings() []setting.Problem {
	return renamed(l.LabelName)
}

func renamed(name string) []setting.Problem {
	shown := series.LabelName(name)
	if shown == name || name == "" {
		return nil
	}
	return []setting.Problem{{Path: "labelname", Text: fmt.Sprintf("label %q is exposed as %q: write that", name, shown)}}
}

// Problems reports an index without a label, of a type that no index has or of a negative size.
func (x *IndexSettings) Problems() []setting.Problem {
	var found setting.Problems
	if text := labelProblem(x.LabelName); text != "" {
		found.Add("labelname", "%s", text)
	}
	if text := IndexTypeProblem(x.Type); text != "" {
		found.Add("type", "%s", text)
	}
	if x.FixedSize < 0 {
		found.Add("fixed_size", "a size is 0 or more")
	}
	return found
}

// Problems reports a lookup without a label, without an object to look in or of an unknown type.
func (l *LookupSettings) Problems() []setting.Problem {
	var found setting.Problems
	if text := labelProblem(l.LabelName); text != "" {
		found.Add("labelname", "%s", text)
	}
	if len(l.Labels) > 0 && l.OID.IsZero() {
		found.Add("oid", "the lookup of label %q needs an oid", l.LabelName)
	}
	if text := typeProblem(l.Type, inLookup); text != "" {
		found.Add("type", "%s", text)
	}
	return found
}

// Problems reports an extract without an expression.
func (r *RegexpExtract) Problems() []setting.Problem {
	if r.Regex.IsZero() {
		return []setting.Problem{{Path: "regex", Text: "a regex is needed to pick the number out of the text"}}
	}
	return nil
}

// Problems reports a filter that names no object.
func (f *FilterSettings) Problems() []setting.Problem {
	if f.OID.IsZero() {
		return []setting.Problem{{Path: "oid", Text: "a filter needs the oid of the object that decides"}}
	}
	return nil
}

func labelProblem(name string) string {
	switch {
	case name == "":
		return "a label needs a labelname"
	case strings.HasPrefix(name, "__"):
		return fmt.Sprintf("label %q: names that start with __ are reserved to Prometheus", name)
	}
	return ""
}

// Modern returns metrics with all types by the names that they have today.
func Modern(metrics []MetricSettings) []MetricSettings {
	if !slices.ContainsFunc(metrics, func(m MetricSettings) bool { return m.old() }) {
		return metrics
	}
	metrics = slices.Clone(metrics)
	for i := range metrics {
		m := &metrics[i]
		m.Type, m.Indexes, m.Lookups = TypeName(m.Type), slices.Clone(m.Indexes), slices.Clone(m.Lookups)
		for j := range m.Indexes {
			m.Indexes[j].Type = TypeName(m.Indexes[j].Type)
		}
		for j := range m.Lookups {
			m.Lookups[j].Type = TypeName(m.Lookups[j].Type)
		}
	}
	return metrics
}

// old reports whether a metric has a type by an old name.
func (m *MetricSettings) old() bool {
	old := func(name string) bool { return TypeName(name) != name }
	return old(m.Type) || slices.ContainsFunc(m.Indexes, func(x IndexSettings) bool { return old(x.Type) }) ||
		slices.ContainsFunc(m.Lookups, func(l LookupSettings) bool { return old(l.Type) })
}
