package draft

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"trapline/internal/human"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// Summary says what a draft has.
type Summary struct {
	Modules, Measures int
	Tables            int // tables and groups that nothing reads and that nothing was guessed about
	Unnamed           int // objects that are in no MIB
}

// YAML returns a first profile of the device: measures of what nothing reads, each marked as a guess, with values of
// the device beside it; as comments, what nothing was guessed about.
func (d *Device) YAML() (string, Summary) {
	var (
		body    strings.Builder
		names   []string
		summary Summary
	)
	for _, m := range d.modules() {
		if m.mib == "" {
			if summary.Unnamed = len(m.groups[0].columns); m.numbers() {
				name := d.name("unnamed_"+enterpriseOf(m.groups[0].columns[0].oid), names)
				names = append(names, name)
				summary.Measures += m.unnamed(&body, name)
			}
			continue
		}
		text, guesses, rest := m.yaml()
		summary.Tables += len(rest)
		if guesses > 0 {
			name := d.name(m.mib, names)
			names = append(names, name)
			summary.Measures += guesses
			fmt.Fprintf(&body, "  %s:\n    measures:\n%s", name, text)
		}
		if len(rest) > 0 {
			fmt.Fprintf(&body, "%s", rest.yaml(m.mib))
		}
	}
	summary.Modules = len(names)
	return d.head(names) + body.String(), summary
}

// head is the comment at the beginning, and the profile.
func (d *Device) head(names []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# A draft, made of %s.\n", human.Visible(d.Origin))
	b.WriteString("# What stands in front of the mark \"guess\" was guessed from names, units and enumerations. The values behind it are\n" +
		"# those of the device: see that the unit makes a sensible reading of them, then remove the mark. Delete what nobody\n" +
		"# wants to see.\n")
	id := d.sysObjectID()
	if len(names) > 0 && id.HasPrefix(enterprises) {
		fmt.Fprintf(&b, "device_profiles:\n  %s:\n    sys_object_ids: [%s]\n    extends: [any]\n    modules: [%s]\n", names[0], id, strings.Join(names, ", "))
	}
	if len(names) > 0 {
		b.WriteString("modules:\n")
	}
	return b.String()
}

// yaml returns the measures of a module, and the groups of which there are none.
func (m *module) yaml() (text string, guesses int, rest restOf) {
	var b strings.Builder
	for _, g := range m.groups {
		measures := g.measures()
		if len(measures) == 0 {
			rest = append(rest, g)
			continue
		}
		guesses += len(measures)
		fmt.Fprintf(&b, "    # %s: %s\n", g.node.Name, g.size())
		from := b.Len()
		for i := range measures {
			b.WriteString(measures[i].yaml(g))
		}
		b.WriteString(g.left(b.String()[from:]))
	}
	return b.String(), guesses, rest
}

var word = regexp.MustCompile(`[A-Za-z][\w-]*`)

// left lists in a comment the numbers of a group that no line of the text names.
func (g *group) left(text string) string {
	named := word.FindAllString(text, -1)
	var list []string
	for _, c := range g.columns {
		if len(c.numbers) > 0 && !slices.Contains(named, c.node.Name) {
			list = append(list, c.node.Name+" ("+c.samples[0]+")")
		}
	}
	if len(list) == 0 {
		return ""
	}
	return wrapped("    # nothing was guessed about: ", list)
}

// size is how many rows a table has.
func (g *group) size() string {
	rows := 0
	for _, c := range g.columns {
		if c.node.Row == nil {
			return human.Counted(len(g.columns), "scalar")
		}
		rows = max(rows, c.rows)
	}
	return human.Counted(rows, "row")
}

// restOf are groups about which nothing was guessed.
type restOf []*group

func (r restOf) yaml(mib string) string {
	var names []string
	for _, g := range r {
		names = append(names, g.node.Name)
	}
	return wrapped("  # nothing was guessed about "+mib+": ", names)
}

// wrapped is a list in comments of at most 120 characters.
func wrapped(front string, words []string) string {
	const width = 120
	var b strings.Builder
	line := front
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		if len(line)+len(w) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = "  #   "
		}
		line += w + " "
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}

// numbers reports whether an object is a number.
func (m *module) numbers() bool {
	columns := m.groups[0].columns
	return slices.ContainsFunc(columns[:min(len(columns), maxUnnamed)], func(c *column) bool { return len(c.numbers) > 0 })
}

// enterpriseOf is the number of the enterprise of an OID below the enterprises.
func enterpriseOf(oid snmp.OID) string {
	number, _, _ := strings.Cut(strings.TrimPrefix(oid.String(), enterprises.String()+"."), ".")
	return number
}

// maxUnnamed is how many objects of no MIB a draft has.
const maxUnnamed = 300

