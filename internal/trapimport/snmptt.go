package trapimport

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// event matches the line that begins an event of snmptt.
var event = regexp.MustCompile(`^EVENT\s+(\S+)\s+(\S+)\s+"([^"]*)"\s+(.*?)\s*$`)

// snmptt reads the lines of snmptt.conf.
func (c *reader) snmptt(lines []string) {
	var one *rule
	describing := false
	for i, line := range lines {
		c.line = i + 1
		line = strings.TrimSpace(line)
		key, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		switch {
		case key == "SDESC" || key == "EDESC":
			describing = key == "SDESC"
		case describing:
			if one != nil {
				one.description = strings.TrimSpace(one.description + "\n" + line)
			}
		case line == "" || strings.HasPrefix(line, "#"):
		case key == "EVENT":
			one = c.begin(line)
		case one == nil: // of an event that is left out
		case key == "FORMAT":
			one.summary = c.template(one, rest)
		case key == "MATCH":
			c.match(one, rest)
		default:
			c.without(one, key, rest)
		}
	}
	for i := range c.rules {
		if r := &c.rules[i]; r.summary == "" {
			r.summary = "{{ $trap }}"
		}
		c.rules[i].description = literal(c.rules[i].description)
	}
}

// without notes the lines of an event that have no counterpart.
func (c *reader) without(one *rule, key, rest string) {
	switch key {
	case "EXEC", "PREEXEC":
		c.note("%s: %s %s: have a receiver of type webhook run it", one.alert, key, rest)
	case "NODES":
		one.nodes += " " + rest
		c.note("%s: NODES %s is left out: the rule is for all targets", one.alert, rest)
	case "REGEX":
		c.note("%s: REGEX %s is left out", one.alert, rest)
	default:
		c.note("%s: %s is left out", one.alert, key)
	}
}

// severities are those of snmptt in ours.
var severities = map[string]string{
	"critical": "critical", "fatal": "critical", "emergency": "critical", "alert": "critical", "major": "major", "severe": "major", "error": "major", "high": "major",
	"minor": "minor", "warning": "warning", "medium": "minor",
}

// begin begins an event. It returns nil if that is to be ignored.
func (c *reader) begin(line string) *rule {
	m := event.FindStringSubmatch(line)
	if m == nil {
		c.note("the line is no EVENT NAME OID \"CATEGORY\" SEVERITY")
		return nil
	}
	name, oid, category, severity := labelFrom(m[1]), strings.TrimPrefix(m[2], "."), m[3], m[4]
	if category == "IGNORE" || category == "LOGONLY" {
		c.note("%s: the category is %s: traps without a rule are counted and noted", name, category)
		return nil
	}
	if c.events == nil {
		c.events = map[string]int{}
	}
	if c.events[name]++; c.events[name] > 1 {
		name = fmt.Sprintf("%s_%d", name, c.events[name])
	}
	c.rules = append(c.rules, rule{
		alert: name, on: oid, category: category, severity: cmp.Or(severities[strings.ToLower(severity)], "indeterminate"), match: map[string]string{}, event: m[1], level: severity,
		where: fmt.Sprintf("%s:%d: ", c.file, c.line),
	})
	return &c.rules[len(c.rules)-1]
}

// labelFrom returns a name of letters, digits and underscores, which does not begin with a digit.
func labelFrom(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' {
			return r
		}
		return '_'
	}, name)
	if name == "" || '0' <= name[0] && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// condition matches a condition that has a counterpart: $n: (expression)flags.
var condition = regexp.MustCompile(`^\$(\d+):\s*\((.*)\)([ig]*)$`)

// match adds a condition of an event.
func (c *reader) match(one *rule, text string) {
	if mode, found := strings.CutPrefix(text, "MODE="); found {
		if strings.EqualFold(mode, "or") {
			c.note("%s: MATCH MODE=or: all conditions must hold; write a rule for each", one.alert)
		}
		return
	}
	m := condition.FindStringSubmatch(text)
	if m == nil {
		c.note("%s: MATCH %s is left out", one.alert, text)
		return
	}
	expression := m[2]
	if _, err := regexp.Compile(expression); err != nil {
		c.note("%s: MATCH %s is left out: %v", one.alert, text, err)
		return
	}
	if strings.Contains(m[3], "i") {
		expression = "(?i:" + expression + ")"
	}
	key := "$" + m[1]
	if one.match[key] != "" {
		c.note("%s: MATCH %s is left out: %s has a condition already", one.alert, text, key)
		return
	}
	one.match[key] = "(?s:.*)(?:" + expression + ")(?s:.*)"
}

