package originator

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/snmp"
)

// Authority has the communities and users whose notifications are accepted, and the clocks of the engines that sent
// some. The zero value accepts no message.
type Authority struct {
	AnyCommunity bool                  // of SNMPv1 and SNMPv2c
	Communities  map[string]bool       // of SNMPv1 and SNMPv2c
	Users        map[string]*snmp.User // of SNMPv3, by name
	Identity     *Identity             // our engine, which informs of SNMPv3 are for; nil without Users
	Agent        *Agent                // answers requests; nil: they are refused

	reports [snmp.UnknownContext + 1]atomic.Uint32 // sent, by kind

	mu     sync.Mutex
	clocks map[string]*snmp.EngineClock // of remote engines
}

// maxEngines bounds the clocks of remote engines, and maxSecurities the keys that a Decoder stores.
const maxEngines, maxSecurities = 1 << 16, 1 << 12

// began is when the monotonic time of clocks begins.
var began = time.Now()

// timely updates the clock of a remote engine by an authenticated message, and reports whether the message is within the
// time window.
func (a *Authority) timely(o *snmp.Opened) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	clock := a.clocks[string(o.EngineID)]
	if clock == nil {
		if clock = new(snmp.EngineClock); len(a.clocks) >= maxEngines || a.clocks == nil {
			a.clocks = map[string]*snmp.EngineClock{}
		}
		a.clocks[string(o.EngineID)] = clock // only who knows the key is remembered
	}
	return clock.Update(o.Boots, o.Time, time.Since(began))
}

