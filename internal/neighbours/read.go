package neighbours

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// Objects about the device itself.
var (
	lldpLocChassisIDSubtype = snmp.MustParseOID("1.0.8802.1.1.2.1.3.1.0")
	lldpLocChassisID        = snmp.MustParseOID("1.0.8802.1.1.2.1.3.2.0")
	lldpLocSysName          = snmp.MustParseOID("1.0.8802.1.1.2.1.3.3.0")
	cdpGlobalDeviceID       = snmp.MustParseOID("1.3.6.1.4.1.9.9.23.1.3.4.0")
	sysName                 = snmp.MustParseOID("1.3.6.1.2.1.1.5.0")
	dot1dBaseBridgeAddress  = snmp.MustParseOID("1.3.6.1.2.1.17.1.1.0")
	ipAdEntAddr             = snmp.MustParseOID("1.3.6.1.2.1.4.20.1.1")
	ifPhysAddress           = snmp.MustParseOID("1.3.6.1.2.1.2.2.1.6")
)

// Columns about its neighbours. The address of lldpRemManAddrTable is in the index.
var (
	lldpRemChassisIDSubtype = snmp.MustParseOID("1.0.8802.1.1.2.1.4.1.1.4")
	lldpRemChassisID        = snmp.MustParseOID("1.0.8802.1.1.2.1.4.1.1.5")
	lldpRemSysName          = snmp.MustParseOID("1.0.8802.1.1.2.1.4.1.1.9")
	lldpRemManAddrIfSubtype = snmp.MustParseOID("1.0.8802.1.1.2.1.4.2.1.3")
	cdpCacheAddressType     = snmp.MustParseOID("1.3.6.1.4.1.9.9.23.1.2.1.1.3")
	cdpCacheAddress         = snmp.MustParseOID("1.3.6.1.4.1.9.9.23.1.2.1.1.4")
	cdpCacheDeviceID        = snmp.MustParseOID("1.3.6.1.4.1.9.9.23.1.2.1.1.6")
	cdpCacheSysName         = snmp.MustParseOID("1.3.6.1.4.1.9.9.23.1.2.1.1.17")
)

// maxVarBinds bounds a reading of a device whose tables do not end.
const maxVarBinds = 16 * MaxNeighbours

// Read asks a device for its neighbours by some protocols, and for its addresses. It returns an error if the device does not
// answer.
func Read(ctx context.Context, s collector.Session, p client.Params, by []Protocol) (*Reading, error) {
	r := &reader{rows: map[string]*row{}, near: newNearReader()}
	own := p
	p.MaxRows = min(cmp.Or(p.MaxRows, MaxNeighbours), MaxNeighbours) // which a device that has many more does not exceed
	plan := client.Plan{Params: p, Get: []snmp.OID{sysName}, Walk: []snmp.OID{ipAdEntAddr, ipAdEntNetMask, ipAddressIfIndex}}
	if slices.Contains(by, LLDP) {
		plan.Get = append(plan.Get, lldpLocChassisIDSubtype, lldpLocChassisID, lldpLocSysName, dot1dBaseBridgeAddress)
		plan.Walk = append(plan.Walk, lldpRemChassisIDSubtype, lldpRemChassisID, lldpRemSysName, lldpRemManAddrIfSubtype)
	}
	if slices.Contains(by, CDP) {
		plan.Get = append(plan.Get, cdpGlobalDeviceID)
		plan.Walk = append(plan.Walk, cdpCacheAddressType, cdpCacheAddress, cdpCacheDeviceID, cdpCacheSysName)
	}
	if err := r.poll(ctx, s, &plan); err != nil {
		return nil, err
	}
	if slices.Contains(by, LLDP) && r.chassis() == "" && len(r.bridge) == 0 { // others may name it by one of its ports
		more := client.Plan{Params: p, Walk: []snmp.OID{ifPhysAddress}}
		if err := r.poll(ctx, s, &more); err != nil {
			return nil, err
		}
	}
	if slices.Contains(by, ARP) {
		if err := r.readStations(ctx, s, own); err != nil {
			return nil, err
		}
	}
	return r.reading(), nil
}

