package mux

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// Datagram is a message on its way to a peer or from one.
type Datagram struct {
	Data []byte
	Peer netip.AddrPort
}

// Socket carries datagrams to and from any peer, many with one call. One goroutine at a time may
// Receive, and one may send.
type Socket interface {
	// Receive passes datagrams to take, until an error. Data are valid until take returns. After an error that
	// is not net.ErrClosed there may be more.
	Receive(take func([]Datagram)) error
	// Send hands over the datagrams in their order, up to the first that fails.
	Send(batch []Datagram) (n int, err error)
	// SocketErrors reports datagrams that did not arrive, by the ICMP errors of routers and hosts.
	SocketErrors(report func(to netip.AddrPort, err error))
	// Load returns how many octets the system keeps for the process until it receives them, and how many
	// datagrams it had to drop because these were used up.
	Load() (buffer int, dropped uint64)
	Close()
}

const (
	// BatchSize is how many datagrams one system call carries at most.
	BatchSize = 32
	// MaxDatagram is the largest that UDP carries.
	MaxDatagram = 65535
	// receiveBuffer is asked of the system for each socket: answers arrive in bursts.
	receiveBuffer = 16 << 20
)

// LocalBinding is where a socket sends from. The zero value leaves that to the system.
type LocalBinding struct {
	Source netip.AddrPort // an address of this host, a port of it, or both
	Device string         // a network interface
	V6     bool
	Apart  bool // for targets that send much that nobody asked for
}

// OpenSocket opens a socket with the binding.
func OpenSocket(o LocalBinding) (Socket, error) { return openSocket(o) }

// Listen opens a UDP socket with the binding.
func (o LocalBinding) Listen() (*net.UDPConn, error) {
	network, address := "udp4", ""
	if o.V6 {
		network = "udp6"
	}
	if o.Source.IsValid() {
		address = o.Source.String()
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return BindToDevice(c, o.Device) }}
	conn, err := config.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}
