package snmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Type is the BER tag of a value (RFC 3416 section 3; for Opaque's inner types, the perl-SNMP draft
// that agents follow).
type Type byte

// The types of values, and the three exceptions in place of a value.
const (
	Integer          Type = 0x02
	OctetString      Type = 0x04
	Null             Type = 0x05
	ObjectIdentifier Type = 0x06
	IPAddress        Type = 0x40
	Counter32        Type = 0x41
	Gauge32          Type = 0x42 // also Unsigned32
	TimeTicks        Type = 0x43
	Opaque           Type = 0x44
	NsapAddress      Type = 0x45
	Counter64        Type = 0x46
	Uinteger32       Type = 0x47
	NoSuchObject     Type = 0x80
	NoSuchInstance   Type = 0x81
	EndOfMibView     Type = 0x82
)

var typeNames = map[Type]string{
	Integer: "INTEGER", OctetString: "OCTET STRING", Null: "NULL", ObjectIdentifier: "OBJECT IDENTIFIER",
	IPAddress: "IpAddress", Counter32: "Counter32", Gauge32: "Gauge32", TimeTicks: "TimeTicks", Opaque: "Opaque",
	NsapAddress: "NsapAddress", Counter64: "Counter64", Uinteger32: "UInteger32",
	NoSuchObject: "noSuchObject", NoSuchInstance: "noSuchInstance", EndOfMibView: "endOfMibView",
}

func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("type 0x%02x", byte(t))
}

// BitString is the type of BITS in early SNMPv1 agents.
const BitString Type = 0x03

// Known reports whether t is a type of SNMP.
func (t Type) Known() bool {
	switch {
	case t == Integer, t >= BitString && t <= ObjectIdentifier, t >= IPAddress && t <= Uinteger32, t >= NoSuchObject && t <= EndOfMibView:
		return true
	}
	return false
}

// Exception reports whether t is noSuchObject, noSuchInstance or endOfMibView (RFC 3416 section 3).
func (t Type) Exception() bool { return t == NoSuchObject || t == NoSuchInstance || t == EndOfMibView }

// HasValue reports whether t is a value, neither NULL nor an exception.
func (t Type) HasValue() bool { return t != Null && t&0x80 == 0 }

// VarBind is one variable binding: a name and the BER content octets of its value. Both alias the
// packet; the function that returns a VarBind documents its lifetime.
type VarBind struct {
	Name  OID
	Type  Type
	Value []byte
}

var errNotNumber = errors.New("value is not a number")

// Int returns the value of an INTEGER, or of an unsigned type if it fits.
func (v VarBind) Int() (int64, error) {
	switch v.Type {
	case Integer:
		return signed(v.Value)
	case Counter32, Gauge32, TimeTicks, Counter64, Uinteger32:
		u, err := v.Uint()
		if err == nil && u > math.MaxInt64 {
			return 0, errNotNumber
		}
		return int64(u), err
	}
	return 0, errNotNumber
}

// Uint returns the value of an unsigned type. It reads a Counter32 or Gauge32 that an agent encoded
// as a negative number as its 32 bits.
func (v VarBind) Uint() (uint64, error) {
	switch v.Type {
	case Counter32, Gauge32, TimeTicks, Uinteger32:
		if n := len(v.Value); n > 0 && n <= 4 && v.Value[0] >= 0x80 {
			i, err := signed(v.Value)
			return uint64(uint32(i)), err
		}
	case Counter64:
	default:
		return 0, errNotNumber
	}
	return unsigned(v.Value)
}

// Float returns the value of an Opaque-wrapped float (0x9f78) or double (0x9f79).
func (v VarBind) Float() (float64, error) {
	b := v.Value
	if v.Type != Opaque || len(b) < 3 || b[0] != 0x9f || int(b[2]) != len(b)-3 {
		return 0, errNotNumber
	}
	switch {
	case b[1] == 0x78 && b[2] == 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[3:]))), nil
	case b[1] == 0x79 && b[2] == 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b[3:])), nil
	}
	return 0, errNotNumber
}

func signed(b []byte) (int64, error) {
	if len(b) == 0 || len(b) > 8 {
		return 0, errNotNumber
	}
	v := int64(int8(b[0]))
	for _, c := range b[1:] {
		v = v<<8 | int64(c)
	}
	return v, nil
}

func unsigned(b []byte) (uint64, error) {
	if len(b) == 9 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 8 {
		return 0, errNotNumber
	}
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v, nil
}

// AppendInt appends the minimal content octets of a signed number.
func AppendInt(b []byte, v int64) []byte {
	n := 8
	for n > 1 && (v>>(8*(n-1)-1) == 0 || v>>(8*(n-1)-1) == -1) {
		n--
	}
	for n--; n >= 0; n-- {
		b = append(b, byte(v>>(8*n)))
	}
	return b
}

// AppendUint appends the minimal content octets of an unsigned number, with a leading zero octet if
// the top bit would read as a sign.
func AppendUint(b []byte, v uint64) []byte {
	if v > math.MaxInt64 {
		return binary.BigEndian.AppendUint64(append(b, 0), v)
	}
	return AppendInt(b, int64(v))
}
