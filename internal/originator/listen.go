package originator

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// Listener receives notifications and acknowledges informs. It drops messages that are malformed or not authentic, or
// answers them with a Report where SNMPv3 requires one.
type Listener struct {
	Conn      net.PacketConn
	Authority *Authority
	Handle    func(*Received) // the slices of its argument hold until it returns
	Refused   func(from netip.AddrPort, why error)
}

// Run receives until ctx is canceled.
func (l *Listener) Run(ctx context.Context) error {
	decoder, err := l.Authority.Decoder()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buffer := make([]byte, maxMessage)
	for {
		n, from, err := l.Conn.ReadFrom(buffer)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // of a datagram that we sent
			continue
		}
		if answer := l.take(decoder, buffer[:n], from.(*net.UDPAddr).AddrPort()); answer != nil {
			_, _ = l.Conn.WriteTo(answer, from) // who does not get it asks again
		}
	}
}

// take handles a message. It returns the answer, or nil if there is none.
func (l *Listener) take(d *Decoder, b []byte, from netip.AddrPort) (answer []byte) {
	r, answer, err := d.Decode(b, from)
	if err == nil {
		l.Handle(r)
	} else if l.Refused != nil {
		l.Refused(from, err)
	}
	return answer
}
