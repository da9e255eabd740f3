//go:build !linux

package client

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// plainSocket makes one system call for each datagram, and does not hear of refusals.
type plainSocket struct {
	conn   *net.UDPConn
	buffer []byte
}

func openSocket(o outlet) (socket, error) {
	conn, err := o.listen()
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(receiveBuffer) // what the system grants is good enough
	return &plainSocket{conn, make([]byte, maxDatagram)}, nil
}

func (s *plainSocket) receive(take func([]datagram)) error {
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(s.buffer)
		if err != nil {
			return err
		}
		take([]datagram{{s.buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}})
	}
}

func (s *plainSocket) send(batch []datagram) (int, error) {
	for i, d := range batch {
		if _, err := s.conn.WriteToUDPAddrPort(d.data, d.peer); err != nil {
			return i, err
		}
	}
	return len(batch), nil
}

func (s *plainSocket) refusals(func(netip.AddrPort, error)) {}

// load supposes the buffer that systems commonly grant.
func (s *plainSocket) load() (int, uint64) { return 1 << 18, 0 }

func (s *plainSocket) close() { _ = s.conn.Close() }

func bindToDevice(_ syscall.RawConn, device string) error {
	if device != "" {
		return errors.New("this system does not bind sockets to a network interface: set source_address")
	}
	return nil
}
