package mibs

import (
	"slices"
	"strings"
)

// module is what a file, or embedded facts, say of one module. Its strings are parts of that text.
type module struct {
	name    string
	file    *source
	imports []imported
	// lastUpdated is the date of MODULE-IDENTITY, as it is written.
	lastUpdated string
	v2          bool // it has MODULE-IDENTITY: SMIv2
	// recoveries counts what was skipped of the module.
	recoveries  int
	definitions []definition
	types       []typeDefinition
}

// imported is one symbol of IMPORTS.
type imported struct{ name, module string }

// definition gives an OID to a name, and says what stands there.
type definition struct {
	name   string
	offset uint32
	kind   Kind
	access Access
	status Status
	// augments: parts has the row that this row augments, instead of an index.
	augments    bool
	value       []arc
	syntax      syntax
	units       string
	description string
	parts       []part // the index of a row, or the objects of a notification: their names
}

// part is a name in INDEX, OBJECTS or AUGMENTS.
type part struct {
	name    string
	implied bool // the length of the value is not part of the index
}

// augmented is the name of the row that a row augments, or empty.
func (d *definition) augmented() string {
	if d.augments && len(d.parts) > 0 {
		return d.parts[0].name
	}
	return ""
}

// hangsOn reports whether a name stands in the OID.
func (d *definition) hangsOn(name string) bool {
	return slices.ContainsFunc(d.value, func(a arc) bool { return a.name == name && !a.numbered })
}

// arc is one part of an OID value: a name, a number or both.
type arc struct {
	name     string
	number   uint32
	numbered bool
}

// typeDefinition gives a name to a syntax.
type typeDefinition struct {
	name   string
	offset uint32
	hint   string
	syntax syntax
	// convention: it is a TEXTUAL-CONVENTION.
	convention bool
}

// syntax is a type as it is written: a name and how it is restricted.
type syntax struct {
	name   string // perhaps Module.Name
	form   form
	labels []Label
	ranges []Range
}

type form uint8

const (
	formNone  form = iota // no SYNTAX
	formPlain             // a name
	formRow               // SEQUENCE { … }
	formTable             // SEQUENCE OF name
	formOther             // CHOICE, and what cannot be read
)

// MaxArcs is how long an OID may be (RFC 2578 section 3.5).
const MaxArcs = 128

// FullDate returns a date as MODULE-IDENTITY has it with four digits of the year, which may have two (RFC 2578 section 2).
func FullDate(s string) string {
	s = strings.TrimSpace(s)
	if len(s) == len("9502090000Z") {
		return "19" + s
	}
	return s
}