// reader collects the values of a reading.
type reader struct {
	subtype                    int64
	local, bridge, device      []byte
	names, addresses, stations [][]byte
	rows                       map[string]*row // by protocol and index
	order                      []*row
	near                       *nearReader
	varbinds                   int
	partial                    bool
}

// row is a row of a table of neighbours.
type row struct {
	protocol          Protocol
	subtype           int64 // of the chassis ID, or the type of the address
	id, name, address []byte
	addresses         [][]byte
}

func (r *reader) poll(ctx context.Context, s collector.Session, p *client.Plan) error {
	_, err := s.Poll(ctx, p, r.take)
	for _, e := range access.Errors(err) {
		if e.TargetFailed() {
			return err
		}
		r.partial = true // objects that are absent are no error
	}
	if err != nil && len(access.Errors(err)) == 0 {
		return err
	}
	return nil
}

// take takes a value.
func (r *reader) take(v snmp.VarBind) {
	if r.varbinds++; r.varbinds > maxVarBinds {
		r.partial = true
		return
	}
	switch {
	case !v.Type.HasValue():
	case bytes.Equal(v.Name, lldpLocChassisIDSubtype):
		r.subtype, _ = v.Int()
	case v.Name.HasPrefix(lldpRemManAddrIfSubtype):
		r.takeAddress(v.Name[len(lldpRemManAddrIfSubtype):])
	case v.Name.HasPrefix(lldpRemChassisIDSubtype):
		if w := r.row(LLDP, v.Name[len(lldpRemChassisIDSubtype):]); w != nil {
			w.subtype, _ = v.Int()
		}
	case v.Name.HasPrefix(cdpCacheAddressType):
		if w := r.row(CDP, v.Name[len(cdpCacheAddressType):]); w != nil {
			w.subtype, _ = v.Int()
		}
	case v.Type == snmp.IPAddress && v.Name.HasPrefix(ipAdEntAddr) && len(r.addresses) < maxKeys:
		r.addresses = append(r.addresses, bytes.Clone(v.Value))
		a, _ := netip.AddrFromSlice(v.Value)
		r.near.ownAddress(a)
	case v.Name.HasPrefix(ipAdEntNetMask), v.Name.HasPrefix(ipAddressIfIndex), v.Name.HasPrefix(ipNetToPhysicalPhysAddress), v.Name.HasPrefix(ipNetToMediaPhysAddress):
		r.near.take(v)
	case v.Type == snmp.OctetString && len(v.Value) <= maxText:
		r.takeOctets(v)
	}
}

func (r *reader) takeOctets(v snmp.VarBind) {
	octets := bytes.Clone(v.Value)
	switch {
	case bytes.Equal(v.Name, lldpLocChassisID):
		r.local = octets
	case bytes.Equal(v.Name, dot1dBaseBridgeAddress):
		r.bridge = octets
	case bytes.Equal(v.Name, cdpGlobalDeviceID):
		r.device = octets
	case bytes.Equal(v.Name, sysName), bytes.Equal(v.Name, lldpLocSysName):
		r.names = append(r.names, octets)
	case v.Name.HasPrefix(ifPhysAddress) && len(r.stations) < maxKeys:
		r.stations = append(r.stations, octets)
	}
	for _, column := range []struct {
		of  Protocol
		oid snmp.OID
		in  func(*row) *[]byte
	}{
		{LLDP, lldpRemChassisID, func(w *row) *[]byte { return &w.id }},
		{LLDP, lldpRemSysName, func(w *row) *[]byte { return &w.name }},
		{CDP, cdpCacheDeviceID, func(w *row) *[]byte { return &w.id }},
		{CDP, cdpCacheSysName, func(w *row) *[]byte { return &w.name }},
		{CDP, cdpCacheAddress, func(w *row) *[]byte { return &w.address }},
	} {
		if v.Name.HasPrefix(column.oid) {
			if w := r.row(column.of, v.Name[len(column.oid):]); w != nil {
				*column.in(w) = octets
			}
		}
	}
}

