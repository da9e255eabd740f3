// Package modules compiles entries of `modules` to settings of the collector. It resolves names of
// MIB objects to OIDs; it does not poll.
package modules

import (
	"fmt"
	"slices"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/measure"
	"trapline/internal/setting"
	"trapline/mibs"
)

// Settings is an entry of `modules`. With metrics it is used unchanged, as in snmp_exporter.
// Without metrics, walk and get name objects of MIBs, from which the metrics are generated: its
// keys then have the meaning that they have in snmp_exporter's generator.
type Settings struct {
	Walk          Roots                      `yaml:"walk,omitempty"`    // tables, columns, groups and scalars, by name or OID; of one that is read less often, its name and every
	Get           Roots                      `yaml:"get,omitempty"`     // scalars and instances, by name or OID, as walk
	Metrics       []collector.MetricSettings `yaml:"metrics,omitempty"` // metrics by OID; without it, metrics come from the MIBs
	client.Params `yaml:",inline"`
	Filters       Filters             `yaml:"filters,omitempty"`   // rows to poll
	Interval      setting.Duration    `yaml:"interval,omitempty"`  // how often objects without an every of their own are read; default in every poll
	Lookups       []Lookup            `yaml:"lookups,omitempty"`   // labels from other objects (without metrics)
	Overrides     map[string]Override `yaml:"overrides,omitempty"` // changes to the metrics of objects, by name (without metrics)

	Measures    []measure.Settings        `yaml:"measures,omitempty"`     // metrics that all vendors share, made of the objects (without metrics)
	Inventory   measure.Inventory         `yaml:"inventory,omitempty"`    // what identifies the device: labels of device_info (without metrics)
	StateTables map[string]measure.States `yaml:"state_tables,omitempty"` // states that several measures name
}

// Lookup adds the value of an object as a label to each metric that has the labels SourceIndexes.
type Lookup struct {
	SourceIndexes     []string `yaml:"source_indexes"`                // labels by which the object is indexed
	Lookup            string   `yaml:"lookup"`                        // object whose value becomes a label
	DropSourceIndexes bool     `yaml:"drop_source_indexes,omitempty"` // leaves out the labels of source_indexes, except in rows where the looked-up text is empty or that of another row too
	DisplayHint       string   `yaml:"display_hint,omitempty"`        // DISPLAY-HINT that formats octets; @mib is the object's own

	Every setting.Duration `yaml:"every,omitempty"` // how often the object is read, where nothing but labels is made of it; default in every poll
}

// Override changes the metric of an object. Zero values change nothing.
type Override struct {
	Ignore          bool                                 `yaml:"ignore,omitempty"`           // makes no metric of it
	Type            string                               `yaml:"type,omitempty"`             // of the metric
	Name            string                               `yaml:"name,omitempty"`             // of the metric
	Help            string                               `yaml:"help,omitempty"`             // of the metric
	RegexpExtracts  map[string][]collector.RegexpExtract `yaml:"regex_extracts,omitempty"`   // further metrics, by suffix, from text
	DateTimePattern string                               `yaml:"datetime_pattern,omitempty"` // strptime pattern of ParseDateAndTime
	Offset          float64                              `yaml:"offset,omitempty"`           // added to the value, after scale
	Scale           float64                              `yaml:"scale,omitempty"`            // multiplies the value; default 1
	DisplayHint     string                               `yaml:"display_hint,omitempty"`     // DISPLAY-HINT that formats octets; @mib is the object's own
}

// fromMIB stands for the DISPLAY-HINT of the MIB.
const fromMIB = "@mib"

// Filter restricts Targets to Indices, or to the instances where the object OID has one of Values.
type Filter struct {
	OID     string           `yaml:"oid,omitempty"`     // object that is compared
	Targets []string         `yaml:"targets,omitempty"` // tables and columns that are limited; default those of the same table
	Values  []setting.Regexp `yaml:"values,omitempty"`  // expressions for its value, read at each poll
	Indices []string         `yaml:"indices,omitempty"` // fixed indexes of the rows to read

	Every setting.Duration `yaml:"every,omitempty"` // how often the object is read; default in every poll

	at string // position in the configuration
}

