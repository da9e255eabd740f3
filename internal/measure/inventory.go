package measure

import (
	"bytes"
	"regexp"
	"slices"

	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Inventory is what identifies a device. Of each list the first that has a text becomes a label of device_info.
type Inventory struct {
	Vendor  Sources `yaml:"vendor,omitempty"`   // who made it
	Model   Sources `yaml:"model,omitempty"`    // its model
	Version Sources `yaml:"version,omitempty"`  // of its software
	Serial  Sources `yaml:"serial,omitempty"`   // its serial number
	OS      Sources `yaml:"os,omitempty"`       // its operating system
	SysName Sources `yaml:"sys_name,omitempty"` // its name; default SNMPv2-MIB::sysName
}

// Source is a text, or the text of an object, of which the group of a regular expression may be taken. A word alone is
// an object.
type Source struct {
	Text   string         `yaml:"text,omitempty"`   // fixed text
	Object string         `yaml:"object,omitempty"` // scalar, instance or column, by name or OID; of a column the lowest row that has a text
	Regex  setting.Regexp `yaml:"regex,omitempty"`  // expression with one group that picks the text
}

// TextForm marks that the name of an object may be written.
func (Source) TextForm() {}

// UnmarshalYAML decodes either form.
func (s *Source) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if unmarshal(&text) == nil {
		*s = Source{Object: text}
		return nil
	}
	type plain Source
	return unmarshal((*plain)(s))
}

// Problems reports a source without a text, or with two.
func (s *Source) Problems() []setting.Problem {
	var found setting.Problems
	if (s.Text == "") == (s.Object == "") {
		found.Add("", "write an object, or a text")
	}
	if s.Regex.Regexp != nil && s.Regex.NumSubexp() != 1 {
		found.Add("regex", "the expression needs exactly one group, around the text: it has %d", s.Regex.NumSubexp())
	}
	return found
}

// Sources are a list of sources; a single one may stand without a list.
type Sources []Source

// TextForm marks that the name of an object may be written.
func (Sources) TextForm() {}

// MappingForm is the form of a single source.
func (Sources) MappingForm() any { return Source{} }

// UnmarshalYAML decodes all forms.
func (s *Sources) UnmarshalYAML(unmarshal func(any) error) error {
	var list []Source
	if unmarshal(&list) == nil {
		*s = list
		return nil
	}
	var one Source
	err := unmarshal(&one)
	*s = Sources{one}
	return err
}

// info is a label of device_info.
type info struct {
	name    string
	sources []source
}

type source struct {
	text   string
	column int // or none
	regex  *regexp.Regexp
}

// lists are the labels in their order, and where they are stated.
func (n *Inventory) lists() []struct {
	label   string
	sources Sources
} {
	return []struct {
		label   string
		sources Sources
	}{{"model", n.Model}, {"os", n.OS}, {"serial", n.Serial}, {"sys_name", n.SysName}, {"vendor", n.Vendor}, {"version", n.Version}}
}

// Zero reports that nothing is stated.
func (n *Inventory) Zero() bool {
	for _, l := range n.lists() {
		if len(l.sources) > 0 {
			return false
		}
	}
	return true
}

const sysName = "SNMPv2-MIB::sysName"

// Names returns the names of objects, as they are written.
func (n *Inventory) Names() []string {
	if n.Zero() {
		return nil
	}
	list := []string{sysName}
	for _, l := range n.lists() {
		for _, s := range l.sources {
			if s.Object != "" {
				list = append(list, s.Object)
			}
		}
	}
	return list
}

// Resolve resolves the names. It returns nil if one is not found, which find reports.
func (n *Inventory) Resolve(find Find) *Measure {
	r := &resolution{settings: &Settings{}, find: find, m: &Measure{by: none}}
	for _, l := range n.lists() {
		if l.label == "sys_name" && len(l.sources) == 0 {
			l.sources = Sources{{Object: sysName}}
		}
		label := info{name: l.label}
		for i, s := range l.sources {
			out := source{text: s.Text, column: none, regex: s.Regex.Regexp}
			if s.Object != "" {
				out.column = r.column("inventory."+l.label+"["+itoa(i)+"]", s.Object)
			}
			label.sources = append(label.sources, out)
		}
		r.m.info = append(r.m.info, label)
	}
	if r.missing {
		return nil
	}
	return r.m
}

// DeviceInfo is the name of the series with the identity of a device.
const DeviceInfo = "device_info"

var deviceInfo = &series.Desc{Name: DeviceInfo, Help: "Identity of the device.", Derived: true, Computed: true}

// identify makes device_info, if a text is known.
func (e *Evaluation) identify() {
	labels, fixed := e.table.Labels, true
	for i := range e.step.info {
		l := &e.step.info[i]
		for j := range l.sources {
			e.text = e.appendSource(e.text[:0], &l.sources[j])
			if len(e.text) > 0 {
				fixed = fixed && l.sources[j].column == none
				labels = series.AppendLabel(labels, 0, e.step.names[i], e.text)
				break
			}
		}
	}
	if fixed {
		return
	}
	e.table.Labels = labels
	e.table.AddRow()
	if e.in.Indexes {
		e.table.IndexEnds = append(e.table.IndexEnds, 0)
	}
	e.add(0, 0, 1)
	e.spend(len(labels))
}

func (e *Evaluation) appendSource(dst []byte, s *source) []byte {
	if s.column == none {
		return append(dst, s.text...)
	}
	c := &e.step.columns[s.column]
	list := e.list(s.column)
	lowest := none
	for i := range list.Keys.Len() {
		key := list.Keys.Key(i)
		if c.Instance != nil && !bytes.Equal(key, c.Instance) || lowest != none && snmp.OID(key).Compare(list.Keys.Key(lowest)) > 0 {
			continue
		}
		if len(appendSourceText(nil, list.Get(i), c.Enum, s.regex)) > 0 {
			lowest = i
		}
	}
	if lowest == none {
		return dst
	}
	return appendSourceText(dst, list.Get(lowest), c.Enum, s.regex)
}

func appendSourceText(dst []byte, v snmp.VarBind, enum map[int]string, regex *regexp.Regexp) []byte {
	start := len(dst)
	dst = appendText(dst, v, enum)
	text := trimmed(dst[start:])
	if regex != nil {
		at := regex.FindSubmatchIndex(text)
		if len(at) < 4 || at[2] < 0 {
			return dst[:start]
		}
		text = trimmed(text[at[2]:at[3]])
	}
	return append(dst[:start], text...)
}

// JoinInfo makes one series of device_info of those of several modules: of each label the last that has one counts.
func JoinInfo(sets []*series.Set) {
	var first *series.Column
	var all [][]byte
	for _, set := range sets {
		for i := 0; i < len(set.Columns); i++ {
			c := &set.Columns[i]
			if c.Desc != deviceInfo {
				continue
			}
			all = append(all, c.Table.Row(0))
			if first == nil {
				first = c
				continue
			}
			set.Columns = append(set.Columns[:i:i], set.Columns[i+1:]...)
			i--
		}
	}
	if len(all) < 2 {
		return
	}
	table := &series.Table{IndexEnds: first.Table.IndexEnds}
	values := map[string]string{}
	var names []string
	for _, labels := range all {
		for name, value := range series.Labels(labels) {
			if _, known := values[name]; !known {
				names = append(names, name)
			}
			values[name] = value
		}
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		table.Labels = series.AppendLabel(table.Labels, 0, name, []byte(values[name]))
	}
	table.AddRow()
	first.Table = table
}
