package client

import (
	"context"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// viaMux reports whether the multiplexer can carry a poll, or gosnmp has to.
func (t *Target) viaMux() bool {
	return strings.HasPrefix(t.conn.Address.Network, "udp") && t.conn.Auth.Engine != access.Gosnmp && t.conn.Spec.Engine != access.Gosnmp
}

// pollViaMux is Poll over the multiplexer.
func (t *Target) pollViaMux(ctx context.Context, p *Plan, w *pass) {
	began := t.mux.Event()
	d, e := t.resolvePeer(ctx, &w.resolvedParams)
	if e != nil {
		e.Op, e.Target = "connect", t.conn.Spec.Address
		w.errs = append(w.errs, e)
		return
	}
	w.exchanger = &muxExchanger{mux: t.mux, pass: w, device: d}
	defer func() {
		t.mux.Leave(d.peer)
		if t.mux.DiscoveredSince(d.peer, began) {
			w.discovered()
		}
		t.remember(d, w.noted)
	}()
	gets := t.batches(d, w, p.Get)
	if p.ToEnd || w.unordered || w.maxRows > 0 || w.maxRequests > 0 {
		w.gets(ctx, gets, false)
		w.nexts(ctx, p.Next)
		w.walks(ctx, p.Walk)
		return
	}
	columns := p.Columns
	if columns == nil {
		columns = p.Walk
	}
	s := newTableWalk(t.mux, d, columns, p.Walk)
	t.walkTables(ctx, w, s, gets, p.Next)
}

// walkTables walks columns, while instances are asked for, and hands on their rows, column by column.
func (t *Target) walkTables(ctx context.Context, w *pass, s *tableWalk, gets [][]snmp.OID, nexts []snmp.OID) {
	s.params, s.stats, s.limit, s.holding = w.resolvedParams, w.stats, w.maxVarBinds, w.holding
	defer s.free()
	first := len(gets) > 0 && t.mux.Unknown(s.device.peer)
	if !first {
		s.start()
	}
	w.gets(ctx, gets, false)
	w.nexts(ctx, nexts)
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

// batches divides instances into those of one request each.
func (t *Target) batches(d *device, w *pass, oids []snmp.OID) [][]snmp.OID {
	if len(oids) == 0 {
		return nil
	}
	t.mux.Lock()
	defer t.mux.Unlock()
	return d.batches(w, oids)
}

func (t *Target) remember(d *device, noted []instanceStats) {
	if len(noted) == 0 {
		return
	}
	t.mux.Lock()
	defer t.mux.Unlock()
	d.remember(noted)
}

// muxExchanger makes one exchange at a time over the multiplexer.
type muxExchanger struct {
	mux    *mux.Mux
	pass   *pass
	device *device

	varbinds []snmp.VarBind // copies of the last answer's
	text     []byte
	answered bool
}

func (x *muxExchanger) Exchange(ctx context.Context, r mux.Request) (mux.Answer, *access.Error) {
	var a mux.Answer
	var failed *access.Error
	done := make(chan struct{})
	q := &mux.Query{
		Peer: x.device.peer, Request: r, Stats: x.pass.stats, Retries: x.pass.retries, Timeout: x.pass.timeout, Alone: x.pass.alone,
		Budget: time.Duration(x.pass.retries+1) * x.pass.timeout,
		Owner: mux.OwnerFunc(func(got mux.Answer, e *access.Error) {
			a, failed = x.keep(got), e
			x.answered = x.answered || e == nil
			close(done)
		}),
	}
	if ctx.Err() != nil {
		return mux.Answer{}, mux.OutOfTimeError(ctx, x.answered)
	}
	x.mux.Lock()
	x.mux.SubmitFirstLocked(q)
	x.mux.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		x.mux.Lock()
		x.mux.DropLocked(q)
		x.mux.Unlock()
		return mux.Answer{}, mux.OutOfTimeError(ctx, x.answered)
	}
	return a, failed
}

func (x *muxExchanger) AnswersAtMost(bindings, more int) {
	x.mux.Lock()
	defer x.mux.Unlock()
	x.device.capacity.silentAbove(more, bindings, x.mux.Now)
}

// keep copies an answer, which is only lent. A binding whose name cannot be read is left out.
func (x *muxExchanger) keep(a mux.Answer) mux.Answer {
	x.varbinds, x.text = x.varbinds[:0], append(x.text[:0], a.List...)
	for list := x.text; len(list) > 0; {
		var v snmp.VarBind
		rest, err := snmp.NextVarBind(list, &v)
		if err != nil || !v.Type.Known() {
			x.mux.Metrics.UnexpectedType()
			v.Type = mux.Unreadable
		}
		if err == nil {
			x.varbinds = append(x.varbinds, v)
		}
		list = rest
	}
	a.VarBinds = x.varbinds
	return a
}
