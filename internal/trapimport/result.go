// Package trapimport makes the sections auths, listen and trap_rules of the configurations of snmptrapd and snmptt.
package trapimport

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Result has the settings of files of other programs.
type Result struct {
	addresses []string
	auths     []auth
	allow     []string
	rules     []rule
	forwards  []forward
	notes     []string // lines without a counterpart
	events    map[string]int
	anyone    bool // a community is accepted from everywhere
}

// auth is an entry of `auths`.
type auth struct {
	name string
	keys [][2]string // in order
}

// rule is an entry of `trap_rules`.
type rule struct {
	alert, on, severity, category, summary, description string
	event, level                                        string // name and severity as snmptt has them
	match                                               map[string]string
	nodes, where                                        string   // of NODES; the file and the line
	clears                                              []string // OIDs of events that end the alarm
	clearSummary                                        string
}

// forward is a receiver to which snmptrapd passes notifications on.
type forward struct {
	address string
	traps   []string
}

// Add adds the text of a file: of snmptt if it has a line EVENT, else of snmptrapd.
func (r *Result) Add(file, text string) {
	c := &reader{Result: r, file: filepath.Base(file)}
	lines := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	if slices.ContainsFunc(lines, func(line string) bool { return word(line) == "EVENT" }) {
		c.snmptt(lines)
	} else {
		c.snmptrapd(lines)
	}
}

// Events returns the number of rules. Events that end the alarms of others have none, once YAML was called.
func (r *Result) Events() int { return len(r.rules) }

// reader reads a file.
type reader struct {
	*Result
	file string
	line int
}

func (c *reader) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf("%s:%d: ", c.file, c.line)+fmt.Sprintf(format, args...))
}

// word returns the first word of a line.
func word(line string) string {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

// YAML returns the sections, after what has no counterpart as comments.
func (r *Result) YAML() []byte {
	r.pair()
	var b strings.Builder
	for _, text := range r.notes {
		fmt.Fprintf(&b, "# %s\n", strings.Map(printable, text))
	}
	r.writeAuths(&b)
	r.writeListen(&b)
	r.writeRules(&b)
	r.writeReceivers(&b)
	return []byte(b.String())
}

func printable(c rune) rune {
	if strconv.IsPrint(c) {
		return c
	}
	return ' '
}

func (r *Result) writeAuths(b *strings.Builder) {
	if len(r.auths) == 0 {
		return
	}
	b.WriteString("auths:\n")
	for _, a := range r.auths {
		var keys []string
		for _, k := range a.keys {
			keys = append(keys, k[0]+": "+strconv.Quote(k[1]))
		}
		fmt.Fprintf(b, "  %s: {%s}\n", a.name, strings.Join(keys, ", "))
	}
}

func (r *Result) writeListen(b *strings.Builder) {
	if len(r.auths)+len(r.addresses) == 0 {
		return
	}
	b.WriteString("listen:\n")
	if len(r.addresses) == 0 {
		r.addresses = []string{"[::]:162"}
	}
	writeList(b, "addresses", r.addresses)
	var names []string
	for _, a := range r.auths {
		names = append(names, a.name)
	}
	if len(names) == 0 {
		b.WriteString("  auths: [] # name those whose communities and users are accepted\n")
	} else {
		writeList(b, "auths", names)
	}
	if r.anyone && len(r.allow) > 0 {
		fmt.Fprintf(b, "  # the sources %s were of single communities, and others are accepted from everywhere\n", strings.Join(r.allow, ", "))
	}
	if r.anyone || len(r.allow) == 0 {
		b.WriteString("  allow: [0.0.0.0/0, \"::/0\"] # as before; without this line only targets may send\n")
	} else {
		writeList(b, "allow", r.allow)
	}
}

func writeList(b *strings.Builder, key string, list []string) {
	var quoted []string
	for _, text := range list {
		quoted = append(quoted, strconv.Quote(text))
	}
	fmt.Fprintf(b, "  %s: [%s]\n", key, strings.Join(quoted, ", "))
}

// alertText returns a name as text of YAML.
func alertText(name string) string {
	if slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(name)) {
		return strconv.Quote(name)
	}
	return name
}

func (r *Result) writeRules(b *strings.Builder) {
	if len(r.rules) > 0 {
		b.WriteString("trap_rules:\n")
	}
	for i := range r.rules {
		one := &r.rules[i]
		fmt.Fprintf(b, "- alert: %s\n  on: %s\n", alertText(one.alert), strconv.Quote(one.on))
		if len(one.match) > 0 {
			var pairs []string
			for _, name := range slices.Sorted(maps.Keys(one.match)) {
				pairs = append(pairs, strconv.Quote(name)+": "+strconv.Quote(one.match[name]))
			}
			fmt.Fprintf(b, "  match: {%s}\n", strings.Join(pairs, ", "))
		}
		if len(one.clears) > 0 {
			writeList(b, "clear", one.clears)
		} else {
			b.WriteString("  expires: 1h # or clear, or until\n")
		}
		fmt.Fprintf(b, "  labels: {severity: %s, category: %s}\n", one.severity, strconv.Quote(literal(one.category)))
		fmt.Fprintf(b, "  annotations:\n    summary: %s\n", strconv.Quote(one.summary))
		if one.description != "" {
			fmt.Fprintf(b, "    description: %s\n", strconv.Quote(one.description))
		}
		if one.clearSummary != "" {
			fmt.Fprintf(b, "    clear_summary: %s\n", strconv.Quote(one.clearSummary))
		}
	}
}

// writeReceivers writes those to which notifications are passed on, with the first community that is accepted.
func (r *Result) writeReceivers(b *strings.Builder) {
	if len(r.forwards) == 0 {
		return
	}
	auth := "public_v2"
	for _, a := range slices.Backward(r.auths) {
		if strings.HasPrefix(a.name, "trap_community") {
			auth = a.name
		}
	}
	b.WriteString("receivers: # which need state_dir, and are sent alarms too; snmptrapd sends the community of each trap, and Trapline that of auth\n")
	for i, f := range r.forwards {
		fmt.Fprintf(b, "- name: forward_%d\n  type: trap\n  address: %s\n  auth: %s\n  forward:\n  ", i+1, strconv.Quote(f.address), auth)
		writeList(b, "traps", f.traps)
	}
}
