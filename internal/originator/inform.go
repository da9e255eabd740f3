package originator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// Inform sends a notification until the receiver acknowledges it, refuses it, or the retries are used up. A nil error
// means that it is acknowledged: by a Response to its request-id without an error-status, which in SNMPv3 is
// authenticated and from the receiver's engine.
func (s *Sender) Inform(ctx context.Context, n *Notification) (Receipt, error) {
	if s.receiver.Principal.Version == snmp.V1 {
		return Receipt{}, s.failed(access.Malformed, errors.New("SNMPv1 has no informs"))
	}
	defer s.turn()()
	conn, err := s.dial(ctx)
	if err != nil {
		return Receipt{}, s.failed(access.SocketReason(err), err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	buffer := buffers.Get().(*[maxMessage]byte)
	defer buffers.Put(buffer)
	x := &exchange{
		sender: s, conn: conn, buffer: buffer[:],
		pdu: snmp.PDU{Type: snmp.InformRequest, RequestID: n.requestID(), VarBinds: n.EncodeVarBinds()}, first: drawID(),
	}
	x.last = x.first - 1
	defer x.release()
	reason, err := x.run(ctx)
	switch {
	case err == nil:
		return x.receipt, nil
	case ctx.Err() != nil:
		reason, err = access.Canceled, context.Cause(ctx)
	case reason == access.Timeout && x.engine != nil:
		s.peer.forget(x.engine) // perhaps another one stands there, which keeps silent about it
	}
	return x.receipt, s.failed(reason, err)
}

// buffers are for answers. Data that outlive the exchange are copied.
var buffers = sync.Pool{New: func() any { return new([maxMessage]byte) }}

// exchange is the state of one inform.
type exchange struct {
	sender      *Sender
	conn        net.Conn
	buffer      []byte
	pdu         snmp.PDU
	first, last int32 // the msgIDs that were used
	receipt     Receipt
	firstSent   time.Time
	lastInvalid error // the error of the last datagram that was no answer

	// Of SNMPv3:
	engine   *knownEngine   // nil: the next message is a discovery
	security *snmp.Security // of engine
	fresh    bool           // engine was discovered for this inform
	resynced bool           // its clock was set
}

// verdict is the result of a message from the receiver.
type verdict int

const (
	stray        verdict = iota // it is not for us: wait on
	acknowledged                // the inform has arrived
	onward                      // the receiver is there, and the next message is another one
	refused                     // it is there, and asking again is in vain
)

func (x *exchange) run(ctx context.Context) (access.Reason, error) {
	for left := x.sender.receiver.Retries + 1; left > 0 && ctx.Err() == nil; {
		if err := x.send(ctx); err != nil {
			return reasonOf(err), err
		}
		v, err := x.listen()
		switch {
		case v == acknowledged:
			x.receipt.RTT = time.Since(x.firstSent)
			return "", nil
		case v == refused:
			return reasonOf(err), err
		case v == onward:
		case access.SocketReason(err) != access.Timeout:
			return access.SocketReason(err), err
		default:
			left--
		}
	}
	err := fmt.Errorf("not acknowledged: sent %d times, %s apart", x.receipt.Sent, x.sender.receiver.Timeout)
	if x.receipt.Sent == 0 {
		err = fmt.Errorf("no answer to the discovery of its engine: asked %d times, %s apart", x.sender.receiver.Retries+1, x.sender.receiver.Timeout)
	}
	if x.lastInvalid != nil {
		err = fmt.Errorf("%w (the last datagram was invalid: %w)", err, x.lastInvalid)
	}
	return access.Timeout, err
}

// reasonOf names an error of an exchange.
func reasonOf(err error) access.Reason {
	var (
		status statusError
		kind   snmp.ReportKind
	)
	switch {
	case errors.Is(err, ErrNotPermitted):
		return access.Canceled
	case errors.Is(err, errLarge):
		return access.Malformed
	case errors.As(err, &status):
		return access.ErrorStatus
	case errors.As(err, &kind):
		return access.ReportReason(kind)
	case errors.As(err, new(net.Error)):
		return access.SocketReason(err)
	}
	return access.Credentials
}

// statusError is the error-status of a Response that refuses the notification.
type statusError snmp.ErrorStatus

func (e statusError) Error() string {
	return "the receiver answers with error-status " + snmp.ErrorStatus(e).String()
}

// send writes the next message: the inform, or where the receiver's engine is not known, its discovery.
func (x *exchange) send(ctx context.Context) error {
	message, err := x.next()
	if err != nil {
		return err
	}
	if err := x.conn.SetDeadline(time.Now().Add(x.sender.receiver.Timeout)); err != nil {
		return err
	}
	if ctx.Err() != nil { // else the end of ctx is yet to set its own deadline
		return ctx.Err()
	}
	if err := fits(message); err != nil {
		return err
	}
	return Permitted(ctx, func() error {
		_, err := x.conn.Write(message)
		return err
	})
}

func (x *exchange) next() ([]byte, error) {
	x.last++
	if x.sender.receiver.Principal.Version == snmp.V2c {
		x.sent()
		return x.sender.communityMessage(&x.pdu), nil
	}
	if x.engine == nil {
		x.engine = x.sender.peer.get(x.sender.receiver.Principal.User)
	}
	h := snmp.Header3{ID: x.last, MaxSize: maxMessage, Flags: snmp.FlagReportable}
	if x.engine == nil {
		return snmp.AppendDiscovery(nil, x.last, maxMessage), nil
	}
	if x.security == nil {
		var err error
		if x.security, err = x.engine.get(); err != nil {
			return nil, err
		}
	}
	h.Boots, h.Time = x.engine.now(x.sender.now())
	x.sent()
	return x.security.Seal(nil, &h, x.sender.scoped(x.pdu)), nil
}

func (x *exchange) sent() {
	if x.receipt.Sent++; x.receipt.Sent == 1 {
		x.firstSent = time.Now()
	}
}

// listen waits for an answer to any message of the exchange. It returns the error of the socket, or the reason why the
// receiver refused.
func (x *exchange) listen() (verdict, error) {
	for {
		n, err := x.conn.Read(x.buffer)
		if err != nil {
			return stray, err
		}
		take := x.take
		if x.sender.receiver.Principal.Version == snmp.V3 {
			take = x.take3
		}
		v, err := take(x.buffer[:n])
		if v != stray {
			return v, err
		}
		x.lastInvalid = err
	}
}

func (x *exchange) take(b []byte) (verdict, error) {
	m, err := snmp.ParseMessage(b)
	if err != nil {
		return stray, err
	}
	if m.Version != snmp.V2c || !bytes.Equal(m.Community, x.sender.receiver.Principal.Community) {
		return stray, errors.New("a message of another version or community")
	}
	return x.response(&snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus})
}

func (x *exchange) response(p *snmp.PDU) (verdict, error) {
	switch {
	case p.Type != snmp.Response || p.RequestID != x.pdu.RequestID:
		return stray, fmt.Errorf("PDU 0x%02x with request-id %d is no answer to %d", byte(p.Type), p.RequestID, x.pdu.RequestID)
	case p.ErrorStatus != snmp.NoError:
		return refused, statusError(p.ErrorStatus)
	}
	return acknowledged, nil
}

func (x *exchange) take3(b []byte) (verdict, error) {
	m, err := snmp.ParseMessage3(b)
	if err != nil {
		return stray, err
	}
	if m.ID < x.first || m.ID > x.last {
		return stray, fmt.Errorf("msgID %d was not sent", m.ID)
	}
	if x.engine == nil {
		return x.discovered(b)
	}
	o, err := x.security.Open(b)
	switch {
	case err != nil:
		return stray, err
	case o.Type == snmp.Report:
		return x.reported(&o)
	}
	if err = x.engine.check(&o, x.sender.now()); err != nil {
		return stray, err
	}
	return x.response(&o.PDU)
}

// discovered takes the engine from the Report that answers a discovery.
func (x *exchange) discovered(b []byte) (verdict, error) {
	o, err := snmp.OpenDiscovery(b)
	if err != nil {
		return stray, err
	}
	k := &knownEngine{keyPool: keyPool{user: x.sender.receiver.Principal.User, id: bytes.Clone(o.EngineID)}}
	k.clock.Discovered(&o, x.sender.now())
	x.sender.peer.set(k)
	x.engine, x.fresh = k, true
	return onward, nil
}

// reported processes a Report. The engine ID from earlier informs may be outdated, so the engine is discovered again
// before a Report counts as a refusal.
func (x *exchange) reported(o *snmp.Opened) (verdict, error) {
	kind := o.PDU.Report()
	if o.ID != x.last { // the answer to an earlier message
		return stray, kind
	}
	verdict := x.engine.takeReport(o, x.resynced, x.sender.now())
	if verdict == snmp.ReportStray {
		return stray, kind
	}
	x.receipt.Reports = append(x.receipt.Reports, kind)
	switch {
	case verdict == snmp.ReportResynced:
		x.resynced = true
		return onward, nil
	case !x.fresh && len(x.sender.peer.fixed) == 0:
		x.sender.peer.forget(x.engine)
		x.release()
		x.engine, x.fresh, x.resynced = nil, true, false
		return onward, nil
	}
	return refused, kind
}

// release puts the keys back into the pool.
func (x *exchange) release() {
	if x.security != nil {
		x.engine.put(x.security)
		x.security = nil
	}
}
