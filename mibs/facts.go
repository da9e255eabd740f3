package mibs

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"trapline/mibs/smi"
)

// Facts are a Source built into the program: names, OIDs, types, labels, indexes and units
// of common modules, without prose. Each module is a file of lines, their fields parted by tabs. The
// first field is the kind of the line:
//
//	m    module           LAST-UPDATED, partial if parts of the module were left out
//	i    module           symbols imported from it
//	t    type             DISPLAY-HINT, syntax
//	o…   object           place, syntax, units, index
//	T    notification     place, objects
//	n M I G N C A         place
//
// A place is the name that an OID hangs on and the numbers behind it, or numbers only; without the
// name, that of the line before. Behind o stands the access, and then the status unless it is current.
// A syntax is a type, S for OCTET STRING, O for OBJECT IDENTIFIER, I for INTEGER, * for a table and #
// for a row; then labels in braces, which count up unless they have a number, and ranges. An index
// is a list of objects, ! before one that is IMPLIED, or + and the row that it augments.
type Facts struct{}

//go:embed facts.zst
var factFiles []byte

var facts = archived(factFiles)

// Embedded returns the facts.
func Embedded() Facts { return Facts{} }

// Names returns the names of all modules of the facts, sorted.
func (Facts) Names() []string { return facts().Names() }

// Mentioning returns the modules that define the name.
func (Facts) Mentioning(name string) []string { return facts().mentioning(name) }

func (f Facts) open() reader { return f }

func (Facts) read(name string) (*smi.Module, []smi.Diagnostic, error) { return facts().read(name) }

// The letters of facts. A kind is there if it is listed, Plain too.
var (
	factKinds = [128]smi.Kind{'M': smi.Identity, 'I': smi.ObjectIdentity, 'G': smi.ObjectGroup, 'N': smi.NotificationGroup,
		'C': smi.Compliance, 'A': smi.Capabilities, 'T': smi.Notification, 'o': smi.Scalar}
	factAccesses = [128]smi.Access{'n': smi.NotAccessible, 't': smi.AccessibleForNotify, 'r': smi.ReadOnly, 'w': smi.ReadWrite, 'c': smi.ReadCreate, 'o': smi.WriteOnly}
	factStatuses = [128]smi.Status{'d': smi.Deprecated, 'b': smi.Obsolete, 'm': smi.Mandatory, 'p': smi.Optional}
)

// partial marks a module of which only some parts are facts.
const partial = "partial"

// readFacts reads one module.
func readFacts(text string) (*smi.Module, error) {
	m := &smi.Module{File: &smi.Source{}}
	m.Definitions = make([]smi.Definition, 0, strings.Count(text, "\n"))
	r := factReader{module: m, arcs: make([]smi.Arc, 0, cap(m.Definitions)+strings.Count(text, "."))}
	number := 0
	for line := range strings.Lines(text) {
		number++
		var fields [6]string
		rest := strings.TrimSuffix(line, "\n")
		for i := range fields {
			fields[i], rest, _ = strings.Cut(rest, "\t")
		}
		if err := r.add(&fields); err != nil {
			return nil, fmt.Errorf("facts about %s, line %d: %w", m.Name, number, err)
		}
	}
	return m, nil
}

// factReader adds lines to a module.
type factReader struct {
	module *smi.Module
	parent string    // that places without a name hang on
	arcs   []smi.Arc // of many places, in one piece
}

