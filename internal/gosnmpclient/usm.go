package gosnmpclient

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/access"
	"trapline/internal/conn"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// usm is the state of a Target's SNMPv3 engine (RFC 3414). It belongs to the target and not to the
// engine ID: devices that were cloned share theirs, but neither boots nor time. Of USM, gosnmp seals and
// opens messages, follows the agent's clock within a session and answers Reports; that state of its own cannot be
// replaced by an snmp.EngineClock. Discoveries, keys and the clock between sessions are those of the package snmp.
type usm struct {
	mu    sync.Mutex
	known *agentEngine // nil before the first discovery
	idle  []*user
}

// maxIdleUsers is how many modules of a target are commonly polled at once.
const maxIdleUsers = 4

// agentEngine is the engine of an agent as its last answer showed it, and the keys localized to it.
// It is not changed once made.
type agentEngine struct {
	id      string
	clock   snmp.EngineClock
	refused time.Time // when it would not have the user; zero when it would
	secrets access.Secrets
	authKey []byte
	privKey []byte
}

// LogValue shows no secret.
func (a *agentEngine) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", hex.EncodeToString([]byte(a.id))), slog.Int64("boots", int64(a.clock.Boots)))
}

// User is one session's security parameters. It outlives the session because of the counter in it
// that salts are made of: no salt may come a second time (RFC 3414 section 8.1.1.1, RFC 3826 section
// 3.1.2.1).
type user struct {
	gosnmp.UsmSecurityParameters
	keys    *snmp.User // of the target's auth with secrets
	secrets access.Secrets
	known   *agentEngine // the engine of the session; nil when the engine has to be discovered
	tried   bool         // the session made an exchange
	good    bool         // the last of them was answered
	misled  bool         // the last of them failed, for which known may be to blame
	refused bool         // it did because the agent would not have the user
}

var authProtocols = map[string]gosnmp.SnmpV3AuthProtocol{
	"MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA224": gosnmp.SHA224, "SHA256": gosnmp.SHA256,
	"SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
}

var privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
	"DES": gosnmp.DES, "AES": gosnmp.AES, "AES192": gosnmp.AES192, "AES192C": gosnmp.AES192C,
	"AES256": gosnmp.AES256, "AES256C": gosnmp.AES256C,
}

// take returns a user for one session, with the state of the agent's engine. Secrets that have
// changed since make that worthless.
func (m *usm) take(a *access.Auth, secrets access.Secrets) (*user, error) {
	keys, err := a.User(secrets)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var u *user
	if last := len(m.idle) - 1; last >= 0 {
		u, m.idle = m.idle[last], m.idle[:last]
	} else {
		u = newUser(a)
	}
	u.keys, u.secrets, u.tried, u.good, u.misled, u.refused = keys, secrets, false, false, false, false
	u.known = nil
	if id := a.EngineIDOctets(); m.known != nil && m.known.secrets == secrets {
		u.adopt(m.known)
	} else if len(id) > 0 {
		err = u.meet(conn.Discovery{EngineID: id})
	}
	return u, err
}

// release takes a user back, and keeps its state. State that does not fit is dropped, unless
// another session has a newer state.
func (m *usm) release(u *user) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case u.good:
		m.known = u.learnt()
	case u.refused:
		m.known = u.learnt()
		if m.known.refused = u.known.refused; !u.known.refusedLately() {
			m.known.refused = time.Now()
		}
	case u.misled && m.known == u.known:
		m.known = nil
	}
	if len(m.idle) < maxIdleUsers {
		m.idle = append(m.idle, u)
	}
}

func newUser(a *access.Auth) *user {
	u := &user{}
	u.UserName = a.Username
	u.AuthenticationProtocol, u.PrivacyProtocol = gosnmp.NoAuth, gosnmp.NoPriv
	if a.SecurityLevel != access.NoAuthNoPriv {
		u.AuthenticationProtocol = authProtocols[a.AuthProtocol]
	}
	if a.SecurityLevel == access.AuthPriv {
		u.PrivacyProtocol = privProtocols[a.PrivProtocol]
	}
	// gosnmp draws the first salt at random when it checks the parameters. This is the way to have it
	// do so that needs no socket; the message is of no use.
	seeding := gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.NoAuthNoPriv,
		SecurityParameters: &u.UsmSecurityParameters,
	}
	u.SecretKey, u.PrivacyKey = []byte{0}, []byte{0} // for the time being: it wants to see some
	_, _ = seeding.SnmpEncodePacket(gosnmp.GetRequest, nil, 0, 0)
	return u
}

// meet makes u talk to an engine of which no more is known than d says.
func (u *user) meet(d conn.Discovery) error {
	auth, priv, err := u.keys.LocalizedKeys(d.EngineID)
	if err != nil {
		return err
	}
	known := &agentEngine{id: string(d.EngineID), secrets: u.secrets, authKey: auth, privKey: priv}
	known.clock.Suggest(d.Boots, d.Time, now())
	u.adopt(known)
	return nil
}