// row returns the row of a table with an index, nil if there are too many.
func (r *reader) row(of Protocol, index snmp.OID) *row {
	key := string(of) + string(index)
	w := r.rows[key]
	if w == nil && len(r.order) >= MaxNeighbours {
		r.partial = true
		return nil
	}
	if w == nil {
		w = &row{protocol: of}
		r.rows[key], r.order = w, append(r.order, w)
	}
	return w
}

// maxAddresses is how many addresses of one neighbour are kept.
const maxAddresses = 16

// takeAddress takes the address of a neighbour out of the index of lldpRemManAddrTable: lldpRemTimeMark,
// lldpRemLocalPortNum, lldpRemIndex, subtype, length, octets.
func (r *reader) takeAddress(index snmp.OID) {
	rest := []byte(index)
	var arcs [5]uint32
	var of int // where the index of lldpRemTable ends
	for i := range arcs {
		if i == 3 {
			of = len(index) - len(rest)
		}
		var ok bool
		if arcs[i], rest, ok = snmp.CutArc(rest); !ok {
			return
		}
	}
	var octets []byte
	for range min(arcs[4], 16) {
		arc, more, ok := snmp.CutArc(rest)
		if !ok || arc > 0xff {
			return
		}
		octets, rest = append(octets, byte(arc)), more
	}
	if w := r.row(LLDP, index[:of]); w != nil && len(w.addresses) < maxAddresses && len(rest) == 0 {
		w.addresses = append(w.addresses, octets)
		a, _ := netip.AddrFromSlice(octets)
		r.near.add(LLDP, a)
	}
}

func (r *reader) chassis() string { return chassisKey(r.subtype, r.local) }

func (r *reader) reading() *Reading {
	out := &Reading{Partial: r.partial}
	keys := add(add(nil, r.chassis()), chassisKey(macSubtype, r.bridge))
	keys = add(keys, deviceKey(r.device))
	for _, name := range r.names {
		keys = add(keys, nameKey(name))
	}
	for _, address := range r.addresses {
		keys = add(keys, addressKey(address))
	}
	for _, station := range r.stations {
		keys = add(keys, chassisKey(macSubtype, station))
	}
	out.Keys = keys
	for _, w := range r.order {
		if a, ok := netip.AddrFromSlice(w.address); ok && w.protocol == CDP {
			r.near.add(CDP, a)
		}
		if n := w.neighbour(); len(n.Keys) > 0 {
			out.Neighbours = append(out.Neighbours, n)
		}
	}
	out.Addresses, out.Near = r.near.result()
	return out
}

func (w *row) neighbour() Neighbour {
	n := Neighbour{Protocol: w.protocol, Name: shown(w.name)}
	if w.protocol == CDP {
		n.Keys = add(add(n.Keys, deviceKey(w.id)), nameKey(w.name))
		host, _, _ := bytes.Cut(w.id, []byte("(")) // NX-OS adds the serial number
		n.Keys = add(n.Keys, nameKey(host))
		if n.Name == "" {
			n.Name = shown(w.id)
		}
		if len(w.address) == 4 || len(w.address) == 16 { // CiscoNetworkProtocol ip(1), ipv6(20)
			n.Keys = add(n.Keys, addressKey(w.address))
		}
		return n
	}
	n.Keys = add(n.Keys, chassisKey(w.subtype, w.id))
	if w.subtype == addressSubtype && len(w.id) > 1 { // AddressFamilyNumbers first
		n.Keys = add(n.Keys, addressKey(w.id[1:]))
	}
	for _, address := range w.addresses {
		n.Keys = add(n.Keys, addressKey(address))
	}
	n.Keys = add(n.Keys, nameKey(w.name))
	if n.Name == "" {
		n.Name = shown(w.id)
	}
	return n
}

// shown returns octets as people read them: text, or hexadecimal digits.
func shown(octets []byte) string {
	text := strings.ToValidUTF8(string(octets), "\uFFFD")
	if len(text) > 0 && strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) || c == '\uFFFD' }) < 0 {
		return text
	}
	return hex.EncodeToString(octets)
}