func (m *factReader) add(f *[6]string) (err error) {
	switch f[0] {
	case "m":
		m.module.Name, m.module.LastUpdated, m.module.Partial = f[1], f[2], f[3] == partial
		return nil
	case "i":
		for name := range strings.SplitSeq(f[2], " ") {
			m.module.Imports = append(m.module.Imports, smi.Imported{Name: name, Module: f[1]})
		}
		return nil
	case "t":
		t := smi.TypeDefinition{Name: f[1], Hint: f[2]}
		t.Syntax, err = factSyntax(f[3])
		m.module.Types = append(m.module.Types, t)
		return err
	case "":
		return fmt.Errorf("the line does not say what it is")
	}
	d := smi.Definition{Name: f[1]}
	if d.Kind = factKinds[f[0][0]&0x7f]; d.Kind == smi.Plain && f[0] != "n" {
		return fmt.Errorf("no line begins with %s", f[0])
	}
	if d.Value, err = m.place(f[2]); err != nil {
		return err
	}
	switch d.Kind {
	case smi.Notification:
		addParts(&d, f[3])
	case smi.Scalar:
		d.Status = smi.Current
		for i := 1; i < len(f[0]); i++ {
			if c := f[0][i] & 0x7f; i == 1 {
				d.Access = factAccesses[c]
			} else {
				d.Status = factStatuses[c]
			}
		}
		d.Units = f[4]
		addParts(&d, f[5])
		d.Syntax, err = factSyntax(f[3])
	}
	m.module.Definitions = append(m.module.Definitions, d)
	return err
}

func addParts(d *smi.Definition, list string) {
	if list == "" {
		return
	}
	list, d.Augments = strings.CutPrefix(list, "+")
	for name := range strings.SplitSeq(list, " ") {
		name, implied := strings.CutPrefix(name, "!")
		d.Parts = append(d.Parts, smi.Part{Name: name, Implied: implied})
	}
}

// place reads a place.
func (m *factReader) place(s string) ([]smi.Arc, error) {
	first, rest, more := strings.Cut(s, ".")
	if first != "" {
		m.parent = first
	}
	start := len(m.arcs)
	if m.parent == "" || isDigit(m.parent[0]) {
		rest, more = s, true
	} else {
		m.arcs = append(m.arcs, smi.Arc{Name: m.parent})
	}
	for more {
		var number string
		number, rest, more = strings.Cut(rest, ".")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("place %q: %w", s, err)
		}
		m.arcs = append(m.arcs, smi.Arc{Number: uint32(n), Numbered: true})
	}
	return m.arcs[start:len(m.arcs):len(m.arcs)], nil
}

func factSyntax(s string) (x smi.Syntax, err error) {
	switch s {
	case "*":
		return smi.Syntax{Shape: smi.ShapeSequenceOf}, nil
	case "#":
		return smi.Syntax{Shape: smi.ShapeSequence}, nil
	}
	x.Shape = smi.ShapeName
	end := 0
	for end < len(s) && s[end] != '{' && s[end] != '(' {
		end++
	}
	x.Name, s = s[:end], s[end:]
	switch x.Name {
	case "S":
		x.Name = "OCTET STRING"
	case "O":
		x.Name = "OBJECT IDENTIFIER"
	case "I":
		x.Name = "INTEGER"
	}
	if list, found := strings.CutPrefix(s, "{"); found {
		list, s, _ = strings.Cut(list, "}")
		if x.Labels, err = factLabels(list); err != nil {
			return x, err
		}
	}
	if list, found := strings.CutPrefix(s, "("); found {
		x.Ranges, err = factRanges(strings.TrimSuffix(list, ")"))
	}
	return x, err
}

func factLabels(list string) ([]smi.Label, error) {
	labels := make([]smi.Label, 0, 1+strings.Count(list, ","))
	next := int64(0)
	for item := range strings.SplitSeq(list, ",") {
		if number, name, found := strings.Cut(item, "="); found {
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("label %q: %w", item, err)
			}
			next, item = n, name
		}
		labels = append(labels, smi.Label{Number: next, Name: item})
		next++
	}
	return labels, nil
}

func factRanges(list string) (ranges []smi.Range, err error) {
	for item := range strings.SplitSeq(list, "|") {
		low, high, found := strings.Cut(item, "..")
		if !found {
			high = low
		}
		var r smi.Range
		if r.Low, err = strconv.ParseInt(low, 10, 64); err == nil {
			r.High, err = strconv.ParseInt(high, 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("range %q: %w", item, err)
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}
