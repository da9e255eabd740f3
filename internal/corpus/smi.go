package corpus

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// WriteStandardMIBs writes the facts of mibs/facts as MIB files into a directory, so that other programs read the
// modules too. The files say no more than the facts: descriptions repeat the names, and groups have one member.
func WriteStandardMIBs(t testing.TB, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Root, "mibs", "facts", "*.tsv"))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil || len(files) == 0 {
		t.Fatalf("no facts: %v", err)
	}
	w := smiWriter{octets: map[string]bool{"S": true, "Opaque": true}}
	var modules [][][]string
	for _, file := range files {
		modules = append(modules, readFacts(Text(t, file)))
	}
	w.findOctetTypes(modules)
	for _, facts := range modules {
		name := facts[0][1]
		if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(w.module(name, facts)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// readFacts returns the fields of each line, six of them, as mibs.Facts describes them.
func readFacts(text string) (facts [][]string) {
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		facts = append(facts, append(fields, make([]string, 6-len(fields))...))
	}
	return facts
}

type smiWriter struct {
	strings.Builder
	octets map[string]bool // types that are OCTET STRING: their ranges are sizes
	parent string          // that a place without a name hangs on
	name   string          // of the module
}

func (w *smiWriter) description(name string) string {
	return "    DESCRIPTION \"What " + name + " of " + w.name + " is.\"\n"
}

// findOctetTypes finds the types that are octets, also by way of types of other modules.
func (w *smiWriter) findOctetTypes(modules [][][]string) {
	for known := 0; known < len(w.octets); {
		known = len(w.octets)
		for _, f := range slices.Concat(modules...) {
			if name, _, _ := cutSyntax(f[3]); f[0] == "t" && w.octets[name] {
				w.octets[f[1]] = true
			}
		}
	}
}

// cutSyntax returns the parts of I{1=up,down}(0..7): the name, the text in braces and the text in parentheses.
func cutSyntax(s string) (name, labels, ranges string) {
	s, ranges, _ = strings.Cut(strings.TrimSuffix(s, ")"), "(")
	name, labels, _ = strings.Cut(strings.TrimSuffix(s, "}"), "{")
	return name, labels, ranges
}

func (w *smiWriter) module(name string, facts [][]string) string {
	w.Reset()
	w.name = name
	fmt.Fprintf(w, "%s DEFINITIONS ::= BEGIN\n\n", name)
	if text, ok := language[name]; ok {
		w.WriteString(text)
	} else {
		w.imports(facts)
	}
	for _, f := range facts {
		w.place(f)
	}
	// MODULE-IDENTITY stands first.
	slices.SortStableFunc(facts, func(a, b []string) int { return cmp.Compare(rank(a[0]), rank(b[0])) })
	for _, f := range facts {
		w.definition(f, facts)
	}
	w.WriteString("END\n")
	return w.String()
}

func rank(kind string) int {
	if kind == "M" {
		return 0
	}
	return 1
}

// place spells out a place that leaves its name to the line before.
func (w *smiWriter) place(f []string) {
	if f[0] == "m" || f[0] == "i" || f[0] == "t" {
		return
	}
	name, rest, _ := strings.Cut(f[2], ".")
	if name != "" {
		w.parent = name
	}
	f[2] = w.parent + " " + strings.ReplaceAll(rest, ".", " ")
	if w.parent[0] >= '0' && w.parent[0] <= '9' {
		f[2] = strings.ReplaceAll(f[2], ".", " ")
	}
}

func (w *smiWriter) imports(facts [][]string) {
	v2 := slices.ContainsFunc(facts, func(f []string) bool { return f[0] == "M" })
	own := map[string]bool{}
	for _, f := range facts {
		own[f[1]] = f[0] != "i"
	}
	w.WriteString("IMPORTS\n")
	for _, f := range facts {
		if f[0] == "i" {
			fmt.Fprintf(w, "    %s FROM %s\n", strings.ReplaceAll(f[2], " ", ", "), f[1])
			for symbol := range strings.SplitSeq(f[2], " ") {
				own[symbol] = true
			}
		}
	}
	for _, symbols := range languageSymbols(v2) {
		list := slices.DeleteFunc(strings.Fields(symbols[1]), func(s string) bool { return own[s] })
		fmt.Fprintf(w, "    %s FROM %s\n", strings.Join(list, ", "), symbols[0])
	}
	w.WriteString("    ;\n\n")
}

func (w *smiWriter) definition(f []string, facts [][]string) {
	name := f[1]
	const current = "    STATUS current\n"
	text := w.description(name)
	switch f[0][0] {
	case 'm', 'i':
		return
	case 't':
		hint := ""
		if f[2] != "" {
			hint = "    DISPLAY-HINT \"" + f[2] + "\"\n"
		}
		fmt.Fprintf(w, "%s ::= TEXTUAL-CONVENTION\n%s%s%s    SYNTAX %s\n\n", name, hint, current, text, w.syntax(f[3]))
		return
	case 'o':
		w.object(f, facts)
	case 'n':
		fmt.Fprintf(w, "%s OBJECT IDENTIFIER\n", name)
	case 'M':
		fmt.Fprintf(w, "%s MODULE-IDENTITY\n    LAST-UPDATED \"%s\"\n    ORGANIZATION \"\"\n    CONTACT-INFO \"\"\n%s", name, facts[slices.IndexFunc(facts, func(f []string) bool { return f[0] == "m" })][2], text)
	case 'I':
		fmt.Fprintf(w, "%s OBJECT-IDENTITY\n%s%s", name, current, text)
	case 'G':
		fmt.Fprintf(w, "%s OBJECT-GROUP\n    OBJECTS { %s }\n%s%s", name, firstOf(facts, 'o', "n"), current, text)
	case 'N':
		fmt.Fprintf(w, "%s NOTIFICATION-GROUP\n    NOTIFICATIONS { %s }\n%s%s", name, firstOf(facts, 'T', ""), current, text)
	case 'C':
		fmt.Fprintf(w, "%s MODULE-COMPLIANCE\n%s%s    MODULE\n", name, current, text)
	case 'A':
		fmt.Fprintf(w, "%s AGENT-CAPABILITIES\n    PRODUCT-RELEASE \"\"\n%s%s", name, current, text)
	case 'T':
		objects := ""
		if f[3] != "" {
			objects = "    OBJECTS { " + strings.ReplaceAll(f[3], " ", ", ") + " }\n"
		}
		fmt.Fprintf(w, "%s NOTIFICATION-TYPE\n%s%s%s", name, objects, current, text)
	}
	fmt.Fprintf(w, "    ::= { %s }\n\n", f[2])
	if f[3] == "#" {
		fmt.Fprintf(w, "%s ::= SEQUENCE {%s}\n\n", rowType(name), w.columns(name, facts))
	}
}

// firstOf returns the first definition of a kind whose access is another one.
func firstOf(facts [][]string, kind byte, not string) string {
	for _, f := range facts {
		if f[0][0] == kind && (not == "" || !strings.HasPrefix(f[0][1:], not)) {
			return f[1]
		}
	}
	return "zeroDotZero"
}

var accesses = map[byte]string{'n': "not-accessible", 't': "accessible-for-notify", 'r': "read-only", 'w': "read-write", 'c': "read-create", 'o': "write-only"}

var statuses = map[string]string{"": "current", "d": "deprecated", "b": "obsolete", "m": "mandatory", "p": "optional"}

func (w *smiWriter) object(f []string, facts [][]string) {
	syntax := ""
	switch f[3] {
	case "*":
		entry := slices.IndexFunc(facts, func(g []string) bool { return g[3] == "#" && strings.HasPrefix(g[2], f[1]+" ") })
		syntax = "SEQUENCE OF " + rowType(facts[entry][1])
	case "#":
		syntax = rowType(f[1])
	default:
		syntax = w.syntax(f[3])
	}
	access, status := "MAX-ACCESS", statuses[f[0][2:]]
	if status == "mandatory" || status == "optional" {
		access = "ACCESS"
	}
	fmt.Fprintf(w, "%s OBJECT-TYPE\n    SYNTAX %s\n", f[1], syntax)
	if f[4] != "" {
		fmt.Fprintf(w, "    UNITS \"%s\"\n", f[4])
	}
	fmt.Fprintf(w, "    %s %s\n    STATUS %s\n%s", access, accesses[f[0][1]], status, w.description(f[1]))
	if augmented, ok := strings.CutPrefix(f[5], "+"); ok {
		fmt.Fprintf(w, "    AUGMENTS { %s }\n", augmented)
	} else if f[5] != "" {
		fmt.Fprintf(w, "    INDEX { %s }\n", strings.ReplaceAll(strings.ReplaceAll(f[5], " ", ", "), "!", "IMPLIED "))
	}
}

func rowType(row string) string { return strings.ToUpper(row[:1]) + row[1:] }

func (w *smiWriter) columns(row string, facts [][]string) string {
	var list []string
	for _, f := range facts {
		if f[0][0] == 'o' && strings.HasPrefix(f[2], row+" ") {
			name, _, _ := cutSyntax(f[3])
			list = append(list, "\n    "+f[1]+" "+spelled(name))
		}
	}
	return strings.Join(list, ",") + "\n"
}

func spelled(name string) string {
	return cmp.Or(map[string]string{"S": "OCTET STRING", "O": "OBJECT IDENTIFIER", "I": "INTEGER"}[name], name)
}

func (w *smiWriter) syntax(fact string) string {
	name, labels, ranges := cutSyntax(fact)
	text := spelled(name)
	if labels != "" {
		text += " { "
		next := 0
		for i, label := range strings.Split(labels, ",") {
			if number, rest, ok := strings.Cut(label, "="); ok {
				label = rest
				_, _ = fmt.Sscan(number, &next)
			}
			if i > 0 {
				text += ", "
			}
			text += fmt.Sprintf("%s(%d)", label, next)
			next++
		}
		text += " }"
	}
	switch {
	case ranges == "":
	case w.octets[name]:
		text += " (SIZE (" + ranges + "))"
	default:
		text += " (" + ranges + ")"
	}
	return text
}
