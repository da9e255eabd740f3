package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"

	"trapline/internal/mux"
)

// Dial opens a socket to the target. The connection reads and writes messages, over TCP too.
func (t *Target) Dial(ctx context.Context, o Limits) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error { return mux.BindToDevice(c, t.Spec.Interface) }}
	if strings.HasPrefix(t.Address.Network, "tcp") {
		if t.Spec.Source.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(t.Spec.Source)
		}
		return t.dialStream(ctx, &d)
	}
	peer, err := t.LookUp(ctx, o.Timeout)
	if err != nil {
		return nil, err
	}
	var local *net.UDPAddr
	if t.Spec.Source.IsValid() {
		local = net.UDPAddrFromAddrPort(t.Spec.Source)
	}
	if o.Unconnected {
		return t.listen(peer)
	}
	if local != nil {
		d.LocalAddr = local
	}
	return d.DialContext(ctx, t.Address.Network, peer.String())
}

// dialStream tries all addresses of a name, or the one that it last had if it cannot be resolved.
func (t *Target) dialStream(ctx context.Context, d *net.Dialer) (net.Conn, error) {
	conn, err := d.DialContext(ctx, t.Address.Network, t.Address.HostPort())
	var unresolved *net.DNSError
	if errors.As(err, &unresolved) {
		if known := t.resolved.last(); known.IsValid() && t.unresolved(ctx, known, err) == nil {
			conn, err = d.DialContext(ctx, t.Address.Network, netip.AddrPortFrom(known, t.Address.Port).String())
		}
	}
	if err != nil {
		return nil, err
	}
	if a, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		t.resolvedTo([]netip.Addr{a.Addr()})
	}
	return stream{conn}, nil
}

func (t *Target) listen(peer netip.AddrPort) (net.Conn, error) {
	conn, err := mux.LocalBinding{Source: t.Spec.Source, Device: t.Spec.Interface, V6: !peer.Addr().Is4()}.Listen()
	if err != nil {
		return nil, err
	}
	return unconnected{conn, peer}, nil
}

// unconnected takes answers from whatever address they come from: some multi-homed agents do not
// answer from the address that was asked.
type unconnected struct {
	*net.UDPConn
	peer netip.AddrPort
}

func (c unconnected) Write(b []byte) (int, error) { return c.WriteToUDPAddrPort(b, c.peer) }

func (c unconnected) Read(b []byte) (int, error) {
	n, _, err := c.ReadFromUDPAddrPort(b)
	return n, err
}

// stream reads one message at a time from TCP (RFC 3430 section 2.1): its length is in its BER header.
type stream struct{ net.Conn }

var (
	errHungUp  = errors.New("the target closed the connection")
	errFraming = errors.New("TCP stream does not go on with an SNMP message")
)

// sequence is the tag of every message.
const sequence = 0x30

func (c stream) Read(b []byte) (int, error) {
	const header = 2
	switch _, err := io.ReadFull(c.Conn, b[:header]); {
	case err == io.EOF:
		return 0, errHungUp
	case err != nil:
		return 0, err
	}
	have, size := header, int(b[1])
	if size >= 0x80 {
		octets := size & 0x7f
		if octets == 0 || octets > 3 {
			return 0, errFraming
		}
		if _, err := io.ReadFull(c.Conn, b[have:have+octets]); err != nil {
			return 0, err
		}
		size = 0
		for _, c := range b[have : have+octets] {
			size = size<<8 | int(c)
		}
		have += octets
	}
	if b[0] != sequence || have+size > len(b) {
		return 0, errFraming
	}
	n, err := io.ReadFull(c.Conn, b[have:have+size])
	return have + n, err
}

// Ports hands out fixed source ports: each carries one poll at a time.
type Ports struct {
	mu   sync.Mutex
	held map[netip.AddrPort]chan struct{}
}

// Take waits until source is free, or ctx is done. A source without a port is always free.
func (p *Ports) Take(ctx context.Context, source netip.AddrPort) (release func(), err error) {
	if source.Port() == 0 {
		return func() {}, nil
	}
	p.mu.Lock()
	if p.held == nil {
		p.held = map[netip.AddrPort]chan struct{}{}
	}
	turn, ok := p.held[source]
	if !ok {
		turn = make(chan struct{}, 1)
		p.held[source] = turn
	}
	p.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for source port %d: %w", source.Port(), ctx.Err())
	}
}
