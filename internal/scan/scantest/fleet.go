package scantest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"trapline/internal/snmp"
)

// Fleet says which devices to make.
type Fleet struct {
	Network     netip.Prefix
	Devices     int // in all
	Several     int // of these have two to five addresses
	Clones      int // have one engine ID, and another uptime
	Unknown     int // accept nothing that is known, and lock after three wrong logins
	Mute        int // answer the engine discovery alone
	Seed        uint64
	Users       []*snmp.User
	Communities []string
}

// Make returns devices at random addresses. Those that lock do so after three wrong logins.
func (f *Fleet) Make() []*Device {
	random := rand.New(rand.NewPCG(f.Seed, 1))
	used := map[netip.Addr]bool{}
	address := func() netip.Addr {
		for {
			b := f.Network.Masked().Addr().As4()
			n := binary.BigEndian.Uint32(b[:]) + random.Uint32N(1<<(32-f.Network.Bits()))
			binary.BigEndian.PutUint32(b[:], n)
			if a := netip.AddrFrom4(b); !used[a] && b[3] != 0 && b[3] != 255 {
				used[a] = true
				return a
			}
		}
	}
	list := make([]*Device, 0, f.Devices)
	for i := range f.Devices {
		d := &Device{Addresses: []netip.Addr{address()}, Boots: int32(1 + i%7), LockAfter: 3, Started: time.Now().Add(-time.Duration(random.Int64N(int64(300 * 24 * time.Hour))))}
		kind := i % (len(f.Users) + len(f.Communities))
		switch {
		case i < f.Several: // a device that is silent to an engine discovery sees each wrong community at each address
			for range 1 + random.IntN(4) {
				d.Addresses = append(d.Addresses, address())
			}
			kind = i % (len(f.Users) + 1)
		case i < f.Several+f.Clones:
			kind = 0
			d.Boots = 1
			d.Started = time.Now().Add(-time.Duration(i-f.Several+1) * time.Hour)
		}
		d.Engine = fmt.Appendf(nil, "\x80\x00\x1f\x88\x04device-%06d", i)
		if i >= f.Several && i < f.Several+f.Clones {
			d.Engine = []byte("\x80\x00\x1f\x88\x04cloned")
		}
		switch {
		case i >= f.Devices-f.Unknown-f.Mute && i < f.Devices-f.Mute:
			d.User, d.Community = nil, ""
			if i%2 == 0 {
				d.Engine = nil
			}
		case i >= f.Devices-f.Mute:
			d.Mute = true
		case kind < len(f.Users):
			d.User = f.Users[kind]
		default:
			d.Community = f.Communities[kind-len(f.Users)]
			if i%3 != 0 && i >= f.Several {
				d.Engine = nil
			}
		}
		d.Objects = objects(d, i)
		list = append(list, d)
	}
	return list
}

func objects(d *Device, i int) (list []snmp.VarBind) {
	add := func(oid string, t snmp.Type, value []byte) {
		list = append(list, snmp.VarBind{Name: snmp.MustParseOID(oid), Type: t, Value: value})
	}
	add("1.3.6.1.2.1.1.1.0", snmp.OctetString, []byte("a simulated device"))
	add("1.3.6.1.2.1.1.2.0", snmp.ObjectIdentifier, snmp.MustParseOID("1.3.6.1.4.1.8072.3.2.10"))
	add("1.3.6.1.2.1.1.3.0", snmp.TimeTicks, nil)
	add("1.3.6.1.2.1.1.5.0", snmp.OctetString, fmt.Appendf(nil, "device-%d", i))
	if len(d.Engine) > 0 {
		add("1.3.6.1.6.3.10.2.1.1.0", snmp.OctetString, d.Engine)
		add("1.3.6.1.6.3.10.2.1.2.0", snmp.Integer, snmp.AppendInt(nil, int64(d.Boots)))
		add("1.3.6.1.6.3.10.2.1.3.0", snmp.Integer, nil)
	}
	mac := binary.BigEndian.AppendUint32([]byte{0, 0x1b}, uint32(i))
	for n, a := range d.Addresses {
		add(fmt.Sprintf("1.3.6.1.2.1.2.2.1.3.%d", n+1), snmp.Integer, []byte{6})
		add(fmt.Sprintf("1.3.6.1.2.1.2.2.1.6.%d", n+1), snmp.OctetString, mac)
		add("1.3.6.1.2.1.4.20.1.2."+a.String(), snmp.Integer, []byte{byte(n + 1)})
	}
	return list
}

// Usable reports whether a device accepts a login of the fleet.
func (d *Device) Usable() bool { return !d.Mute && (d.User != nil || d.Community != "") }
