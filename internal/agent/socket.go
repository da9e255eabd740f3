package agent

import (
	"net"
	"net/netip"
)

const (
	// maxRequest is the size of the largest request that is understood.
	maxRequest = 16 << 10
	// readBuffer lets a thousand devices be asked at once. The system may grant less.
	readBuffer = 4 << 20
)

// socket is one UDP socket and the devices behind it: one, or those of many addresses told apart by
// the address that a request was sent to.
type socket struct {
	conn    *net.UDPConn
	shared  bool
	only    *device
	devices map[netip.Addr]*device
	control [64]byte
}

// peer is who sent a request, and where to.
type peer struct {
	from    netip.AddrPort
	to      [maxControl]byte // the control message that came with it, and goes back with the answer
	control int
}

const maxControl = 40

func newSocket(conn *net.UDPConn) *socket {
	_ = conn.SetReadBuffer(readBuffer) // a smaller one loses requests, as networks do
	return &socket{conn: conn}
}

func (s *socket) port() uint16 { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// read gives the next request, a slice of buf.
func (s *socket) read(buf []byte) (request []byte, p peer, err error) {
	var n int
	if s.shared {
		n, p.control, _, p.from, err = s.conn.ReadMsgUDPAddrPort(buf, s.control[:])
		p.control = copy(p.to[:], s.control[:max(p.control, 0)])
	} else {
		n, p.from, err = s.conn.ReadFromUDPAddrPort(buf)
	}
	return buf[:max(n, 0)], p, err
}

func (s *socket) device(p *peer) *device {
	if !s.shared {
		return s.only
	}
	to, ok := destination(p.to[:p.control])
	if !ok {
		return nil
	}
	return s.devices[to]
}

// write sends an answer from the address that was asked. One that cannot be sent is lost, as
// datagrams are.
func (s *socket) write(answer []byte, p *peer) {
	if !s.shared {
		_, _ = s.conn.WriteToUDPAddrPort(answer, p.from)
		return
	}
	_, _, _ = s.conn.WriteMsgUDPAddrPort(answer, p.to[:p.control], p.from)
}
