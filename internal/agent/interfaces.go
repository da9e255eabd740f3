package agent

import (
	"math"
	"math/rand/v2"
	"time"

	"trapline/internal/snmp"
)

// port is an interface of a synthetic device.
type port struct {
	index       uint32
	name, descr string
	alias       string
	kind        int64 // IANAifType
	mtu         int64
	mbit        uint64
	mac         []byte // may be nil
	admin, oper int64  // 1 up, 2 down
	in, out     flow
	pull        *Pull // of its cable; may be nil
}

// Pull describes a cable that is pulled for Length, first after First, then every Every.
type Pull struct{ First, Every, Length time.Duration }

// status returns an ifOperStatus that is down while the cable is pulled.
func (p *Pull) status() Wave {
	return Wave{Shape: Pulse, Initial: up, Scale: down - up, Rate: 1 / p.Every.Seconds(), Phase: p.First.Seconds(), Width: p.Length.Seconds(), Max: down}
}

// settled sets every port that is down to administratively down.
func settled(ports []port) []port {
	for i := range ports {
		if ports[i].oper == down {
			ports[i].admin = down
		}
	}
	return ports
}

// flow is the traffic of one direction.
type flow struct {
	octets Growth
	size   float64 // average packet size in octets
}

const (
	up   = 1
	down = 2

	ethernet = 6
	loopback = 24
	vlan     = 136
)

// oid returns root with arcs appended.
func oid(root snmp.OID, arcs ...uint32) snmp.OID {
	o := append(make(snmp.OID, 0, len(root)+5*len(arcs)), root...)
	for _, a := range arcs {
		o = snmp.AppendArc(o, a)
	}
	return o
}

var (
	ifNumber  = snmp.MustParseOID("1.3.6.1.2.1.2.1.0")
	ifEntry   = snmp.MustParseOID("1.3.6.1.2.1.2.2.1")
	ifXEntry  = snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1")
	nullOID   = snmp.MustParseOID("0.0")
	systemOID = snmp.MustParseOID("1.3.6.1.2.1.1")
)

// interfaces adds ifNumber and all columns of ifTable and ifXTable.
func (b *Builder) interfaces(ports []port) {
	b.Int(ifNumber, int64(len(ports)))
	for i := range ports {
		b.ifRow(&ports[i])
		b.ifXRow(&ports[i])
	}
}

func (b *Builder) ifRow(p *port) {
	at := func(column uint32) snmp.OID { return oid(ifEntry, column, p.index) }
	b.Int(at(1), int64(p.index))
	b.Text(at(2), p.descr)
	b.Int(at(3), p.kind)
	b.Int(at(4), p.mtu)
	b.Uint(at(5), snmp.Gauge32, min(p.mbit*1_000_000, math.MaxUint32))
	b.Text(at(6), string(p.mac))
	b.Int(at(7), p.admin)
	if p.pull != nil {
		b.Wave(at(8), snmp.Integer, p.pull.status())
	} else {
		b.Int(at(8), p.oper)
	}
	b.Uint(at(9), snmp.TimeTicks, uint64(p.index)*131)
	b.Grow(at(10), snmp.Counter32, p.in.octets)
	b.Grow(at(11), snmp.Counter32, p.in.packets(0.97))
	b.Grow(at(12), snmp.Counter32, p.in.packets(0.03))
	b.Grow(at(13), snmp.Counter32, p.in.packets(1e-6))
	b.Grow(at(14), snmp.Counter32, p.in.packets(1e-7))
	b.Uint(at(15), snmp.Counter32, 0)
	b.Grow(at(16), snmp.Counter32, p.out.octets)
	b.Grow(at(17), snmp.Counter32, p.out.packets(0.97))
	b.Grow(at(18), snmp.Counter32, p.out.packets(0.03))
	b.Grow(at(19), snmp.Counter32, p.out.packets(1e-5))
	b.Uint(at(20), snmp.Counter32, 0)
	b.Uint(at(21), snmp.Gauge32, 0)
	b.ObjectID(at(22), nullOID)
}

func (b *Builder) ifXRow(p *port) {
	at := func(column uint32) snmp.OID { return oid(ifXEntry, column, p.index) }
	b.Text(at(1), p.name)
	b.Grow(at(2), snmp.Counter32, p.in.packets(0.02))
	b.Grow(at(3), snmp.Counter32, p.in.packets(0.01))
	b.Grow(at(4), snmp.Counter32, p.out.packets(0.02))
	b.Grow(at(5), snmp.Counter32, p.out.packets(0.01))
	for i, f := range []flow{p.in, p.out} {
		first := uint32(6 + 4*i)
		b.Grow(at(first), snmp.Counter64, f.octets)
		b.Grow(at(first+1), snmp.Counter64, f.packets(0.97))
		b.Grow(at(first+2), snmp.Counter64, f.packets(0.02))
		b.Grow(at(first+3), snmp.Counter64, f.packets(0.01))
	}
	b.Int(at(14), 1)
	b.Uint(at(15), snmp.Gauge32, p.mbit)
	b.Int(at(16), 2)
	b.Int(at(17), connector(p.kind))
	b.Text(at(18), p.alias)
	b.Uint(at(19), snmp.TimeTicks, 0)
}

// connector returns ifConnectorPresent of an interface type.
func connector(kind int64) int64 {
	if kind == ethernet {
		return 1
	}
	return 2
}

// packets returns the growth of a packet counter that counts the given share.
func (f flow) packets(share float64) Growth {
	g := f.octets
	if f.size > 0 {
		g.Rate *= share / f.size
		g.Start = uint64(float64(g.Start) * share / f.size)
	}
	return g
}

// traffic returns the flow of a port that is up, with a daily pattern whose day lasts an hour.
func traffic(rng *rand.Rand, mbit uint64) flow {
	most := float64(mbit) * 1e6 / 8
	return flow{
		octets: Growth{
			Start:  rng.Uint64N(1 << 44),
			Rate:   most * (0.002 + 0.25*rng.Float64()*rng.Float64()),
			Swing:  0.3 + 0.6*rng.Float64(),
			Period: time.Hour,
			Phase:  rng.Float64() * math.Pi / 2,
		},
		size: 300 + 900*rng.Float64(),
	}
}

// steady returns the flow at a constant rate.
func (f flow) steady() flow {
	f.octets.Swing, f.octets.Period, f.octets.Phase = 0, 0, 0
	return f
}
