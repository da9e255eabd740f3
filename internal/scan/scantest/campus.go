package scantest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"trapline/internal/snmp"
)

// Campus links devices by their tables of neighbours: by LLDP, CDP, and ARP in both of its forms.
type Campus struct {
	Devices []*Device
	Links   map[*Device][]*Device // whom each device has in its tables
}

// NewCampus links devices in a tree with cycles from the first one. Those at its end are linked with each other alone, so that
// nobody finds them.
func NewCampus(devices []*Device, apart int, seed uint64) *Campus {
	random := rand.New(rand.NewPCG(seed, 2))
	c := &Campus{Devices: devices, Links: map[*Device][]*Device{}}
	linked := devices[:len(devices)-apart]
	for i := 1; i < len(linked); i++ {
		c.link(linked[random.IntN(i)], linked[i], random)
	}
	for range len(linked) / 4 { // cycles
		c.link(linked[random.IntN(len(linked))], linked[random.IntN(len(linked))], random)
	}
	for i := 1; i < apart; i++ {
		c.link(devices[len(linked)], devices[len(linked)+i], random)
	}
	return c
}

// link writes a link into the tables of one device, and for all but ARP into those of the other.
func (c *Campus) link(a, b *Device, random *rand.Rand) {
	kind := random.IntN(4)
	c.Name(a, b, kind, b.Addresses[random.IntN(len(b.Addresses))])
	if kind < 2 {
		c.Name(b, a, kind, a.Addresses[random.IntN(len(a.Addresses))])
	}
}

// Name writes an address of a device into a table of another: of kind 0 by LLDP, 1 by CDP, 2 and 3 by ARP.
func (c *Campus) Name(in, of *Device, kind int, address netip.Addr) {
	if of != nil && !slices.Contains(c.Links[in], of) {
		c.Links[in] = append(c.Links[in], of)
	}
	if kind > 1 { // a device has one of the tables of stations
		kind = 2 + int(in.Boots%2)
	}
	in.Objects = append(in.Objects, Row(kind, len(in.Objects)+1, address)...)
}

// Row returns a row of a table of neighbours.
func Row(kind, number int, address netip.Addr) (list []snmp.VarBind) {
	octets := address.AsSlice()
	mac := append([]byte{0x02, byte(number >> 16), byte(number >> 8), byte(number)}, octets[len(octets)-2:]...)
	add := func(t snmp.Type, value []byte, format string, args ...any) {
		list = append(list, snmp.VarBind{Name: snmp.MustParseOID(fmt.Sprintf(format, args...)), Type: t, Value: value})
	}
	version, name := 1, fmt.Appendf(nil, "neighbour-%v", address)
	index := ""
	for _, octet := range octets {
		index += fmt.Sprintf(".%d", octet)
	}
	if len(octets) == 16 {
		version = 2
	}
	switch kind {
	case 0:
		at := fmt.Sprintf("7.%d.1", number)
		add(snmp.Integer, []byte{4}, "1.0.8802.1.1.2.1.4.1.1.4.%s", at)
		add(snmp.OctetString, mac, "1.0.8802.1.1.2.1.4.1.1.5.%s", at)
		add(snmp.OctetString, name, "1.0.8802.1.1.2.1.4.1.1.9.%s", at)
		add(snmp.Integer, []byte{2}, "1.0.8802.1.1.2.1.4.2.1.3.%s.%d.%d%s", at, version, len(octets), index)
	case 1:
		kinds := map[int][]byte{1: {1}, 2: {20}}
		add(snmp.Integer, kinds[version], "1.3.6.1.4.1.9.9.23.1.2.1.1.3.%d.1", number)
		add(snmp.OctetString, octets, "1.3.6.1.4.1.9.9.23.1.2.1.1.4.%d.1", number)
		add(snmp.OctetString, name, "1.3.6.1.4.1.9.9.23.1.2.1.1.6.%d.1", number)
	case 2:
		if version == 1 {
			add(snmp.OctetString, mac, "1.3.6.1.2.1.4.22.1.2.%d%s", number, index)
		}
	default:
		add(snmp.OctetString, mac, "1.3.6.1.2.1.4.35.1.4.%d.%d.%d%s", number, version, len(octets), index)
	}
	return list
}

// Reachable returns the devices that can be found from the first one within so many steps. A device that accepts no login
// does not say who is near.
func (c *Campus) Reachable(depth int) []*Device {
	list := []*Device{c.Devices[0]}
	seen := map[*Device]bool{c.Devices[0]: true}
	for level := list; len(level) > 0 && depth > 0; depth-- {
		var next []*Device
		for _, d := range level {
			for _, other := range c.Links[d] {
				if !seen[other] && other.Usable() {
					seen[other] = true
					next = append(next, other)
				}
			}
		}
		list = append(list, next...)
		level = next
	}
	return list
}
