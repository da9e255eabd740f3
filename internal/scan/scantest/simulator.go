// Package scantest simulates networks of devices that count the datagrams and the wrong logins they see.
package scantest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trapline/internal/snmp"
)

// Device is a simulated device.
type Device struct {
	Addresses []netip.Addr
	Engine    []byte // of SNMPv3; empty: it does not speak that
	Boots     int32
	Started   time.Time
	User      *snmp.User // nil: it knows none
	Community string     // empty: it knows none
	Objects   []snmp.VarBind
	LockAfter int           // wrong logins after which it is silent to all; 0 means never
	Mute      bool          // it answers the engine discovery, and nothing else
	Lossy     bool          // it does not answer each second engine discovery
	Slow      time.Duration // after which it answers
	Quick     int           // datagrams that it answers at once although it is slow

	security *snmp.Security
	wrong    int
	locked   bool
	accepted bool
	heard    bool // an engine discovery was answered
	lost     bool // the last one was not
	quick    int  // datagrams that it answered at once
}

// Counts are the datagrams that an address saw.
type Counts struct{ Discoveries, Logins int }

// Network answers for devices, and is silent for all other addresses.
type Network struct {
	conn *net.UDPConn

	mu      sync.Mutex
	devices []*Device
	at      map[netip.Addr]*Device
	counts  map[netip.Addr]*Counts
	scoped  []byte
	watch   func(seen int)
	seen    int // datagrams
}

// Serve has devices answer at a free port of all addresses of loopback, until the end of the test.
func Serve(t testing.TB, devices []*Device) *Network {
	t.Helper()
	n, err := Listen(0, devices)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return n
}

// Listen opens a port of all addresses of loopback, of IPv6 if the devices have such.
func Listen(port uint16, devices []*Device) (*Network, error) {
	v6 := len(devices) > 0 && devices[0].Addresses[0].Is6()
	family := "udp4"
	if v6 {
		family = "udp6"
	}
	conn, err := net.ListenUDP(family, &net.UDPAddr{Port: int(port)})
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	err = raw.Control(func(fd uintptr) {
		if v6 {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		} else {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		_ = unix.BindToDevice(int(fd), "lo")
	})
	n := &Network{conn: conn, devices: devices, at: map[netip.Addr]*Device{}, counts: map[netip.Addr]*Counts{}}
	for _, d := range devices {
		slices.SortFunc(d.Objects, func(a, b snmp.VarBind) int { return a.Name.Compare(b.Name) })
		for _, a := range d.Addresses {
			n.at[a] = d
		}
	}
	return n, err
}

// Port returns the port.
func (n *Network) Port() uint16 { return n.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// Counts returns the datagrams that addresses saw.
func (n *Network) Counts(a netip.Addr) Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.counts[a]; c != nil {
		return *c
	}
	return Counts{}
}

// Asked returns the addresses that saw any datagram.
func (n *Network) Asked() (list []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for a := range n.counts {
		list = append(list, a)
	}
	return list
}

// Wrong returns how many wrong logins a device saw, and whether it is locked.
func (n *Network) Wrong(d *Device) (logins int, locked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return d.wrong, d.locked
}

// Watch has f called before each datagram is answered that comes from now on, with their number.
func (n *Network) Watch(f func(seen int)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watch, n.seen = f, 0
}

func (n *Network) watched() {
	n.mu.Lock()
	n.seen++
	watch, seen := n.watch, n.seen
	n.mu.Unlock()
	if watch != nil {
		watch(seen)
	}
}

// Answered reports whether a device accepted a login.
func (n *Network) Answered(d *Device) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return d.accepted
}

// Run answers until ctx is canceled.
func (n *Network) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = n.conn.Close() })
	defer stop()
	b, control := make([]byte, 65536), make([]byte, 128)
	for {
		size, controlSize, _, from, err := n.conn.ReadMsgUDPAddrPort(b, control)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		to, ok := destination(control[:controlSize])
		if err != nil || !ok {
			continue
		}
		n.watched()
		if answer, slow := n.answer(to, b[:size]); answer != nil {
			time.AfterFunc(slow, func() { n.send(to, from, answer) })
		}
	}
}

func (n *Network) send(from netip.Addr, to netip.AddrPort, answer []byte) {
	control := unix.PktInfo6(&unix.Inet6Pktinfo{Addr: from.As16()})
	if from.Is4() {
		control = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: from.As4()})
	}
	_, _, _ = n.conn.WriteMsgUDPAddrPort(answer, control, to)
}

func destination(control []byte) (a netip.Addr, ok bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return a, false
	}
	for _, m := range messages {
		if m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo {
			return netip.AddrFrom4([4]byte(m.Data[8:12])), true
		}
		if m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo {
			return netip.AddrFrom16([16]byte(m.Data[:16])), true
		}
	}
	return a, false
}

func (n *Network) answer(to netip.Addr, b []byte) (answer []byte, slow time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.at[to]
	if answer = n.answerOf(d, to, b); answer != nil {
		if d.quick++; d.quick > d.Quick {
			slow = d.Slow
		}
	}
	return answer, slow
}

