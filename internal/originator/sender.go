package originator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// Receiver is the destination of notifications, with the credentials that they are sent with.
type Receiver struct {
	Address         access.Address
	Source          netip.AddrPort // zero means: any
	Principal       access.Principal
	Context         string
	ContextEngineID []byte        // empty means our own
	Timeout         time.Duration // of each sending of an inform
	Retries         int           // how often an inform is sent again
}

// Error is the error for a notification that was not delivered, or whose delivery is unknown.
type Error struct {
	Receiver string
	Reason   access.Reason
	Err      error
}

func (e *Error) Error() string { return fmt.Sprintf("error notifying %s: %v", e.Receiver, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Receipt is the record of the messages of an inform, acknowledged or not.
type Receipt struct {
	Sent    int               // messages with the inform, retransmissions included
	RTT     time.Duration     // from the first of them to the acknowledgment; 0 without one
	Reports []snmp.ReportKind // Reports of the receiver, in order
}

// Sender sends notifications to one receiver. It may be used by many goroutines at once; each call has
// a socket of its own.
type Sender struct {
	receiver Receiver
	identity *Identity
	began    time.Time  // origin of now, to which the peer's clock is relative
	own      *keyPool   // of our engine, for traps of SNMPv3
	peer     peerEngine // the receiver's engine, for informs of SNMPv3
	port     sync.Mutex // held by the call that has Source, where that has a port
}

// NewSender returns a sender. SNMPv1 and SNMPv2c need no identity, nor does an inform of SNMPv3 with a
// ContextEngineID.
func NewSender(r Receiver, identity *Identity) (*Sender, error) {
	s := &Sender{receiver: r, identity: identity, began: time.Now()}
	if r.Principal.Version != snmp.V3 {
		return s, nil
	}
	s.peer.fixed = r.Principal.EngineID
	if identity == nil {
		return s, nil
	}
	if len(r.ContextEngineID) == 0 {
		s.receiver.ContextEngineID = identity.ID
	}
	s.own = &keyPool{user: r.Principal.User, id: identity.ID}
	security, err := s.own.get()
	if err != nil {
		return nil, err
	}
	s.own.put(security)
	return s, nil
}

func (s *Sender) now() time.Duration { return time.Since(s.began) }

// maxMessage is the largest message that fits a datagram of IPv4.
const maxMessage = 65507

var errLarge = errors.New("the message does not fit a datagram")

// fits returns an error of a message that no socket takes: it is not the receiver that is unreachable.
func fits(message []byte) error {
	if len(message) > maxMessage {
		return fmt.Errorf("%w: it has %d octets, and may have %d", errLarge, len(message), maxMessage)
	}
	return nil
}

// Trap sends a notification without acknowledgment. A nil error means that the datagram was sent.
func (s *Sender) Trap(ctx context.Context, n *Notification) error {
	defer s.turn()()
	conn, err := s.dial(ctx)
	if err != nil {
		return s.failed(access.SocketReason(err), err)
	}
	defer conn.Close()
	message, err := s.trap(n, conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr())
	if err == nil {
		err = fits(message)
	}
	if err != nil {
		return s.failed(access.Malformed, err)
	}
	err = Permitted(ctx, func() error {
		_, err := conn.Write(message)
		return err
	})
	if errors.Is(err, ErrNotPermitted) {
		return s.failed(access.Canceled, err)
	}
	if err != nil {
		return s.failed(access.SocketReason(err), err)
	}
	return nil
}

func (s *Sender) trap(n *Notification, own netip.Addr) ([]byte, error) {
	p := &s.receiver.Principal
	if p.Version == snmp.V1 {
		t, err := n.TrapV1(own)
		return snmp.AppendTrap(nil, &snmp.TrapMessage{Community: p.Community, Trap: t}), err
	}
	pdu := snmp.PDU{Type: snmp.TrapV2, RequestID: n.requestID(), VarBinds: n.EncodeVarBinds()}
	if p.Version == snmp.V2c {
		return s.communityMessage(&pdu), nil
	}
	if s.own == nil {
		return nil, errors.New("a trap of SNMPv3 needs an engine of our own")
	}
	boots, seconds, err := s.identity.Clock(time.Now())
	if err != nil {
		return nil, err
	}
	security, err := s.own.get()
	if err != nil {
		return nil, err
	}
	defer s.own.put(security)
	h := snmp.Header3{ID: drawID(), MaxSize: maxMessage, Boots: boots, Time: seconds}
	return security.Seal(nil, &h, s.scoped(pdu)), nil
}

func (s *Sender) communityMessage(p *snmp.PDU) []byte {
	return snmp.AppendMessage(nil, &snmp.Message{
		Version: snmp.V2c, Community: s.receiver.Principal.Community, PDU: p.Type, RequestID: p.RequestID, VarBinds: p.VarBinds,
	})
}

// scoped returns the scoped PDU of p in the context of the receiver's settings.
func (s *Sender) scoped(p snmp.PDU) []byte {
	return snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{
		ContextEngineID: s.receiver.ContextEngineID, ContextName: []byte(s.receiver.Context), PDU: p,
	})
}

func (n *Notification) requestID() int32 {
	if n.RequestID != 0 {
		return n.RequestID
	}
	return drawID()
}

// drawID returns a random msgID or request-id: positive, and with room to count up.
func drawID() int32 { return rand.Int32N(1<<30) + 1 }

// turn waits until a source port that the user set is free.
func (s *Sender) turn() (done func()) {
	if s.receiver.Source.Port() == 0 {
		return func() {}
	}
	s.port.Lock()
	return s.port.Unlock
}

// dial resolves the receiver's name each time: addresses change.
func (s *Sender) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.receiver.Timeout)
	defer cancel()
	var d net.Dialer
	if s.receiver.Source.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(s.receiver.Source)
	}
	return d.DialContext(ctx, s.receiver.Address.Network, s.receiver.Address.HostPort())
}

func (s *Sender) failed(reason access.Reason, err error) *Error {
	err = access.Explained(err, "udp", s.receiver.Address.Port)
	return &Error{Receiver: s.receiver.Address.String(), Reason: reason, Err: err}
}