// adopt makes u talk to a known engine.
func (u *user) adopt(known *agentEngine) {
	u.known = known
	boots, seconds := known.clock.Now(now())
	u.AuthoritativeEngineID, u.AuthoritativeEngineBoots, u.AuthoritativeEngineTime = known.id, uint32(boots), uint32(seconds)
	u.SecretKey, u.PrivacyKey = known.authKey, known.privKey
}

// refusedLately reports whether a discovery would not help.
func (a *agentEngine) refusedLately() bool { return time.Since(a.refused) < mux.RefusalMemory }

var epoch = time.Now()

// now is the time of clocks of engines.
func now() time.Duration { return time.Since(epoch) }

func (u *user) learnt() *agentEngine {
	a := &agentEngine{id: u.AuthoritativeEngineID, secrets: u.secrets, authKey: u.SecretKey, privKey: u.PrivacyKey}
	a.clock.Adopt(int32(u.AuthoritativeEngineBoots), int32(u.AuthoritativeEngineTime), now())
	return a
}

func (s *session) configureV3(secrets access.Secrets) (err error) {
	t := s.target
	g := &s.client.GoSNMP
	if s.user, err = t.usm.take(t.conn.Auth, secrets); err != nil {
		return err
	}
	g.SecurityModel, g.SecurityParameters = gosnmp.UserSecurityModel, &s.user.UsmSecurityParameters
	g.MsgFlags = gosnmp.Reportable
	switch t.conn.Auth.SecurityLevel {
	case access.AuthNoPriv:
		g.MsgFlags |= gosnmp.AuthNoPriv
	case access.AuthPriv:
		g.MsgFlags |= gosnmp.AuthPriv
		s.wire.Private = true
	}
	g.ContextName = t.conn.Auth.ContextName
	if t.conn.Spec.Context != "" {
		g.ContextName = t.conn.Spec.Context
	}
	return nil
}

// exchangeV3 is once for SNMPv3. The state of the agent's engine may have become wrong since the
// Silenced poll: the agent lost its memory, was replaced, or its clock was set. So the first exchange with
// it gets one attempt, and when that fails the engine is discovered anew, unless the user fixed it.
func (s *session) exchangeV3(ctx context.Context, r mux.Request) (mux.Answer, *access.Error) {
	u := s.user
	before := u.known
	if before == nil {
		if e := s.discover(ctx); e != nil {
			return mux.Answer{}, e
		}
	}
	if u.tried || before == nil || before.refusedLately() || len(s.target.conn.Auth.EngineIDOctets()) > 0 {
		u.tried = true
		return s.onceV3(ctx, r)
	}
	u.tried = true
	s.client.Retries, s.tentative = 0, true
	a, e := s.onceV3(ctx, r)
	s.client.Retries, s.tentative = s.limits.Retries, false
	switch {
	case e == nil && u.AuthoritativeEngineBoots < uint32(before.clock.Boots):
		s.rediscovered(before, errBootsWentBack) // gosnmp took the Report of it for an answer in time
	case e != nil && curable(e.Reason) && ctx.Err() == nil:
		cause := e.Err
		if e = s.discover(ctx); e == nil {
			a, e = s.onceV3(ctx, r)
		}
		if e == nil {
			s.rediscovered(before, cause)
		}
	}
	return a, e
}

// discover finds out whom to talk to.
func (s *session) discover(ctx context.Context) *access.Error {
	d, e := s.wire.Discover(ctx, s.limits)
	if e != nil {
		return e
	}
	s.client.SetMsgID(s.wire.LastID())
	if err := s.user.meet(d); err != nil {
		return &access.Error{Reason: access.Credentials, Err: err}
	}
	return nil
}

var errBootsWentBack = errors.New("agent has fewer boots than before")

// rediscovered logs that the agent's engine has changed.
func (s *session) rediscovered(before *agentEngine, cause error) {
	s.target.conn.Env.Metrics.Rediscovered()
	s.target.conn.Env.Logger.Info("SNMPv3 engine discovered anew",
		"target", s.target.conn, "err", cause, "before", before, "now", s.user.learnt())
}

func (s *session) onceV3(ctx context.Context, r mux.Request) (mux.Answer, *access.Error) {
	s.client.ContextEngineID = cmp.Or(s.target.conn.Spec.ContextEngineID, s.user.AuthoritativeEngineID)
	a, e := s.once(ctx, r)
	s.user.good = e == nil || e.OID != nil
	confirmed := s.user.AuthoritativeEngineBoots > 0 // by a signed message, where the user set the ID
	if id := s.target.conn.Auth.EngineIDOctets(); len(id) > 0 && !s.user.good && !confirmed && (e.Reason == access.Timeout || e.Reason == access.UnknownEngine) {
		e.Err = mux.EngineIDError(e.Err, id)
	}
	s.user.misled = !s.user.good && curable(e.Reason)
	s.user.refused = !s.user.good && mux.RefusesUser(e.Reason)
	return a, e
}

// curable reports whether a failure may come from a stale state of the agent's engine.
func curable(r access.Reason) bool {
	switch r {
	case access.Timeout, access.UnknownEngine, access.NotInTimeWindow, access.WrongDigest, access.UnknownUser, access.UnsupportedLevel, access.Decryption, access.UnknownContext, access.Malformed:
		return true
	}
	return false
}