func (n *Network) answerOf(d *Device, to netip.Addr, b []byte) []byte {
	c := n.counts[to]
	if c == nil {
		c = &Counts{}
		n.counts[to] = c
	}
	if snmp.PeekVersion(b) == snmp.V3 {
		m, err := snmp.ParseMessage3(b)
		if err != nil {
			return nil
		}
		if len(m.EngineID) == 0 {
			c.Discoveries++
		} else {
			c.Logins++
		}
		if d == nil || len(d.Engine) == 0 || d.locked {
			return nil
		}
		return n.answer3(d, &m, b)
	}
	c.Logins++
	m, err := snmp.ParseMessage(b)
	if err != nil || d == nil || d.locked {
		return nil
	}
	if d.Community == "" || string(m.Community) != d.Community || d.Mute {
		d.fail()
		return nil
	}
	d.accepted = true
	m.VarBinds, m.ErrorStatus, m.ErrorIndex = d.perform(m.PDU, m.VarBinds, int(m.ErrorIndex)), 0, 0
	m.PDU = snmp.Response
	return snmp.AppendMessage(nil, &m)
}

func (d *Device) fail() {
	d.wrong++
	d.locked = d.LockAfter > 0 && d.wrong >= d.LockAfter
}

func (n *Network) answer3(d *Device, m *snmp.Message3, b []byte) []byte {
	seconds := int32(time.Since(d.Started) / time.Second)
	report := func(k snmp.ReportKind) []byte {
		scoped := snmp.ScopedPDU{ContextEngineID: d.Engine, PDU: snmp.PDU{
			Type: snmp.Report, RequestID: m.ID, VarBinds: snmp.AppendVarBind(nil, snmp.VarBind{Name: k.OID(), Type: snmp.Counter32, Value: []byte{1}}),
		}}
		h := snmp.Header3{ID: m.ID, MaxSize: 65507, EngineID: d.Engine, Boots: d.Boots, Time: seconds, UserName: m.UserName}
		return snmp.AppendMessage3(nil, &snmp.Message3{Header3: h, Data: snmp.AppendScopedPDU(nil, &scoped)})
	}
	switch {
	case string(m.EngineID) != string(d.Engine):
		if d.lost = d.Lossy && !d.lost && d.heard; d.lost {
			return nil
		}
		d.heard = true
		return report(snmp.UnknownEngineID)
	case d.Mute:
		d.fail()
		return nil
	case d.User == nil || string(m.UserName) != d.User.Name:
		return report(snmp.UnknownUserName)
	}
	if d.security == nil {
		made, err := d.User.Localize(d.Engine)
		if err != nil {
			return nil
		}
		d.security = made
	}
	o, err := d.security.Open(b)
	if err != nil {
		d.fail()
		if errors.Is(err, snmp.UnsupportedSecurityLevel) {
			return report(snmp.UnsupportedSecurityLevel)
		}
		return report(snmp.WrongDigest)
	}
	d.accepted = true
	o.ScopedPDU.VarBinds = d.perform(o.Type, o.VarBinds, int(o.ErrorIndex))
	o.Type, o.ErrorStatus, o.ErrorIndex = snmp.Response, 0, 0
	n.scoped = snmp.AppendScopedPDU(n.scoped[:0], &o.ScopedPDU)
	return d.security.Seal(nil, &snmp.Header3{ID: m.ID, MaxSize: 65507, Boots: d.Boots, Time: seconds}, n.scoped)
}

// maxBindings bounds an answer.
const maxBindings = 400

// perform returns the bindings of an answer.
func (d *Device) perform(pdu snmp.PDUType, asked []byte, repetitions int) (list []byte) {
	var next []int // place behind each name
	for len(asked) > 0 {
		v, rest, err := snmp.CutVarBind(asked)
		if err != nil {
			return list
		}
		asked = rest
		i, found := slices.BinarySearchFunc(d.Objects, v.Name, func(o snmp.VarBind, name snmp.OID) int { return o.Name.Compare(name) })
		switch {
		case pdu != snmp.GetRequest && found:
			next = append(next, i+1)
		case pdu != snmp.GetRequest:
			next = append(next, i)
		case found:
			list = snmp.AppendVarBind(list, d.now(i))
		default:
			list = snmp.AppendVarBind(list, snmp.VarBind{Name: v.Name, Type: snmp.NoSuchObject})
		}
	}
	if pdu != snmp.GetBulkRequest {
		repetitions = 1
	}
	end := snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.1"), Type: snmp.EndOfMibView}
	if len(d.Objects) > 0 {
		end.Name = d.Objects[len(d.Objects)-1].Name
	}
	for row := range min(max(1, repetitions), max(1, maxBindings/max(1, len(next)))) {
		for _, place := range next {
			if place+row >= len(d.Objects) {
				list = snmp.AppendVarBind(list, end)
			} else {
				list = snmp.AppendVarBind(list, d.now(place+row))
			}
		}
	}
	return list
}

// now returns an object: those of no value are the time since the start.
func (d *Device) now(i int) snmp.VarBind {
	v := d.Objects[i]
	if v.Value == nil {
		v.Value = snmp.AppendUint(nil, uint64(time.Since(d.Started)/(10*time.Millisecond)))
		if v.Type == snmp.Integer {
			v.Value = snmp.AppendInt(nil, int64(time.Since(d.Started)/time.Second))
		}
	}
	return v
}

// IsDevice reports whether an address is one of a device.
func (n *Network) IsDevice(a netip.Addr) bool { return n.at[a] != nil }

// Remove takes a device off the network.
func (n *Network) Remove(d *Device) {
	for _, a := range d.Addresses {
		n.RemoveAddress(a)
	}
}

// RemoveAddress takes an address off the network.
func (n *Network) RemoveAddress(a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.at, a)
}

// AddAddress has a device answer at one more address.
func (n *Network) AddAddress(d *Device, a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at[a] = d
}
