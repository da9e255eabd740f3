package agent

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"

	"trapline/internal/snmp"
)

var (
	ipGroup       = snmp.MustParseOID("1.3.6.1.2.1.4")
	bridgeGroup   = snmp.MustParseOID("1.3.6.1.2.1.17")
	hostGroup     = snmp.MustParseOID("1.3.6.1.2.1.25")
	physicalEntry = snmp.MustParseOID("1.3.6.1.2.1.47.1.1.1.1")
	sensorEntry   = snmp.MustParseOID("1.3.6.1.2.1.99.1.1.1")
)

// addresses adds ipAddrTable (IP-MIB) with one address per ifIndex.
func (b *Builder) addresses(prefixes []netip.Prefix, indexes []uint32) {
	b.Int(oid(ipGroup, 1, 0), 2) // not forwarding
	b.Int(oid(ipGroup, 2, 0), 64)
	for i, p := range prefixes {
		a := p.Addr().As4()
		at := func(column uint32) snmp.OID {
			return oid(ipGroup, 20, 1, column, uint32(a[0]), uint32(a[1]), uint32(a[2]), uint32(a[3]))
		}
		b.IP(at(1), p.Addr())
		b.Int(at(2), int64(indexes[i]))
		b.Add(at(3), snmp.IPAddress, net.CIDRMask(p.Bits(), 32))
		b.Int(at(4), 1)
		b.Int(at(5), math.MaxUint16)
	}
}

// bridge adds the objects of BRIDGE-MIB for the ports and the spanning tree.
func (b *Builder) bridge(ports []port, mac []byte) {
	b.Text(oid(bridgeGroup, 1, 1, 0), string(mac))
	b.Int(oid(bridgeGroup, 1, 2, 0), int64(len(ports)))
	b.Int(oid(bridgeGroup, 1, 3, 0), 2) // transparent
	for _, p := range ports {
		at := func(column uint32) snmp.OID { return oid(bridgeGroup, 1, 4, 1, column, p.index) }
		b.Int(at(1), int64(p.index))
		b.Int(at(2), int64(p.index))
		b.ObjectID(at(3), nullOID)
		b.Uint(at(4), snmp.Counter32, 0)
		b.Uint(at(5), snmp.Counter32, 0)
	}
	b.Int(oid(bridgeGroup, 2, 1, 0), 3) // 802.1D
	b.Int(oid(bridgeGroup, 2, 2, 0), 32768)
	b.Grow(oid(bridgeGroup, 2, 3, 0), snmp.TimeTicks, Growth{Start: 8_640_000, Rate: 100})
	b.Uint(oid(bridgeGroup, 2, 4, 0), snmp.Counter32, 17)
	b.Text(oid(bridgeGroup, 2, 5, 0), string(slices.Concat([]byte{0x10, 0}, macOf(1, 0, 0))))
	b.Int(oid(bridgeGroup, 4, 2, 0), 300)
}

// entity is a row of entPhysicalTable.
type entity struct {
	index, parent uint32
	class         int64
	name, descr   string
	sensor        *Wave // nil unless it is a sensor
}

// The classes of ENTITY-MIB used here.
const (
	chassisClass = 3
	sensorClass  = 8
)

// entities adds a chassis with its temperature sensors (ENTITY-MIB and ENTITY-SENSOR-MIB).
func (b *Builder) entities(rng *rand.Rand) {
	b.entity(&entity{index: 1, class: chassisClass, name: "chassis", descr: "AS-4804 chassis"})
	for i, where := range []string{"inlet", "outlet", "switching chip", "power supply 1", "power supply 2"} {
		warm := 250 + 60*float64(i) + 20*rng.Float64()
		b.entity(&entity{
			index: 100 + uint32(i), parent: 1, class: sensorClass,
			name: "temperature " + where, descr: "temperature sensor, " + where,
			sensor: &Wave{
				Shape: Sine, Initial: warm, Scale: 15 + 25*rng.Float64(), Rate: 2 * math.Pi / (1200 + 2400*rng.Float64()),
				Phase: rng.Float64(), Max: 1500,
			},
		})
	}
}

func (b *Builder) entity(e *entity) {
	at := func(column uint32) snmp.OID { return oid(physicalEntry, column, e.index) }
	b.Text(at(2), e.descr)
	b.ObjectID(at(3), nullOID)
	b.Int(at(4), int64(e.parent))
	b.Int(at(5), e.class)
	b.Int(at(6), int64(e.index%100)+1)
	b.Text(at(7), e.name)
	for column := uint32(8); column <= 15; column++ {
		b.Text(at(column), "")
	}
	b.Int(at(16), 2)
	if e.sensor == nil {
		return
	}
	at = func(column uint32) snmp.OID { return oid(sensorEntry, column, e.index) }
	b.Int(at(1), 8) // celsius
	b.Int(at(2), 9) // units
	b.Int(at(3), 1) // one decimal
	b.Wave(at(4), snmp.Integer, *e.sensor)
	b.Int(at(5), 1) // ok
	b.Text(at(6), "degrees Celsius")
	b.Grow(at(7), snmp.TimeTicks, Growth{Rate: 100})
	b.Uint(at(8), snmp.Gauge32, 1000)
}

// host adds memory, flash and processors (HOST-RESOURCES-MIB).
func (b *Builder) host(rng *rand.Rand) {
	b.Grow(oid(hostGroup, 1, 1, 0), snmp.TimeTicks, Growth{Start: rng.Uint64N(1 << 30), Rate: 100})
	b.Int(oid(hostGroup, 2, 2, 0), 4<<20)
	for i, s := range []struct {
		kind  uint32 // arc below hrStorageTypes
		descr string
		units int64
		size  float64
	}{{2, "Physical memory", 1024, 4 << 20}, {9, "flash:", 4096, 2 << 20}} {
		at := func(column uint32) snmp.OID { return oid(hostGroup, 2, 3, 1, column, uint32(i)+1) }
		b.Int(at(1), int64(i)+1)
		b.ObjectID(at(2), oid(hostGroup, 2, 1, s.kind))
		b.Text(at(3), s.descr)
		b.Int(at(4), s.units)
		b.Int(at(5), int64(s.size))
		b.Wave(at(6), snmp.Integer, Wave{
			Shape: Sine, Initial: s.size * (0.4 + 0.3*rng.Float64()), Scale: s.size / 10,
			Rate: 2 * math.Pi / 3000, Phase: rng.Float64(), Max: s.size,
		})
		b.Uint(at(7), snmp.Counter32, 0)
	}
	for i := range uint32(2) {
		at := func(column uint32) snmp.OID { return oid(hostGroup, 3, 2, 1, column, i+1) }
		b.Int(at(1), int64(i)+1)
		b.ObjectID(at(2), oid(hostGroup, 3, 1, 3)) // a processor
		b.Text(at(3), fmt.Sprintf("CPU %d", i))
		b.ObjectID(at(4), nullOID)
		b.Int(at(5), 2) // running
		b.Uint(at(6), snmp.Counter32, 0)
		b.ObjectID(oid(hostGroup, 3, 3, 1, 1, i+1), nullOID)
		b.Wave(oid(hostGroup, 3, 3, 1, 2, i+1), snmp.Integer, Wave{
			Shape: Sine, Initial: 15 + 30*rng.Float64(), Scale: 10, Rate: 2 * math.Pi / 700, Deviation: 5, Max: 100,
		})
	}
}
