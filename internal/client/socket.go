package client

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// datagram is a message on its way to a peer or from one.
type datagram struct {
	data []byte
	peer netip.AddrPort
}

// socket carries datagrams to and from any peer, many with one call. One goroutine at a time may
// receive, and one may send.
type socket interface {
	// receive hands on what arrives, until an error. Data are valid until take returns. After an error that
	// is not net.ErrClosed there may be more.
	receive(take func([]datagram)) error
	// send hands over the datagrams in their order, up to the first that fails.
	send(batch []datagram) (n int, err error)
	// refusals tells of datagrams that did not arrive, as routers and hosts said.
	refusals(told func(to netip.AddrPort, err error))
	// load tells how many octets the system keeps for the process until it receives them, and how many
	// datagrams it had to drop because these were used up.
	load() (buffer int, dropped uint64)
	close()
}

const (
	// batchSize is how many datagrams one system call carries at most.
	batchSize = 32
	// maxDatagram is the largest that UDP carries.
	maxDatagram = 65535
	// receiveBuffer is asked of the system for each socket: answers arrive in bursts.
	receiveBuffer = 16 << 20
)

// outlet is where a socket sends from. The zero value leaves that to the system.
type outlet struct {
	source netip.AddrPort // an address of this host, a port of it, or both
	device string         // a network interface
	v6     bool
	apart  bool // for targets that send much that nobody asked for
}

func (o outlet) listen() (*net.UDPConn, error) {
	network, address := "udp4", ""
	if o.v6 {
		network = "udp6"
	}
	if o.source.IsValid() {
		address = o.source.String()
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return bindToDevice(c, o.device) }}
	conn, err := config.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}
