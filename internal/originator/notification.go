// Package originator sends and receives SNMP notifications, one at a time: traps and informs of SNMPv1, SNMPv2c and
// SNMPv3. A Sender is a notification originator and a Listener a notification receiver (RFC 3413); an Identity is
// the SNMP engine that they act for.
package originator

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"trapline/internal/snmp"
)

// Notification is a notification in a form that is independent of the version of SNMP.
type Notification struct {
	Trap     snmp.OID       // SNMPTrapOID.0: the type of the notification
	Uptime   uint32         // SysUpTime.0 in hundredths of a second
	VarBinds []snmp.VarBind // the OBJECTS of the NOTIFICATION-TYPE, in its order, then any others

	// RequestID is the request-id of an inform, the same for all its retransmissions, so that a receiver
	// knows them as one. 0 has the sender draw one.
	RequestID int32

	// Agent is the agent-addr of SNMPv1. Unset, it is our own address towards the receiver.
	Agent netip.Addr

	// Enterprise is that of a standard trap of SNMPv1. Unset, it is SNMPTrapEnterprise.0 among VarBinds,
	// else snmpTraps.
	Enterprise snmp.OID
}

// Objects that notifications carry (RFC 3418, RFC 3584).
var (
	SysUpTime          = snmp.MustParseOID("1.3.6.1.2.1.1.3.0")
	SNMPTrapOID        = snmp.MustParseOID("1.3.6.1.6.3.1.1.4.1.0")
	SNMPTrapEnterprise = snmp.MustParseOID("1.3.6.1.6.3.1.1.4.3.0")
	snmpTraps          = snmp.MustParseOID("1.3.6.1.6.3.1.1.5")
	SNMPTrapAddress    = snmp.MustParseOID("1.3.6.1.6.3.18.1.3.0")
)

// EncodeVarBinds returns the encoded variable bindings of SNMPv2c and SNMPv3 (RFC 3416 section 4.2.6).
func (n *Notification) EncodeVarBinds() []byte {
	b := snmp.AppendVarBind(nil, snmp.VarBind{Name: SysUpTime, Type: snmp.TimeTicks, Value: snmp.AppendUint(nil, uint64(n.Uptime))})
	b = snmp.AppendVarBind(b, snmp.VarBind{Name: SNMPTrapOID, Type: snmp.ObjectIdentifier, Value: n.Trap})
	return n.appendVarBinds(b)
}

func (n *Notification) appendVarBinds(b []byte) []byte {
	for _, v := range n.VarBinds {
		b = snmp.AppendVarBind(b, v)
	}
	return b
}

// Counter64Error is the error for a notification that SNMPv1 cannot carry (RFC 3584 section 3.2).
type Counter64Error struct{ Name snmp.OID }

func (e *Counter64Error) Error() string {
	return fmt.Sprintf("%s is a Counter64, which a trap of SNMPv1 cannot carry", e.Name)
}

// TrapV1 returns the notification as a trap of SNMPv1 (RFC 3584 section 3.2). If Agent is unset, own is its
// agent-addr.
func (n *Notification) TrapV1(own netip.Addr) (snmp.Trap, error) {
	t := snmp.Trap{Timestamp: n.Uptime, Generic: snmp.EnterpriseSpecific}
	agent := n.Agent
	if !agent.IsValid() {
		agent = own
	}
	if agent = agent.Unmap(); agent.Is4() { // else 0.0.0.0: SNMPv1 knows no other addresses
		t.AgentAddress = agent.As4()
	}
	for _, v := range n.VarBinds {
		if v.Type == snmp.Counter64 {
			return t, &Counter64Error{v.Name}
		}
	}
	t.VarBinds = n.appendVarBinds(nil)
	parent, last := n.Trap.CutLast()
	if parent.Compare(snmpTraps) == 0 && last >= 1 && last <= uint32(snmp.EnterpriseSpecific) {
		t.Generic = snmp.GenericTrap(last - 1)
		t.Enterprise = n.enterprise()
		return t, nil
	}
	if last > math.MaxInt32 {
		return t, fmt.Errorf("%s ends in a number beyond %d, which a trap of SNMPv1 cannot carry", n.Trap, math.MaxInt32)
	}
	t.Specific = int32(last)
	if t.Enterprise = parent; len(parent) > 1 && parent[len(parent)-1] == 0 {
		t.Enterprise = parent[:len(parent)-1]
	}
	return t, nil
}

// InFields returns a copy of the notification in which SNMPTrapAddress.0 and SNMPTrapEnterprise.0 are moved from the
// variable bindings to the fields Agent and Enterprise. Only standard traps have such an enterprise (RFC 3584 section
// 3.2).
func (n *Notification) InFields() (*Notification, error) {
	f := *n
	f.VarBinds = nil
	for _, v := range n.VarBinds {
		switch {
		case v.Name.Compare(SNMPTrapAddress) == 0 && v.Type == snmp.IPAddress && len(v.Value) == 4:
			f.Agent, _ = netip.AddrFromSlice(v.Value)
		case v.Name.Compare(SNMPTrapAddress) == 0:
			return nil, errors.New("snmpTrapAddress.0 is an IpAddress: write it with the type a")
		case v.Name.Compare(SNMPTrapEnterprise) == 0 && v.Type != snmp.ObjectIdentifier:
			return nil, errors.New("snmpTrapEnterprise.0 is an OBJECT IDENTIFIER: write it with the type o")
		case v.Name.Compare(SNMPTrapEnterprise) == 0 && n.Trap.HasPrefix(snmpTraps):
			f.Enterprise = v.Value
		default:
			f.VarBinds = append(f.VarBinds, v)
		}
	}
	return &f, nil
}

func (n *Notification) enterprise() snmp.OID {
	if n.Enterprise != nil {
		return n.Enterprise
	}
	for _, v := range n.VarBinds {
		if v.Name.Compare(SNMPTrapEnterprise) == 0 && v.Type == snmp.ObjectIdentifier {
			return v.Value
		}
	}
	return snmpTraps
}

// CheckTrap returns an error if o cannot be the OID of a notification: SNMPv1 divides it into enterprise and
// specific-trap.
func CheckTrap(o snmp.OID) error {
	if parent, _ := o.CutLast(); len(parent) == 0 {
		return fmt.Errorf("%s is too short for the OID of a notification", o)
	}
	return nil
}

// TrapOfV1 returns the SNMPTrapOID of a trap in the fields of SNMPv1 (RFC 3584 section 3.1).
func TrapOfV1(enterprise snmp.OID, generic snmp.GenericTrap, specific uint32) (snmp.OID, error) {
	switch {
	case generic >= snmp.ColdStart && generic < snmp.EnterpriseSpecific:
		return snmp.AppendArc(append(snmp.OID(nil), snmpTraps...), uint32(generic)+1), nil
	case generic == snmp.EnterpriseSpecific:
		return snmp.AppendArc(snmp.AppendArc(append(snmp.OID(nil), enterprise...), 0), specific), nil
	}
	return nil, fmt.Errorf("generic-trap %d: SNMPv1 has 0 to %d", generic, snmp.EnterpriseSpecific)
}

// AddAddress adds the address of the device, if SNMP has a type for it (RFC 3584 section 3.1).
func (n *Notification) AddAddress(a netip.Addr) {
	if four := a.Unmap(); four.Is4() {
		n.VarBinds = append(n.VarBinds, snmp.VarBind{Name: SNMPTrapAddress, Type: snmp.IPAddress, Value: four.AsSlice()})
	}
}
