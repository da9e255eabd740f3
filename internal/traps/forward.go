package traps

import (
	"hash/maphash"
	"net/netip"

	"trapline/internal/originator"
	"trapline/internal/snmp"
)

var (
	trapCommunity  = snmp.MustParseOID("1.3.6.1.6.3.18.1.4.0")
	trapEnterprise = originator.SNMPTrapEnterprise
)

// proxied reports whether an object is one that a proxy adds to the notification of a device (RFC 3584 section 3.1). Those
// have no number among its values.
func proxied(name snmp.OID) bool {
	return name.Compare(originator.SNMPTrapAddress) == 0 || name.Compare(trapEnterprise) == 0
}

// withV1 yields the variable bindings as All does, and behind them those that the header of SNMPv1 has.
func (t *Trap) withV1() func(yield func(snmp.VarBind) bool) {
	return func(yield func(snmp.VarBind) bool) {
		for v := range t.All() {
			if !yield(v) {
				return
			}
		}
		v1 := t.Received.V1
		if v1 == nil || !yield(snmp.VarBind{Name: trapEnterprise, Type: snmp.ObjectIdentifier, Value: v1.Enterprise}) {
			return
		}
		if t.address.IsValid() {
			yield(snmp.VarBind{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: v1.AgentAddress[:]})
		}
	}
}

// Forwarded returns the variable bindings for those to whom the notification is passed on (RFC 3584 section 3.1): with
// sysUpTime.0, snmpTrapOID.0, the address of the device and the enterprise, and without the community, which is a secret.
func (t *Trap) Forwarded() []byte {
	n := originator.Notification{Trap: t.OID, Uptime: t.Uptime}
	addressed, enterprise := false, false
	for v := range t.every() {
		if v.Name.Compare(trapCommunity) == 0 {
			continue
		}
		addressed = addressed || v.Name.Compare(originator.SNMPTrapAddress) == 0
		enterprise = enterprise || v.Name.Compare(trapEnterprise) == 0
		n.VarBinds = append(n.VarBinds, v)
	}
	if !addressed {
		n.AddAddress(t.Device)
	}
	if v1 := t.Received.V1; v1 != nil && !enterprise {
		n.VarBinds = append(n.VarBinds, snmp.VarBind{Name: trapEnterprise, Type: snmp.ObjectIdentifier, Value: v1.Enterprise})
	}
	return n.EncodeVarBinds()
}

// Fingerprint has hashes of what a notification says, which stay the same while it is passed on.
type Fingerprint struct {
	Content uint64
	From    uint64 // of the content and the sender
}

// Came returns the fingerprints of the notification as it came: with the address of the device that it names, and without.
// Passed reports whether somebody else than the device may have passed it on.
func (t *Trap) Came() (named, bare Fingerprint, passed bool) {
	address, addressed := t.deviceAddress()
	if !addressed && t.Received.V1 != nil {
		address = t.address
	}
	if passed = address != t.Received.From.Addr().WithZone(""); !address.IsValid() {
		passed = t.Target == nil
	}
	return t.fingerprint(address), t.fingerprint(netip.Addr{}), passed
}

// Leaves returns the fingerprint of the notification as it is passed on. SNMP has no type for the address of a device with
// IPv6, so that further ones name whom they have it from.
func (t *Trap) Leaves() Fingerprint {
	address, addressed := t.deviceAddress()
	if device := t.Device.Unmap(); !addressed && device.Is4() {
		address = device
	}
	return t.fingerprint(address)
}

// deviceAddress returns the address of the device that the variable bindings have; it may be invalid.
func (t *Trap) deviceAddress() (address netip.Addr, addressed bool) {
	for v := range t.every() {
		if v.Name.Compare(originator.SNMPTrapAddress) == 0 {
			addressed = true
			address, _ = netip.AddrFromSlice(v.Value)
		}
	}
	return address, addressed
}

var seed = maphash.MakeSeed()

func (t *Trap) fingerprint(address netip.Addr) Fingerprint {
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, t.Uptime)
	maphash.WriteComparable(&h, address)
	_, _ = h.Write(t.OID)
	for v := range t.every() {
		if v.Name.Compare(trapCommunity) == 0 || v.Name.Compare(trapEnterprise) == 0 || v.Name.Compare(originator.SNMPTrapAddress) == 0 {
			continue
		}
		maphash.WriteComparable(&h, len(v.Name))
		_, _ = h.Write(v.Name)
		maphash.WriteComparable(&h, v.Type)
		maphash.WriteComparable(&h, len(v.Value))
		_, _ = h.Write(v.Value)
	}
	f := Fingerprint{Content: h.Sum64()}
	maphash.WriteComparable(&h, t.Received.From.Addr().WithZone(""))
	f.From = h.Sum64()
	return f
}
