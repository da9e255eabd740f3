package mibs

import (
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// Node is the definition of an OID in one module. It does not change after its Tree is built.
type Node struct {
	OID    snmp.OID
	Name   string
	Module string
	Kind   smi.Kind
	Access smi.Access
	Status smi.Status
	rank   rank

	Syntax *Syntax // of a Scalar or a Column; else its Type is Other
	Units  string

	Index    []IndexPart // of a Row: its own, or that of the row that it augments
	Augments string      // name of the row that a Row augments
	Row      *Node       // of a Column
	Objects  []*Node     // of a Notification, in its order, without those that no module defines

	// Description is as the file has it, line ends and all. Embedded facts have none.
	Description string
}

// Syntax is the type of an object's values. Nodes share it.
type Syntax struct {
	Type   smi.Type
	shape  smi.Shape
	TC     string      // the name that SYNTAX has, unless that is a base type's
	Hint   string      // DISPLAY-HINT of the type, or of one that it is derived from
	Labels []smi.Label // of an enumeration or of BITS, as they are written
	Ranges []smi.Range // of the number or of the size: the object's own, else those of its type
}

// rank orders modules that say something about one OID: a lower one is preferred.
type rank uint32

// Modules that are not the SMI itself, and those without MODULE-IDENTITY, which are SMIv1, come after the
// others. Below that is their place among those that were loaded.
const (
	notBase rank = 1 << 31
	notV2   rank = 1 << 30
	place   rank = notV2 - 1
)

// FixedSize is the number of octets that each value of a string has, 0 if that differs.
func (n *Node) FixedSize() int {
	if (n.Syntax.Type == smi.OctetString || n.Syntax.Type == smi.Opaque) && len(n.Syntax.Ranges) == 1 && n.Syntax.Ranges[0].Low == n.Syntax.Ranges[0].High {
		return int(n.Syntax.Ranges[0].Low)
	}
	return 0
}

// IndexPart is one object of an INDEX.
type IndexPart struct {
	Name    string
	Implied bool  // the length of the value is not part of the index
	Node    *Node // nil if no module defines it
}

// baseSyntaxes are those of the types that are known everywhere, imported or not.
var baseSyntaxes = map[string]*Syntax{}

func init() {
	for name, t := range smi.BaseTypes {
		baseSyntaxes[name] = &Syntax{Type: t, shape: smi.ShapeName}
	}
}

// foldedBaseTypes has the names of the base types by their lower-case forms.
var foldedBaseTypes = map[string]string{}

func init() {
	for name := range smi.BaseTypes {
		// INTEGER and Integer32 remain distinct: no two base types of the SMI differ in case only.
		foldedBaseTypes[strings.ToLower(name)] = name
	}
}

// Help describes the node in one line of valid UTF-8: the first sentence of its description, or
// without one its name, type and units.
func (n *Node) Help() string {
	if n.Description == "" {
		parts := []string{n.Name}
		for _, part := range []string{n.Syntax.Type.String(), n.Units} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, ", ")
	}
	text, _, _ := strings.Cut(strings.Join(strings.Fields(n.Description), " "), ". ")
	return strings.ToValidUTF8(text, "\uFFFD")
}
