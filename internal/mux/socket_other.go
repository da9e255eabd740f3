//go:build !linux

package mux

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

func openSocket(o LocalBinding) (Socket, error) {
	conn, err := o.Listen()
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(receiveBuffer) // as much as the system grants is good enough
	return &plainSocket{conn, make([]byte, MaxDatagram)}, nil
}

func (s *plainSocket) Receive(take func([]Datagram)) error {
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(s.buffer)
		if err != nil {
			return err
		}
		take([]Datagram{{s.buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}})
	}
}

func (s *plainSocket) Send(batch []Datagram) (int, error) {
	for i, d := range batch {
		if _, err := s.conn.WriteToUDPAddrPort(d.Data, d.Peer); err != nil {
			return i, err
		}
	}
	return len(batch), nil
}

func (s *plainSocket) SocketErrors(func(netip.AddrPort, error)) {}

// Load supposes the buffer that systems commonly grant.
func (s *plainSocket) Load() (int, uint64) { return 1 << 18, 0 }

func (s *plainSocket) Close() { _ = s.conn.Close() }

// BindToDevice returns an error unless device is empty.
func BindToDevice(_ syscall.RawConn, device string) error {
	if device != "" {
		return errors.New("this system does not bind sockets to a network interface: set source_address")
	}
	return nil
}
