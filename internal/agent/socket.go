package agent

import (
	"net"
	"net/netip"
)

const (
	// maxRequest is the maximum size of a request.
	maxRequest = 16 << 10
	// readBuffer is enough for requests to a thousand devices at once. The system may grant less.
	readBuffer = 4 << 20
)

// socket is a UDP socket and its devices: one, or several distinguished by the destination address
// of a request.
type socket struct {
	conn    *net.UDPConn
	shared  bool
	only    *device
	devices map[netip.Addr]*device
	control [64]byte
}

// peer is the source and the destination of a request.
type peer struct {
	from    netip.AddrPort
	to      [maxControl]byte // the control message of the request, used again for the response
	control int
}

const maxControl = 40

func newSocket(conn *net.UDPConn) *socket {
	_ = conn.SetReadBuffer(readBuffer) // a smaller buffer may lose requests, as networks do
	return &socket{conn: conn}
}

func (s *socket) port() uint16 { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// read returns the next request, a slice of buf.
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

// write sends a response from the destination address of the request. Errors are ignored, because
// datagrams may be lost.
func (s *socket) write(answer []byte, p *peer) {
	if !s.shared {
		_, _ = s.conn.WriteToUDPAddrPort(answer, p.from)
		return
	}
	_, _, _ = s.conn.WriteMsgUDPAddrPort(answer, p.to[:p.control], p.from)
}