// unnamed writes what is in no MIB: numbers as counts, so that they are read, texts as comments.
func (m *module) unnamed(b *strings.Builder, name string) (measures int) {
	columns := m.groups[0].columns
	fmt.Fprintf(b, "  # In no MIB that is here: --mibs-dir DIR has the directory of their MIBs, and gives better guesses. Else say what each\n"+
		"  # number is, with metric and unit, or delete it; and name the rows by a text, as in name: '{1.3.6.1.4.1.99999.1.2}'.\n  %s:\n    measures:\n", name)
	for _, c := range columns[:min(len(columns), maxUnnamed)] {
		if len(c.numbers) == 0 {
			fmt.Fprintf(b, "    # %s: %s\n", c.oid, c.evidence())
			continue
		}
		measures++
		row := "{index}"
		if strings.HasSuffix(c.oid.String(), ".0") {
			row = c.oid.String()
		}
		fmt.Fprintf(b, "    - {metric: device_count, object: %s, name: '%s'}  # guess: %s\n", c.oid, row, c.evidence())
	}
	if len(columns) > maxUnnamed {
		fmt.Fprintf(b, "    # and %s\n", human.Count(len(columns)-maxUnnamed, "more object", "more objects"))
	}
	return measures
}

func (c *column) evidence() string {
	text := strings.Join(c.samples, ", ")
	if c.rows > len(c.samples) && len(c.samples) == maxSamples {
		text += ", ..."
	}
	return text
}

// entry is a key of a measure with its value in YAML.
type entry struct{ key, value string }

// yaml is the measure, on one line if that is not long.
func (m *Measure) yaml(g *group) string {
	entries := m.entries()
	mark := "  # guess"
	if evidence := g.evidence(m); evidence != "" {
		mark += ": " + evidence
	}
	var parts []string
	for _, e := range entries {
		parts = append(parts, e.key+": "+e.value)
	}
	const width = 150
	if line := "    - {" + strings.Join(parts, ", ") + "}"; len(line) <= width {
		return line + mark + "\n"
	}
	return "    - " + parts[0] + mark + "\n      " + strings.Join(parts[1:], "\n      ") + "\n"
}

// evidence are values of the objects of a measure.
func (g *group) evidence(m *Measure) string {
	if m.Parts == nil {
		if c := g.column(m.Object); c != nil {
			return c.evidence()
		}
		return ""
	}
	var list []string
	for _, key := range spaceKeys {
		if c := g.column(m.Parts[key]); c != nil && len(c.samples) > 0 {
			list = append(list, key+" "+c.samples[0])
		}
	}
	return strings.Join(list, ", ")
}

var spaceKeys = []string{"used", "free", "total", "percent"}

func (m *Measure) entries() []entry {
	list := []entry{{"metric", m.Metric}}
	if m.By != nil {
		list[0].value = "sensor"
	}
	add := func(key, value string) {
		if value != "" {
			list = append(list, entry{key, scalar(value)})
		}
	}
	if m.Parts == nil {
		add("object", nameOfNode(m.Object))
	}
	for _, key := range spaceKeys {
		if m.Parts[key] != nil {
			add(key, nameOfNode(m.Parts[key]))
		}
	}
	if m.By != nil {
		list = append(list, entry{"by", "{" + m.By.key() + ": " + m.By.entry(m.By.Metrics) + "}"}, entry{"units", m.By.entry(m.By.Units)})
	}
	if m.Divisor != nil {
		list = append(list, entry{"scale", "{divide_by: " + m.Divisor.Name + "}"})
	} else if m.Precision != nil {
		list = append(list, entry{"scale", "{precision: " + m.Precision.Name + "}"})
	}
	add("unit", m.Unit)
	add("type", m.Type)
	add("name", m.Name)
	add("direction", m.Direction)
	add("phase", m.Phase)
	add("text", m.Text)
	if m.States != nil {
		list = append(list, entry{"states", statesYAML(m.States)})
	}
	if len(m.Limits) > 0 {
		limits := map[string]string{}
		for key, n := range m.Limits {
			limits[key] = nameOfNode(n)
		}
		list = append(list, entry{"limit", mapYAML(limits)})
	}
	if len(m.Absent) > 0 {
		list = append(list, entry{"absent", listYAML(m.Absent)})
	}
	return list
}

func nameOfNode(n *mibs.Node) string { return n.Module + "::" + n.Name }

var stateNames = []string{OK: "ok", Degraded: "degraded", Failed: "failed", Unknown: "unknown", Absent: "absent"}

func statesYAML(states map[State][]string) string {
	var parts []string
	for s, name := range stateNames {
		if len(states[State(s)]) > 0 {
			parts = append(parts, name+": "+listYAML(states[State(s)]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func mapYAML(entries map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		parts = append(parts, scalar(key)+": "+scalar(entries[key]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func listYAML(words []string) string {
	var parts []string
	for _, w := range slices.Compact(slices.Clone(words)) {
		parts = append(parts, scalar(w))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// plain are texts that need no quotes, wherever they stand.
var plain = regexp.MustCompile(`^(?:[A-Za-z_][\w.-]*(?:::[\w.-]+)?|-?[0-9]+|[0-9]+(?:\.[0-9]+){3,}|[0-9][0-9./]* [A-Za-z][\w./]*)$`)

// reserved are words that YAML takes for something other than a text.
var reserved = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

// scalar writes a text so that YAML reads it as the same text.
func scalar(text string) string {
	if plain.MatchString(text) && !slices.Contains(reserved, strings.ToLower(text)) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
