package scan

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/client"
	"trapline/internal/snmp"
)

// The objects that facts are made of.
var (
	sysDescr          = snmp.MustParseOID("1.3.6.1.2.1.1.1.0")
	sysObjectID       = snmp.MustParseOID("1.3.6.1.2.1.1.2.0")
	sysUpTime         = snmp.MustParseOID("1.3.6.1.2.1.1.3.0")
	sysName           = snmp.MustParseOID("1.3.6.1.2.1.1.5.0")
	sysLocation       = snmp.MustParseOID("1.3.6.1.2.1.1.6.0")
	snmpEngineID      = snmp.MustParseOID("1.3.6.1.6.3.10.2.1.1.0")
	snmpEngineBoots   = snmp.MustParseOID("1.3.6.1.6.3.10.2.1.2.0")
	snmpEngineTime    = snmp.MustParseOID("1.3.6.1.6.3.10.2.1.3.0")
	lldpLocChassisID  = snmp.MustParseOID("1.0.8802.1.1.2.1.3.2.0")
	ifType            = snmp.MustParseOID("1.3.6.1.2.1.2.2.1.3")
	ifPhysAddress     = snmp.MustParseOID("1.3.6.1.2.1.2.2.1.6")
	ipAdEntIfIndex    = snmp.MustParseOID("1.3.6.1.2.1.4.20.1.2")
	entPhysicalClass  = snmp.MustParseOID("1.3.6.1.2.1.47.1.1.1.1.5")
	entPhysicalSerial = snmp.MustParseOID("1.3.6.1.2.1.47.1.1.1.1.11")
)

// The bounds of facts: a table is read to so many rows, a text kept to so many octets.
const (
	maxFactRows = 256
	maxFactText = 255
)

// chassis and softwareLoopback are values of entPhysicalClass (RFC 6933) and ifType (IANAifType-MIB).
const (
	chassis          = 3
	softwareLoopback = 24
)

// factReader collects the objects of one device.
type factReader struct {
	facts     Facts
	now       func() time.Time
	types     map[string]int64      // by ifIndex
	addresses map[netip.Addr]string // ifIndex by address
	mac       string
	chassis   string // index of the chassis
}

// readFacts asks an address for the evidence of its device. Whatever it does not answer is left out.
func readFacts(ctx context.Context, t *client.Target, p client.Params, now func() time.Time) Facts {
	r := &factReader{now: now, types: map[string]int64{}, addresses: map[netip.Addr]string{}}
	p.MaxRows = maxFactRows
	scalars := []snmp.OID{sysDescr, sysObjectID, sysUpTime, sysName, sysLocation, snmpEngineID, snmpEngineBoots, snmpEngineTime, lldpLocChassisID}
	_, _ = t.Poll(ctx, &client.Plan{Get: scalars, Params: p}, r.scalar)
	_, _ = t.Poll(ctx, &client.Plan{Walk: []snmp.OID{ipAdEntIfIndex, ifType, ifPhysAddress, entPhysicalClass}, Params: p}, r.row)
	if r.chassis != "" {
		serial := snmp.MustParseOID(entPhysicalSerial.String() + "." + r.chassis)
		_, _ = t.Poll(ctx, &client.Plan{Get: []snmp.OID{serial}, Params: p}, func(v snmp.VarBind) {
			if v.Type == snmp.OctetString {
				r.facts.Serial = text(v.Value)
			}
		})
	}
	return r.result()
}

func (r *factReader) scalar(v snmp.VarBind) {
	if v.Type.Exception() || v.Type == snmp.Null {
		return
	}
	n, _ := v.Int()
	switch {
	case bytes.Equal(v.Name, sysDescr):
		r.facts.Descr = text(v.Value)
	case bytes.Equal(v.Name, sysObjectID) && v.Type == snmp.ObjectIdentifier:
		r.facts.ObjectID = snmp.OID(v.Value).String()
	case bytes.Equal(v.Name, sysUpTime):
		r.facts.Started = r.now().Add(-time.Duration(n) * 10 * time.Millisecond)
	case bytes.Equal(v.Name, sysName):
		r.facts.Name = text(v.Value)
	case bytes.Equal(v.Name, sysLocation):
		r.facts.Location = text(v.Value)
	case bytes.Equal(v.Name, snmpEngineID):
		r.facts.Engine = octets(v.Value)
	case bytes.Equal(v.Name, snmpEngineBoots):
		r.facts.Boots = n
	case bytes.Equal(v.Name, snmpEngineTime):
		r.facts.Booted = r.now().Add(-time.Duration(n) * time.Second)
	case bytes.Equal(v.Name, lldpLocChassisID):
		r.facts.Chassis = octets(v.Value)
	}
}

// row takes an instance of a table.
func (r *factReader) row(v snmp.VarBind) {
	n, _ := v.Int()
	if index, ok := below(v.Name, ipAdEntIfIndex); ok {
		if a, err := netip.ParseAddr(index); err == nil && len(r.addresses) < maxFactRows {
			r.addresses[a] = strconv.FormatInt(n, 10)
		}
	} else if index, ok := below(v.Name, ifType); ok {
		r.types[index] = n
	} else if _, ok := below(v.Name, ifPhysAddress); ok && r.mac == "" && slices.ContainsFunc(v.Value, func(b byte) bool { return b != 0 }) {
		r.mac = octets(v.Value)
	} else if index, ok := below(v.Name, entPhysicalClass); ok && n == chassis && r.chassis == "" {
		r.chassis = index
	}
}

// below returns the index of an instance of a column.
func below(name, column snmp.OID) (index string, ok bool) {
	if !name.HasPrefix(column) || len(name) == len(column) {
		return "", false
	}
	return strings.TrimPrefix(name.String(), column.String()+"."), true
}

func (r *factReader) result() Facts {
	f := r.facts
	f.MAC = r.mac
	for a, index := range r.addresses {
		f.Addresses = append(f.Addresses, a)
		if r.types[index] == softwareLoopback {
			f.Loopbacks = append(f.Loopbacks, a)
		}
	}
	slices.SortFunc(f.Addresses, netip.Addr.Compare)
	return f
}

func text(b []byte) string {
	return strings.TrimSpace(strings.ToValidUTF8(string(b[:min(len(b), maxFactText)]), "�"))
}

func octets(b []byte) string { return hex.EncodeToString(b[:min(len(b), maxFactText)]) }
