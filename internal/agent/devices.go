package agent

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"trapline/internal/snmp"
)

// Builtin maps the names of the synthetic devices to their builders. The n-th device of a kind has
// its own name and values, which are the same in every run.
var Builtin = map[string]func(n int) *Recording{
	"switch":  Switch48,
	"chassis": Chassis1000,
	"ups":     UPS,
}

// enterprise is the enterprise number that RFC 5612 reserves for documentation.
var enterprise = snmp.MustParseOID("1.3.6.1.4.1.32473")

// figures returns the random source of the n-th device of a kind.
func figures(kind, n uint64) *rand.Rand { return rand.New(rand.NewPCG(kind, n)) }

// identity contains the values of the system group.
type identity struct {
	product     uint32
	name, descr string
	location    string
	services    int64
}

// system adds the system group (RFC 3418).
func (b *Builder) system(id identity, rng *rand.Rand) {
	at := func(object uint32) snmp.OID { return oid(systemOID, object, 0) }
	b.Text(at(1), id.descr)
	b.ObjectID(at(2), oid(enterprise, 1, id.product))
	b.Grow(at(3), snmp.TimeTicks, Growth{Start: rng.Uint64N(200 * 24 * 3600 * 100), Rate: 100})
	b.Text(at(4), "noc@example.net")
	b.Text(at(5), id.name)
	b.Text(at(6), id.location)
	b.Int(at(7), id.services)
	b.Uint(at(8), snmp.TimeTicks, 0)
}

// macOf returns a locally administered address.
func macOf(kind byte, n int, p uint32) []byte {
	return []byte{2, kind, byte(n >> 8), byte(n), byte(p >> 8), byte(p)}
}

// Switch48 returns the n-th access switch: 48 ports of 1 Gbit/s, four uplinks of 10 Gbit/s, some
// VLANs, with sensors, CPUs and memory.
func Switch48(n int) *Recording {
	rng := figures(1, uint64(n))
	var b Builder
	b.system(switchIdentity(n), rng)
	return b.accessSwitch(n, switchPorts(n, rng), rng)
}

// LiveSwitch returns a Switch48 in an operating network: ports that are down are administratively
// down, except the first uplinks while their cables are pulled. core is the name of the device at
// their other end.
func LiveSwitch(n int, core string, pulls ...*Pull) *Recording {
	rng := figures(1, uint64(n))
	var b Builder
	b.system(switchIdentity(n), rng)
	ports := settled(switchPorts(n, rng))
	for i, pull := range pulls {
		uplink := &ports[48+i]
		uplink.pull, uplink.alias = pull, "uplink to "+core
	}
	return b.accessSwitch(n, ports, rng)
}

func switchIdentity(n int) identity {
	return identity{
		product: 1, name: fmt.Sprintf("sw-%03d", n), services: 2,
		descr:    "Example Networks AS-4804 access switch, 48x1G 4x10G, release 7.2.3",
		location: fmt.Sprintf("Building %d, floor %d", 1+n/16, 1+n/4%4),
	}
}

func (b *Builder) accessSwitch(n int, ports []port, rng *rand.Rand) *Recording {
	b.interfaces(ports)
	b.addresses([]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 8),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 20, byte(n >> 8), byte(n)}), 16),
	}, []uint32{60, 1001})
	b.bridge(ports[:52], macOf(1, n, 0))
	b.entities(rng)
	b.host(rng)
	return b.Recording()
}

var purposes = []string{"", "desk %d", "access point %d", "printer %d", "", "camera %d", "phone %d", ""}

func switchPorts(n int, rng *rand.Rand) []port {
	var ports []port
	for i := range uint32(52) {
		p := port{
			index: i + 1, kind: ethernet, mtu: 1500, mbit: 1000, mac: macOf(1, n, i+1), admin: up, oper: up,
			name: fmt.Sprintf("Gi1/0/%d", i+1), descr: fmt.Sprintf("GigabitEthernet1/0/%d", i+1),
		}
		if purpose := purposes[rng.IntN(len(purposes))]; purpose != "" {
			p.alias = fmt.Sprintf(purpose, 100+i)
		}
		if i >= 48 {
			p.mbit, p.mtu = 10000, 9216
			p.name, p.descr = fmt.Sprintf("Te1/1/%d", i-47), fmt.Sprintf("TenGigabitEthernet1/1/%d", i-47)
			p.alias = fmt.Sprintf("uplink %d to the core", i-47)
		}
		switch {
		case i < 48 && rng.IntN(5) == 0:
			p.oper = down
		case i < 48 && rng.IntN(8) == 0:
			p.oper, p.admin = down, down
		}
		if p.oper == up {
			p.in, p.out = traffic(rng, p.mbit), traffic(rng, p.mbit)
		}
		ports = append(ports, p)
	}
	ports = append(ports, port{index: 60, name: "lo0", descr: "Loopback0", kind: loopback, mtu: 65535, admin: up, oper: up})
	for i := range uint32(3) {
		ports = append(ports, port{
			index: 1001 + i, name: fmt.Sprintf("Vl%d", 10*(i+1)), descr: fmt.Sprintf("Vlan%d", 10*(i+1)),
			alias: []string{"management", "office", "guests"}[i], kind: vlan, mtu: 1500, mbit: 1000,
			mac: macOf(1, n, 0), admin: up, oper: up, in: traffic(rng, 100), out: traffic(rng, 100),
		})
	}
	return ports
}

// Chassis1000 returns the n-th chassis: 1,000 ports of 10 and 100 Gbit/s, with every column of
// ifTable and ifXTable.
func Chassis1000(n int) *Recording {
	return chassis(n, func(ports []port) []port { return ports })
}

// LiveChassis returns a Chassis1000 in an operating network: ports that are down are
// administratively down.
func LiveChassis(n int) *Recording { return chassis(n, settled) }

func chassis(n int, change func([]port) []port) *Recording {
	var b Builder
	rng := figures(2, uint64(n))
	b.system(identity{
		product: 2, name: fmt.Sprintf("core-%03d", n), services: 6, location: fmt.Sprintf("Hall %c, row %d", 'A'+n%8, 1+n/8),
		descr: "Example Networks CR-9020 modular router, 20 line cards, release 11.4.1",
	}, rng)
	ports := make([]port, 1000)
	for i := range uint32(1000) {
		p := &ports[i]
		card, slot := i/50, i%50
		*p = port{
			index: i + 1, kind: ethernet, mtu: 9192, mbit: 10_000, mac: macOf(2, n, i+1), admin: up, oper: up,
			name: fmt.Sprintf("xe-%d/0/%d", card, slot), descr: fmt.Sprintf("xe-%d/0/%d", card, slot),
		}
		if slot >= 46 {
			p.mbit = 100_000
			p.name = fmt.Sprintf("ce-%d/1/%d", card, slot-46)
			p.descr = p.name
		}
		if i%3 != 0 {
			p.alias = fmt.Sprintf("customer %d, circuit %c%04d", 1+i/3, 'A'+rng.IntN(6), rng.IntN(10_000))
		}
		if i%11 == 7 {
			p.oper = down
			continue
		}
		p.in, p.out = traffic(rng, p.mbit).steady(), traffic(rng, p.mbit).steady()
	}
	b.interfaces(change(ports))
	return b.Recording()
}
