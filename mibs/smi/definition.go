package smi

import (
	"slices"
	"strings"
)

// Module is a module of a file or of embedded facts. Its strings are parts of that text.
type Module struct {
	Name    string
	File    *Source
	Imports []Imported
	// LastUpdated is the date of MODULE-IDENTITY, as it is written.
	LastUpdated string
	v2          bool // it has MODULE-IDENTITY: SMIv2
	Partial     bool // only some of its definitions are here
	// Recoveries counts the skipped parts of the module.
	Recoveries  int
	Definitions []Definition
	Types       []TypeDefinition
}

// Imported is one symbol of IMPORTS.
type Imported struct{ Name, Module string }

// Definition assigns an OID to a name, and has the clauses of its macro.
type Definition struct {
	Name   string
	Offset uint32
	Kind   Kind
	Access Access
	Status Status
	// Augments: parts has the row that this row augments, instead of an index.
	Augments    bool
	Value       []Arc
	Syntax      Syntax
	Units       string
	Description string
	Parts       []Part // the index of a row, or the objects of a notification: their names
}

// Part is a name in INDEX, OBJECTS or AUGMENTS.
type Part struct {
	Name    string
	Implied bool // the length of the value is not part of the index
}

// Augmented is the name of the row that a row augments, or empty.
func (d *Definition) Augmented() string {
	if d.Augments && len(d.Parts) > 0 {
		return d.Parts[0].Name
	}
	return ""
}

// HangsOn reports whether a name stands in the OID.
func (d *Definition) HangsOn(name string) bool {
	return slices.ContainsFunc(d.Value, func(a Arc) bool { return a.Name == name && !a.Numbered })
}

// Arc is one part of an OID value: a name, a number or both.
type Arc struct {
	Name     string
	Number   uint32
	Numbered bool
}

// TypeDefinition assigns a name to a syntax.
type TypeDefinition struct {
	Name   string
	Offset uint32
	Hint   string
	Syntax Syntax
	// Convention: it is a TEXTUAL-CONVENTION.
	Convention bool
}

// Syntax is a type as it is written: a name and how it is restricted.
type Syntax struct {
	Name   string // perhaps Module.Name
	Shape  Shape
	Labels []Label
	Ranges []Range
}

// Shape is the construct that a syntax is written with.
type Shape uint8

// The shapes.
const (
	ShapeNone       Shape = iota // no SYNTAX
	ShapeName                    // a name
	ShapeSequence                // SEQUENCE { … }
	ShapeSequenceOf              // SEQUENCE OF name
	ShapeOther                   // CHOICE, and syntaxes that cannot be read
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
