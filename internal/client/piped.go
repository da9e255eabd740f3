package client

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// pipable tells whether the pipe can carry a poll, or gosnmp has to.
func (t *Target) pipable() bool {
	return strings.HasPrefix(t.address.Network, "udp") && t.auth.Engine != access.Gosnmp && t.spec.Engine != access.Gosnmp
}

// pollPiped is Poll over the pipe.
func (t *Target) pollPiped(ctx context.Context, p *Plan, w *pass) {
	began := t.pipe.event()
	peer, e := t.meet(ctx, &w.settled)
	if e != nil {
		e.Op, e.Target = "connect", t.spec.Address
		w.errs = append(w.errs, e)
		return
	}
	w.exchanger = &pipedExchanger{pipe: t.pipe, pass: w, peer: peer}
	defer func() {
		t.pipe.leave(peer)
		if t.pipe.discoveredSince(peer, began) {
			w.discovered()
		}
	}()
	if p.ToEnd || w.unordered || w.maxRows > 0 || w.maxRequests > 0 {
		w.gets(ctx, p.Get, false)
		w.nexts(ctx, p.Next)
		w.walks(ctx, p.Walk)
		return
	}
	columns := p.Columns
	if columns == nil {
		columns = p.Walk
	}
	t.sweep(ctx, w, peer, columns, p)
}

// meet finds out where the target is. Where that or the credentials changed, nothing that was learnt
// holds.
func (t *Target) meet(ctx context.Context, o *settled) (*peer, *access.Error) {
	secrets, err := t.client.secrets.Secrets(t.auth)
	if err != nil {
		return nil, &access.Error{Reason: access.Credentials, Err: err}
	}
	address, err := t.lookUp(ctx, o.timeout)
	if err != nil {
		return nil, lookUpError(ctx, err)
	}
	t.pipe.lock()
	defer t.pipe.unlock()
	if t.peer == nil || t.peer.address != address || t.peer.secrets != secrets {
		if t.peer, err = t.newPeer(address, secrets); err != nil {
			return nil, &access.Error{Reason: access.Credentials, Err: err}
		}
		t.restoreLocked()
	}
	if err := t.connectLocked(); err != nil {
		return nil, err
	}
	t.peer.anywhere, t.peer.rate = o.unconnected, float64(o.rate)
	t.peer.window.bound(o.window)
	t.peer.capacity.relax(t.pipe.now)
	o.batch = t.peer.capacity.cap(o.batch)
	if t.peer.v3 != nil {
		t.peer.v3.beginPollLocked(t.pipe.events)
	}
	return t.peer, nil
}

// connectLocked finds the socket to send from.
func (t *Target) connectLocked() *access.Error {
	source := t.spec.Source
	if source.IsValid() && source.Addr().Is4() != t.peer.address.Addr().Is4() {
		return &access.Error{Reason: access.Unreachable, Err: fmt.Errorf("source %s cannot reach %s", source.Addr(), t.peer.address.Addr())}
	}
	t.peer.outlet = t.pipe.outletLocked(t.peer, outlet{source: source, device: t.spec.Interface})
	if _, err := t.pipe.linkLocked(t.peer); err != nil {
		return &access.Error{Reason: access.SocketReason(err), Err: err}
	}
	return nil
}

func (t *Target) newPeer(address netip.AddrPort, secrets access.Secrets) (*peer, error) {
	p := &peer{address: address, secrets: secrets, community: []byte(secrets.Community), window: newWindow(DefaultWindow)}
	switch t.auth.Version {
	case 1:
		p.version = snmp.V1
	case 2:
		p.version = snmp.V2c
	default:
		user, err := t.auth.User(secrets)
		if err != nil {
			return nil, err
		}
		p.version, p.community = snmp.V3, nil
		p.v3, err = newUSMPeer(user, t.auth.EngineIDOctets(), t.spec.ContextEngineID, cmp.Or(t.spec.Context, t.auth.ContextName))
		return p, err
	}
	return p, nil
}

// sweep walks columns, while instances are asked for, and hands on their rows, column by column.
func (t *Target) sweep(ctx context.Context, w *pass, peer *peer, columns []snmp.OID, p *Plan) {
	s := newSweep(t.pipe, peer, columns, p.Walk)
	s.settled, s.stats, s.limit, s.holding = w.settled, w.stats, w.maxVarBinds, w.holding
	defer s.free()
	first := len(p.Get) > 0 && t.pipe.unknown(peer)
	if !first {
		s.start()
	}
	w.gets(ctx, p.Get, false)
	w.nexts(ctx, p.Next)
	if first && !w.down && w.ended == nil {
		s.start()
	}
	if w.down {
		return
	}
	if w.ended != nil {
		s.abandon(w.ended)
	}
	if s.wait(ctx); s.failed != nil {
		w.lost("walk", nil, nil, s.failed)
	}
	for i := range s.columns {
		c := &s.columns[i]
		c.eachRow(func(v *snmp.VarBind) {
			if v.Type.HasValue() && v.Type.Known() {
				w.stats.VarBinds++
				w.yield(*v)
			}
		})
		switch {
		case c.err != nil && c.err.Dropped:
			w.tooLarge(c.oid)
		case c.err != nil:
			w.partial("walk", c.oid, c.err.Last, c.err.Reason, c.err.Err)
		}
		w.stats.Bytes += int(c.held)
	}
	w.instances(ctx, s)
}

// pipedExchanger makes one exchange at a time over the pipe.
type pipedExchanger struct {
	pipe *pipe
	pass *pass
	peer *peer

	varbinds []snmp.VarBind // copies of the last answer's
	text     []byte
	answered bool
}

func (x *pipedExchanger) exchange(ctx context.Context, r request) (answer, *access.Error) {
	var a answer
	var failed *access.Error
	done := make(chan struct{})
	q := &query{
		peer: x.peer, request: r, stats: x.pass.stats, retries: x.pass.retries, timeout: x.pass.timeout, alone: x.pass.alone,
		budget: time.Duration(x.pass.retries+1) * x.pass.timeout,
		by: askerFunc(func(got answer, e *access.Error) {
			a, failed = x.keep(got), e
			x.answered = x.answered || e == nil
			close(done)
		}),
	}
	if ctx.Err() != nil {
		return answer{}, outOfTimeError(ctx, x.answered)
	}
	x.pipe.lock()
	x.pipe.hurryLocked(q)
	x.pipe.unlock()
	select {
	case <-done:
	case <-ctx.Done():
		x.pipe.lock()
		x.pipe.dropLocked(q)
		x.pipe.unlock()
		return answer{}, outOfTimeError(ctx, x.answered)
	}
	return a, failed
}

func (x *pipedExchanger) answersAtMost(bindings, more int) {
	x.pipe.lock()
	defer x.pipe.unlock()
	x.peer.capacity.silentAbove(more, bindings, x.pipe.now)
}

// keep copies an answer, which is only lent. A binding whose name cannot be read is left out.
func (x *pipedExchanger) keep(a answer) answer {
	x.varbinds, x.text = x.varbinds[:0], append(x.text[:0], a.list...)
	for list := x.text; len(list) > 0; {
		var v snmp.VarBind
		rest, err := snmp.NextVarBind(list, &v)
		if err != nil || !v.Type.Known() {
			x.pipe.metrics.unexpectedType()
			v.Type = unreadable
		}
		if err == nil {
			x.varbinds = append(x.varbinds, v)
		}
		list = rest
	}
	a.varbinds = x.varbinds
	return a
}
