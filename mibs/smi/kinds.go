package smi

// Label is a name for a number: a value of an enumeration, or a bit from 0.
type Label struct {
	Number int64
	Name   string
}

// Range holds its ends too. Those beyond 63 bits are cut to them.
type Range struct{ Low, High int64 }

// Kind is the kind of a node.
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

// The base types, as the module writes them: INTEGER and Integer32 are distinct.
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

// BaseTypes are the base types of the SMI by name.
var BaseTypes = map[string]Type{
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

// Readable reports whether an agent may answer with a value.
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

// Numbered turns a list of names round, without its first, which stands for none.
func numbered[T ~uint8](names []string) map[string]T {
	m := map[string]T{}
	for i, name := range names[1:] {
		m[name] = T(i + 1)
	}
	return m
}
