package traps

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// Trap is a notification in the form of SNMPv2 (RFC 3584 section 3.1). Its slices alias the datagram.
type Trap struct {
	At       time.Time
	Received *originator.Received
	Target   *Target // that sent it; nil if it is nobody's
	OID      snmp.OID
	Name     string // of the notification, or its OID in numbers
	Uptime   uint32 // of the sender, in hundredths of a second
	VarBinds []byte // without sysUpTime.0 and snmpTrapOID.0

	address netip.Addr // snmpTrapAddress.0 or agent-addr; invalid if there is none
	Device  netip.Addr // of the device: see Owners.Of
}

// Owner returns the name of the target, or the address of the device.
func (t *Trap) Owner() string {
	if t.Target != nil {
		return t.Target.Name
	}
	return t.Device.String()
}

// maxVarBinds bounds the variable bindings of a notification that are looked at.
const maxVarBinds = 256

// Read fills in the trap of a notification. It returns an error if that has no type.
func (t *Trap) Read(r *originator.Received) (err error) {
	t.Received, t.VarBinds, t.address = r, r.VarBinds, netip.Addr{}
	if v1 := r.V1; v1 != nil {
		t.Uptime = v1.Timestamp
		if a := netip.AddrFrom4(v1.AgentAddress); !a.IsUnspecified() {
			t.address = a
		}
		t.OID, err = originator.TrapOfV1(v1.Enterprise, v1.Generic, uint32(v1.Specific))
		return err
	}
	v, rest, err := snmp.CutVarBind(t.VarBinds)
	if err != nil {
		return err
	}
	if v.Name.Compare(originator.SysUpTime) == 0 {
		ticks, _ := v.Uint()
		t.Uptime = uint32(ticks)
		if v, rest, err = snmp.CutVarBind(rest); err != nil {
			return err
		}
	}
	if v.Name.Compare(originator.SNMPTrapOID) != 0 || v.Type != snmp.ObjectIdentifier || !snmp.OID(v.Value).Valid() {
		return errNoTrapOID
	}
	t.OID, t.VarBinds = v.Value, rest
	for v := range t.every() {
		if v.Name.Compare(originator.SNMPTrapAddress) == 0 && v.Type == snmp.IPAddress {
			t.address, _ = netip.AddrFromSlice(v.Value)
		}
	}
	return nil
}

// All yields the first variable bindings, as far as they can be read, without the community, which is a secret.
func (t *Trap) All() func(yield func(snmp.VarBind) bool) {
	return func(yield func(snmp.VarBind) bool) {
		n := 0
		for v := range t.every() {
			if n++; n > maxVarBinds || v.Name.Compare(trapCommunity) != 0 && !yield(v) {
				return
			}
		}
	}
}

// every yields the variable bindings, as far as they can be read. Their number is bounded by the size of a datagram.
func (t *Trap) every() func(yield func(snmp.VarBind) bool) {
	return func(yield func(snmp.VarBind) bool) {
		for list := t.VarBinds; len(list) > 0; {
			v, rest, err := snmp.CutVarBind(list)
			if err != nil || !yield(v) {
				return
			}
			list = rest
		}
	}
}

// Hash returns a hash of all that distinguishes the notification from others of its sender, which is the same in all processes.
func (t *Trap) Hash() uint64 {
	b := make([]byte, 0, 1024) // on the stack, as most are short
	from := t.Received.From.Addr().As16()
	b = appendText(append(b, from[:]...), t.OID)
	if t.Received.Inform {
		b = binary.BigEndian.AppendUint32(b, uint32(t.Received.RequestID))
		b = appendText(b, t.Received.Context)
	} else if t.address.IsValid() {
		address := t.address.As16()
		b = append(b, address[:]...)
	}
	b = binary.BigEndian.AppendUint32(b, t.Uptime)
	sum := sha256.Sum256(append(b, t.VarBinds...))
	return binary.BigEndian.Uint64(sum[:])
}

// appendText appends a text and its length.
func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
}

// maxText bounds the text of a notification in the journal, in octets.
const maxText = 400

// Text returns the variable bindings as text.
func (t *Trap) Text(tree *mibs.Tree) string {
	var b strings.Builder
	for v := range t.All() {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		name, node := nameOf(tree, v.Name)
		b.WriteString(name + "=" + valueText(tree, node, v))
		if b.Len() > maxText {
			return strings.ToValidUTF8(b.String()[:maxText], "") + "…"
		}
	}
	return b.String()
}

// NamedVar is a variable binding as text.
type NamedVar struct {
	Name  string `json:"name"` // of the instance, or its OID
	OID   string `json:"oid"`
	Value string `json:"value"`
}

// Named returns the variable bindings as text.
func (t *Trap) Named(tree *mibs.Tree) []NamedVar {
	list := []NamedVar{}
	for v := range t.All() {
		name, node := nameOf(tree, v.Name)
		list = append(list, NamedVar{name, v.Name.String(), valueText(tree, node, v)})
	}
	return list
}