// Take has a take over the clocks of the engines that old knows, and its counts.
func (a *Authority) Take(old *Authority) {
	for kind := range old.reports {
		a.reports[kind].Add(old.reports[kind].Load())
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	a.clocks = old.clocks
	old.clocks = nil
}

// Received is a notification that was accepted. Its slices alias the datagram.
type Received struct {
	From      netip.AddrPort
	Version   snmp.Version
	Name      string // community or user
	Context   string
	EngineID  []byte // of SNMPv3: the engine of the sender of a trap, the context's engine of an inform
	Inform    bool
	RequestID int32
	V1        *snmp.Trap // of SNMPv1, else nil
	VarBinds  []byte     // of SNMPv2c and SNMPv3 with SysUpTime.0 and SNMPTrapOID.0
}

// ErrCommunity is the error of a message whose community is not accepted.
var ErrCommunity = errors.New("the community is not accepted")

// errKind is the error of a well-formed message that is no notification.
type errKind struct{ kind fmt.Stringer }

func (e errKind) Error() string { return fmt.Sprintf("%s is no notification", e.kind) }

// ErrDiscovery is the error of a message that asks for our engine ID and time (RFC 3414 section 4), as each sender of
// informs does before its first one.
var ErrDiscovery = errors.New("discovery of the engine")

// Decoder decodes notifications, and authenticates them by an Authority. It stores localized keys, and is not safe for
// concurrent use.
type Decoder struct {
	authority *Authority
	ours      map[string]*snmp.Security // by user, of our engine
	signed    map[string]*snmp.Security // the same without privacy
	nobody    *snmp.Security            // of our engine, for Reports that cannot be signed
	theirs    map[securityKey]*snmp.Security
}

type securityKey struct{ user, engine string }

// Decoder returns a decoder.
func (a *Authority) Decoder() (d *Decoder, err error) {
	d = &Decoder{authority: a, ours: map[string]*snmp.Security{}, signed: map[string]*snmp.Security{}, theirs: map[securityKey]*snmp.Security{}}
	users := a.users()
	if len(users) == 0 {
		return d, nil
	}
	for name, u := range users {
		if d.ours[name], err = u.Localize(a.Identity.ID); err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		open := *u
		open.Priv, open.PrivKey = snmp.NoPriv, snmp.Key{}
		if d.signed[name], err = open.Localize(a.Identity.ID); err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
	}
	d.nobody, err = (&snmp.User{}).Localize(a.Identity.ID)
	return d, err
}

// Decode decodes a datagram, decrypting it in place. It returns the notification and, if that is an inform, its
// acknowledgment; or the error for which the datagram is refused, and the Report that answers it, if any. Errors of
// SNMPv3 are of type snmp.ReportKind.
func (d *Decoder) Decode(b []byte, from netip.AddrPort) (r *Received, answer []byte, err error) {
	r = &Received{From: from, Version: snmp.PeekVersion(b)}
	switch r.Version {
	case snmp.V1:
		answer, err = d.decode1(b, r)
	case snmp.V2c:
		answer, err = d.decode2(b, r)
	case snmp.V3:
		answer, err = d.decode3(b, r)
	default:
		err = errVersion
	}
	if err != nil {
		return nil, answer, err
	}
	return r, answer, nil
}

var errVersion = errors.New("the version is not one of SNMP")

func (d *Decoder) accepts(community []byte) bool {
	return d.authority.AnyCommunity || d.authority.Communities[string(community)]
}

func (d *Decoder) decode1(b []byte, r *Received) (answer []byte, err error) {
	m, err := snmp.ParseTrap(b)
	if request, asks := requestOf(b); err != nil && asks && d.authority.Agent != nil {
		return d.authority.Agent.answer(&request, r.From)
	}
	if err != nil {
		return nil, err
	}
	r.Name = string(m.Community)
	if !d.accepts(m.Community) {
		return nil, ErrCommunity
	}
	r.V1, r.VarBinds = &m.Trap, m.VarBinds
	return nil, nil
}

func (d *Decoder) decode2(b []byte, r *Received) (answer []byte, err error) {
	m, err := snmp.ParseMessage(b)
	switch {
	case err != nil:
		return nil, err
	case isRequest(m.PDU) && d.authority.Agent != nil:
		return d.authority.Agent.answer(&m, r.From)
	case !isNotification(m.PDU):
		return nil, errKind{m.PDU}
	case !d.accepts(m.Community):
		return nil, ErrCommunity
	}
	r.Name, r.Inform, r.RequestID, r.VarBinds = string(m.Community), m.PDU == snmp.InformRequest, m.RequestID, m.VarBinds
	if r.Inform {
		m.PDU, m.ErrorStatus, m.ErrorIndex = snmp.Response, snmp.NoError, 0
		answer = snmp.AppendMessage(nil, &m)
	}
	return answer, nil
}

func isNotification(t snmp.PDUType) bool { return t == snmp.TrapV2 || t == snmp.InformRequest }

// decode3 decodes a message of SNMPv3. The engine ID and the reportable flag determine the authoritative engine: ours for
// informs, the engine of the sender for traps (RFC 3414 section 3.2).
func (d *Decoder) decode3(b []byte, r *Received) (answer []byte, err error) {
	if d.nobody == nil {
		return nil, snmp.UnknownUserName
	}
	m, err := snmp.ParseMessage3(b)
	if err != nil {
		return nil, err
	}
	reportable := m.Flags&snmp.FlagReportable != 0
	ours := bytes.Equal(m.EngineID, d.authority.Identity.ID)
	user := d.authority.Users[string(m.UserName)]
	known := d.ours[string(m.UserName)] != nil
	r.Name = string(m.UserName)
	switch {
	case !ours && reportable:
		return d.report(d.nobody, m.ID, snmp.UnknownEngineID), ErrDiscovery
	case !known && ours && reportable: // before the level (RFC 3414 section 3.2)
		return d.report(d.nobody, m.ID, snmp.UnknownUserName), snmp.UnknownUserName
	case !known, user == nil && !ours:
		return nil, snmp.UnknownUserName
	case ours:
		return d.ask(b, m.Header3, r)
	}
	return nil, d.trap(b, m.EngineID, user, r)
}

// ask decodes a message that is for our engine: an inform or a request.
func (d *Decoder) ask(b []byte, h snmp.Header3, r *Received) (answer []byte, err error) {
	own := d.ours[string(h.UserName)]
	o, err := own.Open(b)
	var kind snmp.ReportKind
	switch {
	case errors.As(err, &kind) && h.Flags&snmp.FlagReportable != 0:
		return d.report(d.nobody, h.ID, kind), err
	case err != nil:
		return nil, err
	case o.Authenticated && !d.timely(&o.Header3):
		return d.report(d.signed[string(h.UserName)], h.ID, snmp.NotInTimeWindow), snmp.NotInTimeWindow
	case isRequest(o.Type) && d.authority.Agent != nil:
		return d.request(own, &o, r)
	case o.Type != snmp.InformRequest:
		return nil, errKind{o.Type}
	case d.authority.Users[string(h.UserName)] == nil:
		return nil, snmp.UnknownUserName
	}
	r.Inform, r.RequestID = true, o.RequestID
	r.setScoped(&o, o.ContextEngineID)
	o.Type, o.ErrorStatus, o.ErrorIndex = snmp.Response, snmp.NoError, 0
	return d.seal(own, h.ID, &o.ScopedPDU), nil
}

// timely reports whether a message is within the time window of our own clock.
func (d *Decoder) timely(h *snmp.Header3) bool {
	boots, seconds, err := d.authority.Identity.Clock(time.Now())
	const window = int64(snmp.TimeWindow / time.Second)
	return err == nil && h.Boots == boots && max(int64(h.Time)-int64(seconds), int64(seconds)-int64(h.Time)) <= window
}

func (d *Decoder) trap(b []byte, engineID []byte, user *snmp.User, r *Received) error {
	key := securityKey{user.Name, string(engineID)}
	security := d.theirs[key]
	if security == nil {
		var err error
		if security, err = user.Localize([]byte(key.engine)); err != nil {
			return fmt.Errorf("%w: %w", snmp.UnknownEngineID, err)
		}
	}
	o, err := security.Open(b)
	switch {
	case err != nil:
		return err
	case o.Type != snmp.TrapV2:
		return errKind{o.Type}
	case o.Authenticated && !d.authority.timely(&o):
		return snmp.NotInTimeWindow
	}
	if o.Authenticated && d.theirs[key] == nil {
		if len(d.theirs) >= maxSecurities {
			clear(d.theirs)
		}
		d.theirs[key] = security
	}
	r.RequestID = o.RequestID
	r.setScoped(&o, engineID)
	return nil
}

func (r *Received) setScoped(o *snmp.Opened, engineID []byte) {
	r.Context, r.EngineID, r.VarBinds = string(o.ContextName), engineID, o.VarBinds
}

// report returns the Report for a message that cannot be processed (RFC 3412 section 7.1).
func (d *Decoder) report(s *snmp.Security, id int32, kind snmp.ReportKind) []byte {
	name := kind.OID()
	if name == nil {
		return nil
	}
	count := snmp.AppendUint(nil, uint64(d.authority.reports[kind].Add(1)))
	counter := snmp.AppendVarBind(nil, snmp.VarBind{Name: name, Type: snmp.Counter32, Value: count})
	return d.seal(s, id, &snmp.ScopedPDU{ContextEngineID: d.authority.Identity.ID, PDU: snmp.PDU{Type: snmp.Report, VarBinds: counter}})
}

func (d *Decoder) seal(s *snmp.Security, id int32, p *snmp.ScopedPDU) []byte {
	boots, seconds, err := d.authority.Identity.Clock(time.Now())
	if err != nil {
		return nil
	}
	return s.Seal(nil, &snmp.Header3{ID: id, MaxSize: maxMessage, Boots: boots, Time: seconds}, snmp.AppendScopedPDU(nil, p))
}