// Filters are a list. In snmp_exporter's generator they are a mapping, FilterGroups.
type Filters []Filter

// FilterGroups is the form of filters in generator.yml.
type FilterGroups struct {
	Static  []Filter `yaml:"static,omitempty"`
	Dynamic []Filter `yaml:"dynamic,omitempty"`
}

// MappingForm returns the type of filters written as a mapping.
func (Filters) MappingForm() any { return FilterGroups{} }

// UnmarshalYAML decodes either form.
func (f *Filters) UnmarshalYAML(unmarshal func(any) error) error {
	var list []Filter
	listErr := unmarshal(&list)
	if listErr == nil {
		*f = placed("filters", list)
		return nil
	}
	var groups FilterGroups
	if unmarshal(&groups) != nil {
		return listErr
	}
	*f = slices.Concat(placed("filters.static", groups.Static), placed("filters.dynamic", groups.Dynamic))
	return nil
}

func placed(at string, list []Filter) []Filter {
	for i := range list {
		list[i].at = fmt.Sprintf("%s[%d]", at, i)
	}
	return list
}

// MIBs is the `mibs` section.
type MIBs struct {
	Dirs []string `yaml:"dirs,omitempty"` // directories with MIB files, before the built-in ones; or URLs of such, or of a file with @mib@ in the place of the module's name
}

// Problems returns the directories that are not there.
func (m *MIBs) Problems() []setting.Problem {
	var found setting.Problems
	for i, dir := range m.Dirs {
		if mibs.IsURL(dir) {
			continue
		}
		if text := setting.NoDirectory(dir); text != "" {
			found.Add(fmt.Sprintf("dirs[%d]", i), "%s", text)
		}
	}
	return found
}

// Native reports whether the metrics are generated from MIBs.
func (s *Settings) Native() bool { return len(s.Metrics) == 0 }

// Problems returns invalid settings. Names are resolved later, when all files have been read.
func (s *Settings) Problems() []setting.Problem {
	var found setting.Problems
	if s.Native() {
		return nil
	}
	if len(s.Walk) == 0 && len(s.Get) == 0 {
		found.Add("", "has metrics but neither walk nor get: write under walk what to ask for")
	}
	const nameless = "a module with metrics says in them what becomes of each OID: leave metrics out to have them made from MIBs"
	if len(s.Lookups) > 0 {
		found.Add("lookups", nameless)
	}
	if len(s.Overrides) > 0 {
		found.Add("overrides", nameless)
	}
	if len(s.Measures) > 0 || !s.Inventory.Zero() {
		found.Add("measures", "a module with metrics has no measures: write them in a module of their own")
	}
	for _, f := range s.Filters {
		if len(f.Indices) > 0 {
			found.Add(f.at+".indices", nameless)
		}
	}
	return found
}

// Problems reports a lookup without an object or without source labels.
func (l *Lookup) Problems() []setting.Problem {
	var found setting.Problems
	if l.Lookup == "" {
		found.Add("lookup", "a lookup needs the object whose value becomes a label")
	}
	if len(l.SourceIndexes) == 0 {
		found.Add("source_indexes", "a lookup needs the labels that the object is indexed by")
	}
	return found
}

// Problems reports an unknown type.
func (o *Override) Problems() []setting.Problem {
	if text := collector.TypeProblem(o.Type); text != "" {
		return []setting.Problem{{Path: "type", Text: text}}
	}
	return nil
}

// Problems reports a filter without a condition.
func (f *Filter) Problems() []setting.Problem {
	if f.OID == "" && len(f.Indices) == 0 {
		return []setting.Problem{{Path: "oid", Text: "a filter needs the oid of the object that decides, or indices"}}
	}
	return nil
}

func parseOIDs(texts []string) []setting.OID {
	var list []setting.OID
	for _, text := range texts {
		list = append(list, setting.ParseOID(text))
	}
	return list
}
