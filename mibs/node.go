package mibs

import (
	"strings"

	"trapline/internal/snmp"
)

// Node is what one module says about one OID. It does not change once its Tree is built.
type Node struct {
	OID    snmp.OID
	Name   string
	Module string
	Kind   Kind
	Access Access
	Status Status
	rank   rank

	*Syntax // of a Scalar or a Column; else its Type is Other
	Units   string

	Index    []IndexPart // of a Row: its own, or that of the row that it augments
	Augments string      // name of the row that a Row augments
	Row      *Node       // of a Column
	Objects  []*Node     // of a Notification, in its order, without those that no module defines

	// Description is as the file has it, line ends and all. Embedded facts have none.
	Description string
}

// Syntax is what the values of an object are. Nodes share it.
type Syntax struct {
	Type   Type
	form   form
	TC     string  // the name that SYNTAX has, unless that is a base type's
	Hint   string  // DISPLAY-HINT of the type, or of one that it is derived from
	Labels []Label // of an enumeration or of BITS, as they are written
	Ranges []Range // of the number or of the size: the object's own, else those of its type
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
	if (n.Type == OctetString || n.Type == Opaque) && len(n.Ranges) == 1 && n.Ranges[0].Low == n.Ranges[0].High {
		return int(n.Ranges[0].Low)
	}
	return 0
}

// Label is a name for a number: a value of an enumeration, or a bit from 0.
type Label struct {
	Number int64
	Name   string
}

// Range holds its ends too. Those beyond 63 bits are cut to them.
type Range struct{ Low, High int64 }

// IndexPart is one object of an INDEX.
type IndexPart struct {
	Name    string
	Implied bool  // the length of the value is not part of the index
	Node    *Node // nil if no module defines it
}

// Kind is what a node is.
type Kind uint8

// Plain nodes have an OID and a name, no more.
const (
	Plain Kind = iota
	Scalar
	Table
	Row
	Column
	Notification // NOTIFICATION-TYPE and TRAP-TYPE
	Identity     // MODULE-IDENTITY
	ObjectIdentity
	ObjectGroup
	NotificationGroup
	Compliance
	Capabilities
)

var kindNames = [...]string{"node", "scalar", "table", "row", "column", "notification", "module identity", "object identity",
	"object group", "notification group", "module compliance", "agent capabilities"}

func (k Kind) String() string { return kindNames[k] }

// Type is a base type of the SMI.
type Type uint8

// INTEGER and Integer32, as all of these, are told apart as the module writes them.
const (
	Other Type = iota
	Integer
	Integer32
	Unsigned32
	Gauge
	Counter
	Counter64
	TimeTicks
	OctetString
	ObjectIdentifier
	Bits
	IPAddress
	NetworkAddress
	Opaque
	NSAPAddress
	UInteger32
)

var typeNames = [...]string{"", "INTEGER", "Integer32", "Unsigned32", "Gauge32", "Counter32", "Counter64", "TimeTicks",
	"OCTET STRING", "OBJECT IDENTIFIER", "BITS", "IpAddress", "NetworkAddress", "Opaque", "NsapAddress", "UInteger32"}

func (t Type) String() string { return typeNames[t] }

// baseSyntaxes are those of the types that are known everywhere, imported or not.
var baseSyntaxes = map[string]*Syntax{}

func init() {
	for name, t := range baseTypes {
		baseSyntaxes[name] = &Syntax{Type: t, form: formPlain}
	}
}

// foldedBaseTypes gives their names by those in small letters.
var foldedBaseTypes = map[string]string{}

func init() {
	for name := range baseTypes {
		// INTEGER and Integer32 are told apart: of names that fold to one the SMI has none.
		foldedBaseTypes[strings.ToLower(name)] = name
	}
}

var baseTypes = map[string]Type{
	"INTEGER": Integer, "Integer32": Integer32, "Unsigned32": Unsigned32, "Gauge": Gauge, "Gauge32": Gauge,
	"Counter": Counter, "Counter32": Counter, "Counter64": Counter64, "TimeTicks": TimeTicks,
	"OCTET STRING": OctetString, "BIT STRING": Bits, "OBJECT IDENTIFIER": ObjectIdentifier, "BITS": Bits,
	"IpAddress": IPAddress, "NetworkAddress": NetworkAddress, "Opaque": Opaque, "NsapAddress": NSAPAddress, "UInteger32": UInteger32,
}

// Access is MAX-ACCESS, or ACCESS of SMIv1.
type Access uint8

// Nodes that are no objects have no access.
const (
	NoAccess Access = iota
	NotAccessible
	AccessibleForNotify
	ReadOnly
	ReadWrite
	ReadCreate
	WriteOnly
	NotImplemented
)

var accessNames = [...]string{"", "not-accessible", "accessible-for-notify", "read-only", "read-write", "read-create", "write-only", "not-implemented"}

func (a Access) String() string { return accessNames[a] }

// Readable tells whether an agent may answer with a value.
func (a Access) Readable() bool { return a == ReadOnly || a == ReadWrite || a == ReadCreate }

// Status is STATUS.
type Status uint8

// Optional and Mandatory are of SMIv1.
const (
	NoStatus Status = iota
	Current
	Deprecated
	Obsolete
	Mandatory
	Optional
)

var statusNames = [...]string{"", "current", "deprecated", "obsolete", "mandatory", "optional"}

func (s Status) String() string { return statusNames[s] }

var (
	accesses = numbered[Access](accessNames[:])
	statuses = numbered[Status](statusNames[:])
)

// numbered turns a list of names round, without its first, which stands for none.
func numbered[T ~uint8](names []string) map[string]T {
	m := map[string]T{}
	for i, name := range names[1:] {
		m[name] = T(i + 1)
	}
	return m
}

// Help says in one line of valid UTF-8 what the node is: the first sentence of its description, or
// without one its name, type and units.
func (n *Node) Help() string {
	if n.Description == "" {
		parts := []string{n.Name}
		for _, part := range []string{n.Type.String(), n.Units} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, ", ")
	}
	text, _, _ := strings.Cut(strings.Join(strings.Fields(n.Description), " "), ". ")
	return strings.ToValidUTF8(text, "\uFFFD")
}
