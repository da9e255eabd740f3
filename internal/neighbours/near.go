package neighbours

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// ARP is the tables of addresses of IP and of stations (IP-MIB): who is on the networks of a device. They make no links.
const ARP Protocol = "arp"

// Near is an address that a device has in one of its tables.
type Near struct {
	Address netip.Addr
	By      Protocol
}

const (
	// maxNear and maxStations are how many addresses of one device are kept that it has by LLDP or CDP, or by ARP.
	maxNear, maxStations = MaxNeighbours, 16_384
	// maxOwn is how many addresses of its own are.
	maxOwn = maxKeys
)

// The columns with addresses. They are in the indexes, after the one of the interface in those of stations.
var (
	ipAdEntNetMask             = snmp.MustParseOID("1.3.6.1.2.1.4.20.1.3")
	ipAddressIfIndex           = snmp.MustParseOID("1.3.6.1.2.1.4.34.1.3")
	ipNetToPhysicalPhysAddress = snmp.MustParseOID("1.3.6.1.2.1.4.35.1.4")
	ipNetToMediaPhysAddress    = snmp.MustParseOID("1.3.6.1.2.1.4.22.1.2")
)

// nearReader collects addresses.
type nearReader struct {
	own      map[netip.Addr]bool
	networks []netip.Prefix // the device is in
	near     []Near
	seen     map[Near]bool
}

func newNearReader() *nearReader {
	return &nearReader{own: map[netip.Addr]bool{}, seen: map[Near]bool{}}
}

// ownAddress notes an address of the device.
func (n *nearReader) ownAddress(a netip.Addr) {
	if a = a.Unmap(); usable(a) && len(n.own) < maxOwn {
		n.own[a] = true
	}
}

// mask notes the network of an address of the device.
func (n *nearReader) mask(index, mask []byte) {
	a, ok := indexAddress(index, 4)
	if !ok || len(mask) != 4 || len(n.networks) >= maxOwn {
		return
	}
	bits := 0
	for _, octet := range mask {
		for ; octet&0x80 != 0; octet <<= 1 {
			bits++
		}
	}
	if bits > 0 && bits < 31 {
		n.networks = append(n.networks, netip.PrefixFrom(a, bits).Masked())
	}
}

// add notes an address of another device.
func (n *nearReader) add(by Protocol, a netip.Addr) {
	at, limit := Near{a.Unmap(), by}, maxNear
	if by == ARP { // which is read last
		limit += maxStations
	}
	if !usable(at.Address) || n.seen[at] || len(n.near) >= limit {
		return
	}
	n.seen[at] = true
	n.near = append(n.near, at)
}

// usable reports whether an address may be of one device.
func usable(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return false
	}
	if a.Is4() {
		first := a.As4()[0]
		return first != 0 && first < 224 && a != localhost4
	}
	return a != netip.IPv6Loopback()
}

// localhost4 is an address of every device.
var localhost4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// result returns the addresses of the device, and those of others, without those that are its own or of no single device.
func (n *nearReader) result() (own []netip.Addr, near []Near) {
	for a := range n.own {
		own = append(own, a)
	}
	slices.SortFunc(own, netip.Addr.Compare)
	ends := map[netip.Addr]bool{}
	for _, p := range n.networks {
		ends[p.Addr()], ends[lastOf(p)] = true, true
	}
	near = slices.DeleteFunc(slices.Clone(n.near), func(at Near) bool { return n.own[at.Address] || ends[at.Address] })
	slices.SortStableFunc(near, func(a, b Near) int { return order(a.By) - order(b.By) })
	return own, near
}

// order puts addresses that LLDP and CDP name before those of ARP.
func order(by Protocol) int {
	if by == ARP {
		return 1
	}
	return 0
}

// lastOf returns the broadcast address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	octets := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		octets[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(octets)
}

// readStations reads the tables of stations: the old one where the new one, which is for both versions of IP,
// has nothing of IPv4.
func (r *reader) readStations(ctx context.Context, s collector.Session, p client.Params) error {
	p.MaxRows = min(cmp.Or(p.MaxRows, maxStations), maxStations)
	for _, column := range []snmp.OID{ipNetToPhysicalPhysAddress, ipNetToMediaPhysAddress} {
		if err := r.poll(ctx, s, &client.Plan{Params: p, Walk: []snmp.OID{column}}); err != nil {
			return err
		}
		if _, near := r.near.result(); slices.ContainsFunc(near, func(at Near) bool { return at.By == ARP && at.Address.Is4() }) {
			return nil
		}
	}
	return nil
}

// take takes a value of the tables of addresses.
func (n *nearReader) take(v snmp.VarBind) {
	switch {
	case v.Name.HasPrefix(ipAdEntNetMask):
		n.mask(v.Name[len(ipAdEntNetMask):], v.Value)
	case v.Name.HasPrefix(ipAddressIfIndex):
		if a, ok := typedAddress(v.Name[len(ipAddressIfIndex):]); ok {
			n.ownAddress(a)
		}
	case !isMAC(v.Value):
	case v.Name.HasPrefix(ipNetToPhysicalPhysAddress):
		if _, rest, ok := snmp.CutArc(v.Name[len(ipNetToPhysicalPhysAddress):]); ok {
			if a, ok := typedAddress(rest); ok {
				n.add(ARP, a)
			}
		}
	case v.Name.HasPrefix(ipNetToMediaPhysAddress):
		if _, rest, ok := snmp.CutArc(v.Name[len(ipNetToMediaPhysAddress):]); ok {
			if a, ok := indexAddress(rest, 4); ok {
				n.add(ARP, a)
			}
		}
	}
}

// typedAddress returns the address of an index of InetAddressType, length and octets.
func typedAddress(index []byte) (a netip.Addr, ok bool) {
	kind, rest, ok := snmp.CutArc(index)
	if !ok {
		return a, false
	}
	size, rest, ok := snmp.CutArc(rest)
	if !ok || kind == 1 && size != 4 || kind == 2 && size != 16 || kind != 1 && kind != 2 {
		return a, false
	}
	return indexAddress(rest, int(size))
}

// indexAddress returns the address of an index of so many octets.
func indexAddress(index []byte, size int) (a netip.Addr, ok bool) {
	octets := make([]byte, 0, 16)
	for range size {
		arc, rest, ok := snmp.CutArc(index)
		if !ok || arc > 0xff {
			return a, false
		}
		octets, index = append(octets, byte(arc)), rest
	}
	a, ok = netip.AddrFromSlice(octets)
	return a, ok && len(index) == 0
}
