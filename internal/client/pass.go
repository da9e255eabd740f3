package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"trapline/internal/access"
	"trapline/internal/conn"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// exchanger carries one request to the target and its answer back. It retransmits, and takes for an
// answer only a valid response. The answer is valid until the next exchange. Of an error the Reason and
// Err are set, and OID where nothing but the answer to this request is at fault.
type exchanger interface {
	Exchange(ctx context.Context, r mux.Request) (mux.Answer, *access.Error)
	// AnswersAtMost notes that the target answers to so many bindings, but did not to more.
	AnswersAtMost(bindings, more int)
}

// resolvedParams is Params with nothing left open.
type resolvedParams struct {
	v1             bool
	timeout        time.Duration
	retries        int
	repetitions    uint32
	window         int // requests before the target at once
	rate           int // bindings a second; 0: no limit
	maxRepetitions int // repetitions, where the user set them; 0: as many as fill a packet
	batch          int // OIDs in a GetRequest
	knownBatch     int // those that the agent answered before
	unordered      bool
	alone          bool
	maxBytes       int64
	unconnected    bool
	maxRows        int // 0: no limit but the engine's
	maxRequests    int // 0: no limit
}

const (
	// zeroRepetitions is the meaning of max_repetitions: 0 for a walk, as in snmp_exporter.
	zeroRepetitions = 50
	// maxBatch bounds the OIDs in one request: more have been seen to upset agents.
	maxBatch = 60
)

func resolveParams(p Params, v1 bool) resolvedParams {
	o := resolvedParams{
		v1: v1, timeout: p.Timeout.Duration, retries: DefaultRetries, repetitions: DefaultMaxRepetitions,
		unordered: p.AllowNonIncreasingOIDs, unconnected: p.UseUnconnectedUDPSocket,
		maxBytes: int64(cmp.Or(p.MaxBytes, DefaultMaxBytes)),
		maxRows:  p.MaxRows, maxRequests: p.MaxRequests, window: cmp.Or(p.MaxWindow, mux.DefaultWindow), rate: p.MaxVarBindRate,
	}
	if o.timeout <= 0 {
		o.timeout = DefaultTimeout
	}
	if p.Retries != nil {
		o.retries = max(*p.Retries, 0)
	}
	if p.MaxRepetitions != nil {
		o.repetitions, o.maxRepetitions = *p.MaxRepetitions, int(*p.MaxRepetitions)
	}
	o.batch = int(min(max(o.repetitions, 1), maxBatch))
	if o.knownBatch = o.batch; p.MaxRepetitions == nil {
		o.knownBatch = maxBatch
	}
	if o.repetitions == 0 {
		o.repetitions = zeroRepetitions
	}
	if v1 {
		o.batch, o.knownBatch, o.repetitions = 1, 1, 1
	}
	return o
}

// limits returns the settings that a connection needs.
func (o *resolvedParams) limits() conn.Limits {
	return conn.Limits{Timeout: o.timeout, Retries: o.retries, Unconnected: o.unconnected, Alone: o.alone}
}

// pass is one Poll under way.
type pass struct {
	exchanger
	resolvedParams
	target      string
	metrics     *mux.Metrics
	toEnd       bool
	maxVarBinds int
	holding     *holding
	held        int64 // octets of bindings outside of walks
	yield       func(snmp.VarBind)
	stats       *mux.Stats
	errs        []error
	noted       []instanceStats
	down        bool          // the target itself failed
	ended       *access.Error // why nothing more is asked for, although the target answers
}

func (p *pass) run(ctx context.Context, plan *Plan) {
	p.gets(ctx, p.batches(plan.Get), false)
	p.nexts(ctx, plan.Next)
	p.walks(ctx, plan.Walk)
}

// gets asks for instances, those of a batch in one request. That an optional one is missing is no error.
func (p *pass) gets(ctx context.Context, batches [][]snmp.OID, optional bool) {
	g := &getting{pass: p, optional: optional}
	for _, oids := range batches {
		g.get(ctx, oids)
	}
}

// batches divides instances of which nothing is known.
func (p *pass) batches(oids []snmp.OID) [][]snmp.OID {
	return slices.Collect(slices.Chunk(oids, p.batch))
}

// goesOn reports whether more is to be asked for. If not, and the target answers, oids are incomplete.
func (p *pass) goesOn(op string, oids []snmp.OID) bool {
	if p.ended == nil {
		return !p.down
	}
	for _, oid := range oids {
		p.partial(op, oid, nil, p.ended.Reason, p.ended.Err)
	}
	return false
}

func (p *pass) walks(ctx context.Context, roots []snmp.OID) {
	for i, root := range roots {
		if !p.goesOn("walk", roots[i:]) {
			return
		}
		p.walk(ctx, root)
	}
}

func (p *pass) give(v snmp.VarBind) {
	if !p.giveTo(&p.held, v) {
		p.tooLarge(bytes.Clone(v.Name))
	}
}

// giveTo hands on a binding of a walk that holds part, and reports whether that may hold more.
func (p *pass) giveTo(part *int64, v snmp.VarBind) bool {
	if v.Type == mux.Unreadable {
		return true
	}
	size := len(v.Name) + len(v.Value)
	p.stats.VarBinds++
	p.stats.Bytes += size
	p.yield(v)
	return p.holding.add(part, size)
}

// lost notes that an exchange failed, after last had arrived of oid.
func (p *pass) lost(op string, oid, last snmp.OID, e *access.Error) {
	if e.Ends() {
		p.ended = e
		p.partial(op, oid, last, e.Reason, e.Err)
		return
	}
	e.Op, e.Target, e.Last = op, p.target, last
	if e.OID != nil || (last != nil && e.Reason != access.Malformed) {
		e.OID = oid
	}
	p.errs = append(p.errs, e)
	p.down = p.down || e.TargetFailed() || e.Reason == access.Deadline
}

// partial notes that oid did not arrive, or only up to last, while the target is well.
func (p *pass) partial(op string, oid, last snmp.OID, reason access.Reason, err error) {
	p.errs = append(p.errs, &access.Error{Op: op, Target: p.target, OID: oid, Last: last, Reason: reason, Err: err, Alive: true})
}

// tooLarge notes that oid brought more than may be held, so that nothing of it counts.
func (p *pass) tooLarge(oid snmp.OID) {
	p.errs = append(p.errs, &access.Error{Op: "walk", Target: p.target, OID: oid, Reason: access.TooMany, Err: errTooManyBytes, Dropped: true})
}

// refused notes an error-status.
func (p *pass) refused(op string, oid, last snmp.OID, a mux.Answer) {
	err := fmt.Errorf("agent answers %s", a.Status)
	if a.Status != mux.AuthorizationError {
		p.partial(op, oid, last, access.ErrorStatus, err)
		return
	}
	if mux.MessageRefused(a) {
		oid, p.down = nil, true
	}
	p.partial(op, oid, last, access.Authorization, err)
}

// discovered records that the target reported its SNMPv3 engine ID in this poll, whatever else it did not answer.
func (p *pass) discovered() {
	for _, err := range p.errs {
		if e, ok := err.(*access.Error); ok {
			e.Discovered = e.Reason == access.Timeout && e.TargetFailed()
		}
	}
}

func (p *pass) err() error {
	if len(p.errs) == 1 {
		return p.errs[0]
	}
	return errors.Join(p.errs...)
}
