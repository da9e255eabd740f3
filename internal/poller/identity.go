package poller

import (
	"bytes"
	"context"
	"strings"
	"time"

	"trapline/internal/client"
	"trapline/internal/snmp"
)

const (
	// identityPeriod is how long an identity holds, unless sysUpTime begins anew.
	identityPeriod = time.Hour
	// identityRetry is when a device is asked again that did not answer this.
	identityRetry = 10 * time.Minute
	// identityPatience bounds how long the answer is waited for.
	identityPatience = 5 * time.Second
	// maxIdentity is how many octets of a text are kept: a DisplayString has no more.
	maxIdentity = 255
)

// identityObjects are requested from a device at once.
var identityObjects = []struct {
	oid snmp.OID
	set func(*Identity, snmp.VarBind)
}{
	{snmp.MustParseOID("1.3.6.1.2.1.1.5.0"), func(id *Identity, v snmp.VarBind) { id.SysName = identityText(v) }},
	{snmp.MustParseOID("1.3.6.1.2.1.1.1.0"), func(id *Identity, v snmp.VarBind) { id.SysDescr = identityText(v) }},
	{snmp.MustParseOID("1.3.6.1.2.1.1.6.0"), func(id *Identity, v snmp.VarBind) { id.SysLocation = identityText(v) }},
	{snmp.MustParseOID("1.3.6.1.2.1.1.4.0"), func(id *Identity, v snmp.VarBind) { id.SysContact = identityText(v) }},
	{snmp.MustParseOID("1.3.6.1.2.1.1.2.0"), func(id *Identity, v snmp.VarBind) {
		if v.Type == snmp.ObjectIdentifier {
			id.SysObjectID = snmp.OID(v.Value).String()
		}
	}},
	{snmp.MustParseOID("1.3.6.1.2.1.1.3.0"), func(id *Identity, v snmp.VarBind) {
		if ticks, err := v.Uint(); err == nil && v.Type == snmp.TimeTicks {
			id.Booted = time.Now().Add(-time.Duration(ticks) * 10 * time.Millisecond)
		}
	}},
	{snmp.MustParseOID("1.3.6.1.2.1.47.1.1.1.1.11.1"), func(id *Identity, v snmp.VarBind) { id.Serial = identityText(v) }}, // entPhysicalSerialNum
}

func identityText(v snmp.VarBind) string {
	if v.Type != snmp.OctetString {
		return ""
	}
	return strings.ToValidUTF8(string(v.Value[:min(len(v.Value), maxIdentity)]), "\uFFFD")
}

// identify asks a target that has just answered who it is, if that is due. The poll has ended, so that nothing waits
// for the answer but the place that the poll took.
func (p *Poller) identify(ctx context.Context, s *state, t *Target) {
	now := p.clock.now()
	if !p.options.Identify || now.Before(time.Unix(0, s.identifyAt.Load())) || !s.identifying.CompareAndSwap(false, true) {
		return
	}
	defer s.identifying.Store(false)
	id, err := Ask(ctx, p.options.Open, t)
	if err != nil {
		s.identifyAt.Store(now.Add(identityRetry).UnixNano())
		return
	}
	s.identifyAt.Store(now.Add(identityPeriod).UnixNano())
	before := s.summary.Load()
	if after := s.update(func(u *Summary) { u.Identity, u.Search = id, search(u.Target, id) }); !before.describes(after) {
		p.described.Add(1)
	}
	p.version.Add(1)
	if p.options.Identified != nil {
		p.options.Identified(t, id)
	}
}

// Ask asks a target who it is, by one GET.
func Ask(ctx context.Context, open Open, t *Target) (*Identity, error) {
	session, err := open(t.Spec)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, min(identityPatience, t.Interval))
	defer cancel()
	plan := client.Plan{Params: t.EffectiveParams()}
	for _, o := range identityObjects {
		plan.Get = append(plan.Get, o.oid)
	}
	id := &Identity{At: time.Now()}
	answered := false
	_, err = session.Poll(ctx, &plan, func(v snmp.VarBind) {
		answered = true
		for _, o := range identityObjects {
			if v.Type.HasValue() && bytes.Equal(v.Name, o.oid) {
				o.set(id, v)
			}
		}
	})
	if answered {
		err = nil // objects may be absent, or outside of the view
	}
	return id, err
}
