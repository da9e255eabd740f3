package listen

import (
	"net/netip"

	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// addressTables are the tables whose indexes begin with addresses of the device itself.
var addressTables = []struct {
	row   snmp.OID
	typed bool // by type, length and octets
}{
	{snmp.MustParseOID("1.3.6.1.2.1.4.20.1"), false},    // ipAddrTable
	{snmp.MustParseOID("1.3.6.1.2.1.4.34.1"), true},     // ipAddressTable
	{snmp.MustParseOID("1.3.6.1.2.1.14.7.1"), false},    // ospfIfTable
	{snmp.MustParseOID("1.0.8802.1.1.2.1.3.8.1"), true}, // lldpLocManAddrTable
}

// addressesOf returns the addresses that a device has by its tables, and whether a poll brought one of these.
func addressesOf(p *poller.Pass) (list []netip.Addr, known bool) {
	for _, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			for _, table := range addressTables {
				if snmp.OID(c.Desc.Object).HasPrefix(table.row) && c.Table.IndexEnds != nil {
					list, known = appendAddresses(list, c, table.typed), true
				}
			}
		}
	}
	return list, known
}

// maxAddresses bounds the addresses that are read of a poll.
const maxAddresses = 10_000

func appendAddresses(list []netip.Addr, c *series.Column, typed bool) []netip.Addr {
	for i := 0; i < c.Len() && len(list) < maxAddresses; i++ {
		if a, ok := addressIn(snmp.Arcs(c.Table.Index(c.RowOf(i))), typed); ok {
			list = append(list, a)
		}
	}
	return list
}

// addressIn returns the address that an index begins with.
func addressIn(arcs []uint32, typed bool) (netip.Addr, bool) {
	size := 4
	if typed {
		if len(arcs) < 2 || arcs[1] != 4 && arcs[1] != 16 {
			return netip.Addr{}, false
		}
		size, arcs = int(arcs[1]), arcs[2:]
	}
	if len(arcs) < size {
		return netip.Addr{}, false
	}
	octets := make([]byte, size)
	for i := range octets {
		if arcs[i] > 255 {
			return netip.Addr{}, false
		}
		octets[i] = byte(arcs[i])
	}
	a, ok := netip.AddrFromSlice(octets)
	return a.Unmap(), ok
}
