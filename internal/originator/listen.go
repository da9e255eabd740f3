package originator

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"trapline/internal/snmp"
)

// Listener receives notifications and acknowledges informs. It drops messages that are malformed or not authentic, or
// answers them with a Report where SNMPv3 requires one.
type Listener struct {
	Conn      net.PacketConn
	Community string     // of SNMPv1 and SNMPv2c; empty means any
	User      *snmp.User // of SNMPv3; nil means none
	Identity  *Identity  // our engine, which informs of SNMPv3 are for; nil without User
	Handle    func(*Received)

	began   time.Time
	own     *snmp.Security
	nobody  *snmp.Security // of our engine, for Reports that cannot be signed
	engines map[string]*remoteEngine
}

// remoteEngine is an engine that sends traps of SNMPv3.
type remoteEngine struct {
	security *snmp.Security
	clock    snmp.EngineClock
}

// maxSenders bounds the remote engines that are stored.
const maxSenders = 1000

// Received is a notification that came. Its slices hold until Handle returns.
type Received struct {
	From     netip.AddrPort
	Version  snmp.Version
	Name     string // community or user
	Context  string
	Inform   bool
	V1       *snmp.Trap // of SNMPv1, else nil
	VarBinds []byte     // of SNMPv2c and SNMPv3 with SysUpTime.0 and SNMPTrapOID.0
}

// Run receives until ctx is canceled.
func (l *Listener) Run(ctx context.Context) error {
	if err := l.prepare(); err != nil {
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
		answer := l.take(buffer[:n], from.(*net.UDPAddr).AddrPort())
		if answer != nil {
			_, _ = l.Conn.WriteTo(answer, from) // who does not get it asks again
		}
	}
}

func (l *Listener) prepare() (err error) {
	l.began, l.engines = time.Now(), map[string]*remoteEngine{}
	if l.User == nil {
		return nil
	}
	if l.nobody, err = (&snmp.User{}).Localize(l.Identity.ID); err != nil {
		return err
	}
	l.own, err = l.User.Localize(l.Identity.ID)
	return err
}

// take handles a message. It returns the answer, or nil if there is none.
func (l *Listener) take(b []byte, from netip.AddrPort) (answer []byte) {
	r := &Received{From: from, Version: snmp.PeekVersion(b)}
	switch r.Version {
	case snmp.V1:
		m, err := snmp.ParseTrap(b)
		if err != nil || !l.accepts(m.Community) {
			return nil
		}
		r.Name, r.V1, r.VarBinds = string(m.Community), &m.Trap, m.VarBinds
		l.Handle(r)
	case snmp.V2c:
		m, err := snmp.ParseMessage(b)
		if err != nil || !l.accepts(m.Community) || !isNotification(m.PDU) {
			return nil
		}
		r.Name, r.Inform, r.VarBinds = string(m.Community), m.PDU == snmp.InformRequest, m.VarBinds
		l.Handle(r)
		if r.Inform {
			m.PDU = snmp.Response
			return snmp.AppendMessage(nil, &m)
		}
	case snmp.V3:
		if l.User != nil {
			return l.take3(b, r)
		}
	}
	return nil
}

func (l *Listener) accepts(community []byte) bool {
	return l.Community == "" || string(community) == l.Community
}

func isNotification(t snmp.PDUType) bool { return t == snmp.TrapV2 || t == snmp.InformRequest }

// take3 handles a message of SNMPv3. The engine ID and the reportable flag determine the authoritative engine: ours for
// informs, the engine of the sender for traps (RFC 3414 section 3.2).
func (l *Listener) take3(b []byte, r *Received) []byte {
	m, err := snmp.ParseMessage3(b)
	if err != nil {
		return nil
	}
	reportable := m.Flags&snmp.FlagReportable != 0
	switch ours := bytes.Equal(m.EngineID, l.Identity.ID); {
	case ours:
		return l.inform(b, m.Header3, r)
	case reportable:
		return l.report(l.nobody, m.ID, snmp.UnknownEngineID)
	default:
		l.trap(b, m.EngineID, r)
		return nil
	}
}

func (l *Listener) inform(b []byte, h snmp.Header3, r *Received) []byte {
	o, err := l.own.Open(b)
	var kind snmp.ReportKind
	switch {
	case errors.As(err, &kind) && h.Flags&snmp.FlagReportable != 0:
		return l.report(l.nobody, h.ID, kind)
	case err != nil:
		return nil
	case o.Authenticated && !l.timely(&o.Header3):
		return l.report(l.own, h.ID, snmp.NotInTimeWindow)
	case o.Type != snmp.InformRequest:
		return nil
	}
	r.Inform = true
	l.handle3(&o, r)
	o.Type, o.ErrorStatus, o.ErrorIndex = snmp.Response, snmp.NoError, 0
	return l.seal(l.own, h.ID, &o.ScopedPDU)
}

// timely reports whether a message is within the time window of our own clock.
func (l *Listener) timely(h *snmp.Header3) bool {
	boots, seconds, err := l.Identity.Clock(time.Now())
	const window = int64(snmp.TimeWindow / time.Second)
	return err == nil && h.Boots == boots && max(int64(h.Time)-int64(seconds), int64(seconds)-int64(h.Time)) <= window
}

func (l *Listener) trap(b []byte, engineID []byte, r *Received) {
	s := l.engines[string(engineID)]
	if s == nil {
		security, err := l.User.Localize(bytes.Clone(engineID))
		if err != nil {
			return
		}
		s = &remoteEngine{security: security}
	}
	o, err := s.security.Open(b)
	if err != nil || o.Type != snmp.TrapV2 {
		return
	}
	if o.Authenticated {
		if !s.clock.Update(o.Boots, o.Time, time.Since(l.began)) {
			return
		}
		if len(l.engines) >= maxSenders {
			clear(l.engines)
		}
		l.engines[string(engineID)] = s // only who knows the key is remembered
	}
	l.handle3(&o, r)
}

func (l *Listener) handle3(o *snmp.Opened, r *Received) {
	r.Name, r.Context, r.VarBinds = string(o.UserName), string(o.ContextName), o.VarBinds
	l.Handle(r)
}

// report returns the Report for a message that cannot be processed (RFC 3412 section 7.1).
func (l *Listener) report(s *snmp.Security, id int32, kind snmp.ReportKind) []byte {
	name := kind.OID()
	if name == nil {
		return nil
	}
	counter := snmp.AppendVarBind(nil, snmp.VarBind{Name: name, Type: snmp.Counter32, Value: []byte{1}})
	return l.seal(s, id, &snmp.ScopedPDU{ContextEngineID: l.Identity.ID, PDU: snmp.PDU{Type: snmp.Report, VarBinds: counter}})
}

func (l *Listener) seal(s *snmp.Security, id int32, p *snmp.ScopedPDU) []byte {
	boots, seconds, err := l.Identity.Clock(time.Now())
	if err != nil {
		return nil
	}
	return s.Seal(nil, &snmp.Header3{ID: id, MaxSize: maxMessage, Boots: boots, Time: seconds}, snmp.AppendScopedPDU(nil, p))
}