// variables are the variables of snmptt's texts that need no number, as templates; the longest first.
var variables = []struct{ name, template string }{
	{"aA", "{{ or (index $varbinds \"1.3.6.1.6.3.18.1.3.0\") $source }}"}, {"aR", "{{ $source }}"}, {"ar", "{{ $source }}"}, {"+*", pairs}, {"-*", pairs},
	{"Fn", "\n"}, {"Ft", "\t"}, {"Fa", ""}, {"Ff", ""}, {"Fr", ""}, {"Fz", ""},
	{"$", "$"}, {"*", `{{ range $i, $v := $values }}{{ if $i }} {{ end }}{{ $v }}{{ end }}`}, {"#", "{{ len $values }}"},
	{"A", "{{ $labels.target }}"}, {"R", "{{ $labels.target }}"}, {"r", "{{ $labels.target }}"}, {"c", "{{ $labels.category }}"},
	{"o", "{{ $trap }}"}, {"O", "{{ $trap }}"}, {"i", "{{ $trap }}"}, {"E", enterprise}, {"e", enterprise}, {"D", ""},
}

const (
	pairs      = `{{ range $i, $v := $values }}{{ if $i }} {{ end }}{{ index $names $i }}:{{ $v }}{{ end }}`
	enterprise = `{{ index $varbinds "1.3.6.1.6.3.1.1.4.3.0" }}`
)

// unavailable matches a variable without a counterpart, behind the $.
var unavailable = regexp.MustCompile(`^(B[euEn]|pu?\d+|[xXTCHj@])`)

// numbered matches $1, ${1}, $+1, $-1 and $v1 behind the $.
var numbered = regexp.MustCompile(`^([-+v]?)(?:(\d+)|\{(\d+)\})`)

// template returns a text of snmptt as a template.
func (c *reader) template(one *rule, text string) string {
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(literal(before))
		if !found {
			break
		}
		if text = one.variable(&b, rest); len(text) == len(rest) {
			if name := unavailable.FindString(rest); name != "" {
				c.note("%s: $%s is left out of the text", one.alert, name)
				text = rest[len(name):]
			} else {
				b.WriteByte('$')
			}
		}
	}
	return strings.TrimSpace(b.String())
}

// variable writes the variable that a text begins with, and returns the rest: all of it, if it is none.
func (r *rule) variable(b *strings.Builder, text string) (rest string) {
	if m := numbered.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[2] + m[3]) // the greatest, if it is beyond
		switch m[1] {
		case "v":
			fmt.Fprintf(b, "{{ $names.At %d }}", n)
		case "":
			fmt.Fprintf(b, "{{ $values.At %d }}", n)
		default:
			fmt.Fprintf(b, "{{ $names.At %d }}:{{ $values.At %[1]d }}", n)
		}
		return text[len(m[0]):]
	}
	generic, specific := r.numbers()
	for name, value := range map[string]string{"N": r.event, "s": r.level, "G": generic, "S": specific} { // as they are written
		if after, found := strings.CutPrefix(text, name); found {
			b.WriteString(literal(value))
			return after
		}
	}
	for _, v := range variables {
		if after, found := strings.CutPrefix(text, v.name); found {
			b.WriteString(v.template)
			return after
		}
	}
	return text
}

// numbers returns the generic and the specific number of the trap, by its OID.
func (r *rule) numbers() (generic, specific string) {
	number := r.on[strings.LastIndexByte(r.on, '.')+1:]
	if strings.HasPrefix(r.on, "1.3.6.1.6.3.1.1.5.") {
		return number, "0"
	}
	return "0", number
}

// braces are those that begin an action, with what may follow the text too.
var braces = regexp.MustCompile(`\{\{+|\{$`)

// literal returns a text as the same text in a template.
func literal(text string) string { return braces.ReplaceAllString(text, "{{`$0`}}") }
