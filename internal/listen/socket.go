package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// socket is a socket that notifications come to.
type socket struct {
	address string // as configured
	conn    *net.UDPConn
}

// receiveBuffer is the size of the receive buffer of the kernel: what comes while the reader does not run.
const receiveBuffer = 8 << 20

func openSocket(text string) (*socket, error) {
	a, err := parseListen(text)
	if err != nil {
		return nil, err
	}
	local, err := net.ResolveUDPAddr(a.Network, a.HostPort())
	if err != nil {
		return nil, fmt.Errorf("listen.addresses: %s: %w", text, err)
	}
	conn, err := net.ListenUDP(a.Network, local)
	if err != nil {
		return nil, fmt.Errorf("listen.addresses: %w", err)
	}
	enlarge(conn, receiveBuffer)
	return &socket{address: text, conn: conn}, nil
}

// maxMessage is the largest message that fits a datagram of IPv4.
const maxMessage = 65507

// read hands the datagrams of a socket to admit until the socket is closed.
func (s *socket) read(admit func(s *socket, from netip.AddrPort, octets []byte, at time.Time)) {
	buffer := make([]byte, maxMessage)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			admit(s, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buffer[:n], time.Now())
		}
	}
}

// answer sends the answer to a datagram. Who does not get it asks again.
func (s *socket) answer(octets []byte, to netip.AddrPort) {
	if local, ok := s.conn.LocalAddr().(*net.UDPAddr); ok && to.Addr().Is4() && local.IP.To4() == nil {
		to = netip.AddrPortFrom(netip.AddrFrom16(to.Addr().As16()), to.Port())
	}
	_, _ = s.conn.WriteToUDPAddrPort(octets, to)
}

// closeWith closes the socket when ctx is canceled.
func (s *socket) closeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = s.conn.Close() })
}
