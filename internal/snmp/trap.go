package snmp

import (
	"errors"
	"fmt"
)

// GenericTrap is the generic-trap field (RFC 1157 section 4.1.6).
type GenericTrap int32

// The values of GenericTrap.
const (
	ColdStart GenericTrap = iota
	WarmStart
	LinkDown
	LinkUp
	AuthenticationFailure
	EGPNeighborLoss
	EnterpriseSpecific // see Trap.Specific
)

// Trap is the Trap-PDU of SNMPv1, whose layout differs from all other PDUs (RFC 1157 section
// 4.1.6).
type Trap struct {
	Enterprise   OID     // the sender's sysObjectID or, for EnterpriseSpecific, the enterprise that defined the trap
	AgentAddress [4]byte // of the sender
	Generic      GenericTrap
	Specific     int32
	Timestamp    uint32 // the sender's sysUpTime, in hundredths of a second
	VarBinds     []byte // as in PDU
}

// TrapMessage is a message of version 1 with a Trap-PDU.
type TrapMessage struct {
	Community []byte
	Trap
}

// ErrTrap is returned by ParseMessage for a message that must be decoded by ParseTrap.
var ErrTrap = errors.New("the Trap-PDU of SNMPv1")

// ParseTrap decodes a message of version 1 with a Trap-PDU. The slices of the result alias b.
func ParseTrap(b []byte) (m TrapMessage, err error) {
	version, community, b, err := cutCommunity(b)
	if err != nil {
		return m, err
	}
	if version != V1 {
		return m, fmt.Errorf("version %d is not 0 (SNMPv1)", version)
	}
	m.Community = community
	if b, _, err = cutTag(b, byte(TrapV1), "PDU"); err != nil {
		return m, err
	}
	return m, m.parse(b)
}

func (t *Trap) parse(b []byte) (err error) {
	name, b, err := cutTag(b, byte(ObjectIdentifier), "enterprise")
	if err != nil {
		return err
	}
	if t.Enterprise = name; !t.Enterprise.Valid() {
		return &syntaxError{field: "enterprise", cause: errOID}
	}
	address, b, err := cutTag(b, byte(IPAddress), "agent-addr")
	if err != nil {
		return err
	}
	if copy(t.AgentAddress[:], address) != len(address) || len(address) != len(t.AgentAddress) {
		return &syntaxError{field: "agent-addr", cause: errAddress}
	}
	generic, b, err := cutInt32(b, "generic-trap")
	if err != nil {
		return err
	}
	t.Generic = GenericTrap(generic)
	if t.Specific, b, err = cutInt32(b, "specific-trap"); err != nil {
		return err
	}
	ticks, b, err := cutTag(b, byte(TimeTicks), "time-stamp")
	if err != nil {
		return err
	}
	u, err := VarBind{Type: TimeTicks, Value: ticks}.Uint()
	if err != nil || u != uint64(uint32(u)) {
		return &syntaxError{field: "time-stamp", cause: errNumber}
	}
	t.Timestamp = uint32(u)
	t.VarBinds, _, err = cutTag(b, tagSequence, "variable bindings")
	return err
}

var (
	errOID     = errors.New("malformed OID")
	errAddress = errors.New("not the four octets of an IpAddress")
)

// AppendTrap appends the encoding of m.
func AppendTrap(b []byte, m *TrapMessage) []byte {
	pdu := elementSize(len(m.Enterprise)) + elementSize(len(m.AgentAddress)) + intSize(int64(m.Generic)) +
		intSize(int64(m.Specific)) + intSize(int64(m.Timestamp)) + elementSize(len(m.VarBinds))
	b = appendHeader(b, tagSequence, intSize(int64(V1))+elementSize(len(m.Community))+elementSize(pdu))
	b = appendInteger(b, int64(V1))
	b = appendOctets(b, m.Community)
	b = appendHeader(b, byte(TrapV1), pdu)
	b = append(appendHeader(b, byte(ObjectIdentifier), len(m.Enterprise)), m.Enterprise...)
	b = append(appendHeader(b, byte(IPAddress), len(m.AgentAddress)), m.AgentAddress[:]...)
	b = appendInteger(b, int64(m.Generic))
	b = appendInteger(b, int64(m.Specific))
	b = AppendInt(append(b, byte(TimeTicks), byte(intSize(int64(m.Timestamp))-2)), int64(m.Timestamp))
	return append(appendHeader(b, tagSequence, len(m.VarBinds)), m.VarBinds...)
}
