// Package gosnmpclient has the library gosnmp serve targets over TCP, and those whose engine is gosnmp. Importing it
// registers it: nothing else refers to it.
package gosnmpclient

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/access"
	"trapline/internal/conn"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// session is one Poll's use of gosnmp. It takes a socket and a client when it opens and returns both
// back when it closes. To open a socket costs 9 µs of a poll; to keep one, with the buffer that
// belongs to it, would cost 64 kB for each target all the time.
type session struct {
	target    *Target
	limits    conn.Limits
	client    *client
	wire      *conn.Wire
	user      *user // SNMPv3 only
	release   []func()
	names     []string
	tentative bool // should the exchange fail, another one follows
	spoilt    bool // gosnmp panicked: the client is not used for another session
}

// client is a gosnmp.GoSNMP, with its receive buffer of 64 kB, that serves one session after another.
type client struct {
	gosnmp.GoSNMP
	scratch
}

// newClient makes a client without a connection. Only Connect makes gosnmp's receive buffer, and it
// insists on a socket: this one sends nothing and is closed at once.
func newClient() (*client, error) {
	c := &client{GoSNMP: gosnmp.GoSNMP{
		Target: "127.0.0.1", LocalAddr: ":0", UseUnconnectedUDPSocket: true,
		Version: gosnmp.Version2c, Timeout: time.Second,
	}}
	if err := c.Connect(); err != nil {
		return nil, err
	}
	return c, c.Conn.Close()
}

func init() {
	conn.Register(func(t *conn.Target) conn.Sessions { return &Target{conn: t} })
}

// Target is a target with the state of its SNMPv3 engine.
type Target struct {
	conn *conn.Target
	usm  usm
}

var clients sync.Pool // of *client

// maxCommunity is the longest community whose length gosnmp can encode.
const maxCommunity = 127

// Open opens a socket and configures a client for one Poll.
func (t *Target) Open(ctx context.Context, o conn.Limits, stats *mux.Stats) (conn.Session, *access.Error) {
	secrets, err := t.conn.Env.Secrets.Secrets(t.conn.Auth)
	if err != nil {
		return nil, &access.Error{Reason: access.Credentials, Err: err}
	}
	if len(secrets.Community) > maxCommunity && t.conn.Auth.Version != 3 {
		return nil, &access.Error{Reason: access.Credentials, Err: fmt.Errorf("community of more than %d octets", maxCommunity)}
	}
	s := &session{target: t, limits: o}
	if err := s.connect(ctx, stats); err != nil {
		s.Close()
		if ctx.Err() != nil {
			return nil, mux.OutOfTimeError(ctx, false)
		}
		return nil, &access.Error{Reason: access.SocketReason(err), Err: err}
	}
	if err := s.configure(ctx, secrets); err != nil {
		s.Close()
		return nil, &access.Error{Reason: access.Credentials, Err: err}
	}
	return s, nil
}

func (s *session) connect(ctx context.Context, stats *mux.Stats) error {
	release, err := s.target.conn.Env.Ports.Take(ctx, s.target.conn.Spec.Source)
	if err != nil {
		return err
	}
	s.release = append(s.release, release)
	c, err := s.target.conn.Dial(ctx, s.limits)
	if err != nil {
		return err
	}
	s.release = append(s.release, func() { _ = c.Close() })
	s.wire = conn.NewWire(c, 0, stats, s.target.conn.Env.Metrics)
	stop := context.AfterFunc(ctx, func() { s.wire.End(ctx.Err()) })
	s.release = append(s.release, func() { stop() })
	var ok bool
	if s.client, ok = clients.Get().(*client); !ok {
		s.client, err = newClient()
	}
	return err
}

// configure makes the client talk to the target. All fields that depend on the target are set here,
// so that nothing is left of the session before.
func (s *session) configure(ctx context.Context, secrets access.Secrets) error {
	t := s.target
	g := &s.client.GoSNMP
	g.Conn, g.Context = s.wire, ctx
	g.Transport = "udp" // in any case: the wire reads whole messages
	g.Timeout, g.Retries = s.limits.Timeout, s.limits.Retries
	g.OnRetry = func(*gosnmp.GoSNMP) { s.wire.Retrying = true }
	g.Community, g.ContextName, g.ContextEngineID = "", "", ""
	g.SecurityModel, g.SecurityParameters, g.MsgFlags = 0, nil, 0
	switch t.conn.Auth.Version {
	case 1:
		g.Version, g.Community, s.wire.Version = gosnmp.Version1, secrets.Community, snmp.V1
	case 2:
		g.Version, g.Community, s.wire.Version = gosnmp.Version2c, secrets.Community, snmp.V2c
	case 3:
		g.Version, s.wire.Version = gosnmp.Version3, snmp.V3
		return s.configureV3(secrets)
	}
	return nil
}

// Close releases everything, the last thing first.
func (s *session) Close() {
	if s.user != nil {
		s.target.usm.release(s.user)
	}
	for i := len(s.release) - 1; i >= 0; i-- {
		s.release[i]()
	}
	if s.client != nil && !s.spoilt {
		g := &s.client.GoSNMP
		g.Conn, g.Context, g.OnRetry, g.SecurityParameters = nil, nil, nil, nil
		clients.Put(s.client)
	}
}

// Discovered reports whether the target's SNMPv3 engine answered a discovery.
func (s *session) Discovered() bool { return s.wire.Discovered }

// AnswersAtMost does nothing: the next session asks anew.
func (s *session) AnswersAtMost(int, int) {}

func (s *session) Exchange(ctx context.Context, r mux.Request) (mux.Answer, *access.Error) {
	if s.user != nil {
		return s.exchangeV3(ctx, r)
	}
	return s.once(ctx, r)
}

// once makes one exchange, all attempts of it.
func (s *session) once(ctx context.Context, r mux.Request) (mux.Answer, *access.Error) {
	s.wire.Begin(ctx)
	p, err := s.call(r)
	if err != nil {
		return mux.Answer{}, s.classify(ctx, err, r)
	}
	return mux.Answer{
		Status:   snmp.ErrorStatus(p.Error),
		Index:    int(p.ErrorIndex),
		VarBinds: s.varbinds(p),
	}, nil
}

func (s *session) varbinds(p *gosnmp.SnmpPacket) []snmp.VarBind {
	list := s.client.varbindsOf(p.Variables)
	for _, v := range list {
		if v.Type == mux.Unreadable {
			s.target.conn.Env.Metrics.UnexpectedType()
		}
	}
	return list
}

// call lets gosnmp send r and read the answer. A panic in there is an answer that cannot be read.
func (s *session) call(r mux.Request) (p *gosnmp.SnmpPacket, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.spoilt = true
			p, err = nil, fmt.Errorf("gosnmp: %v", v)
		}
	}()
	s.names = s.names[:0]
	for _, o := range r.OIDs {
		s.names = append(s.names, o.String())
	}
	switch r.PDU {
	case snmp.GetRequest:
		p, err = s.client.Get(s.names)
	case snmp.GetNextRequest:
		p, err = s.client.GetNext(s.names)
	default:
		p, err = s.client.GetBulk(s.names, 0, r.Repetitions)
	}
	switch {
	case p != nil && p.PDUType == gosnmp.Report && len(p.Variables) > 0:
		return nil, &access.ReportError{Counter: appendOID(nil, p.Variables[0].Name)}
	case err == nil && p.PDUType != gosnmp.GetResponse:
		return nil, fmt.Errorf("PDU 0x%02x is not a response", byte(p.PDUType))
	}
	return p, err
}
