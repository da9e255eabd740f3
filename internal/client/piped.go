package client

import (
	"context"
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
	d, e := t.meet(ctx, &w.settled)
	if e != nil {
		e.Op, e.Target = "connect", t.spec.Address
		w.errs = append(w.errs, e)
		return
	}
	w.exchanger = &pipedExchanger{pipe: t.pipe, pass: w, device: d}
	defer func() {
		t.pipe.leave(d.peer)
		if t.pipe.discoveredSince(d.peer, began) {
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
	t.sweep(ctx, w, d, columns, p)
}

// sweep walks columns, while instances are asked for, and hands on their rows, column by column.
func (t *Target) sweep(ctx context.Context, w *pass, d *device, columns []snmp.OID, p *Plan) {
	s := newSweep(t.pipe, d, columns, p.Walk)
	s.settled, s.stats, s.limit, s.holding = w.settled, w.stats, w.maxVarBinds, w.holding
	defer s.free()
	first := len(p.Get) > 0 && t.pipe.unknown(d.peer)
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
	pipe   *pipe
	pass   *pass
	device *device

	varbinds []snmp.VarBind // copies of the last answer's
	text     []byte
	answered bool
}

func (x *pipedExchanger) exchange(ctx context.Context, r request) (answer, *access.Error) {
	var a answer
	var failed *access.Error
	done := make(chan struct{})
	q := &query{
		peer: x.device.peer, request: r, stats: x.pass.stats, retries: x.pass.retries, timeout: x.pass.timeout, alone: x.pass.alone,
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
	x.device.capacity.silentAbove(more, bindings, x.pipe.now)
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
