package ownmib

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/agent"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// Agent answers requests from a snapshot of its source, which it makes when it is asked, at most once a second. It is
// safe for concurrent use.
type Agent struct {
	requests   map[string]prometheus.Counter // by outcome
	source     atomic.Pointer[Source]
	responders sync.Pool

	mu   sync.Mutex
	last *snapshot
	idle *time.Timer // forgets last
}

// snapshot is the objects of a source at a time.
type snapshot struct {
	source  *Source
	at      time.Time
	objects agent.Objects
}

const (
	// maxAge is how old a snapshot may be.
	maxAge = time.Second
	// idleTime is how long the last snapshot is kept.
	idleTime = time.Minute
)

// The outcomes of requests.
const (
	answered    = "answered"
	notWritable = "not_writable" // a SET
	noSuchName  = "no_such_name" // of SNMPv1
	tooBig      = "too_big"
	denied      = "denied" // the user may send notifications, not read
	malformed   = "malformed"
)

// New returns an agent without a source, which answers nothing.
func New(registry prometheus.Registerer) *Agent {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trapline_agent_requests_total",
		Help: "Requests of managers to Trapline's own agent, by outcome: answered, not_writable, no_such_name, too_big, denied, malformed.",
	}, []string{"outcome"})
	registry.MustRegister(total)
	a := &Agent{requests: map[string]prometheus.Counter{}, responders: sync.Pool{New: func() any { return new(agent.Responder) }}}
	for _, outcome := range []string{answered, notWritable, noSuchName, tooBig, denied, malformed} {
		a.requests[outcome] = total.WithLabelValues(outcome)
	}
	a.idle = time.AfterFunc(idleTime, a.forget)
	return a
}

// Use replaces the source, which must not change afterwards. It may be nil.
func (a *Agent) Use(s *Source) { a.source.Store(s) }

// forget frees the last snapshot.
func (a *Agent) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = nil
}

// Respond returns the response to a request, or false if it is malformed.
func (a *Agent) Respond(q *originator.Request) (response snmp.PDU, ok bool) {
	source := a.source.Load()
	switch {
	case source == nil:
		return response, false
	case q.Denied:
		return a.refuse(q, snmp.AuthorizationError, denied), true
	case q.PDU.Type == snmp.SetRequest && q.Version != snmp.V1:
		return a.refuse(q, snmp.NotWritable, notWritable), true
	}
	now := time.Now()
	responder := a.responders.Get().(*agent.Responder)
	defer a.responders.Put(responder)
	uptime := float64(source.Identity.Uptime(now)) / 100
	response, ok = responder.Respond(a.snapshot(source, now), q.Version, &q.PDU, q.Room, uptime)
	response.VarBinds = bytes.Clone(response.VarBinds)
	a.requests[outcomeOf(&response, ok)].Inc()
	return response, ok
}

func outcomeOf(response *snmp.PDU, ok bool) string {
	switch {
	case !ok:
		return malformed
	case response.ErrorStatus == snmp.TooBig:
		return tooBig
	case response.ErrorStatus == snmp.NoSuchName:
		return noSuchName
	case response.ErrorStatus == snmp.ReadOnly:
		return notWritable
	}
	return answered
}

// refuse returns the response with an error about the first variable binding, or about the request.
func (a *Agent) refuse(q *originator.Request, status snmp.ErrorStatus, outcome string) snmp.PDU {
	a.requests[outcome].Inc()
	p := snmp.PDU{Type: snmp.Response, RequestID: q.PDU.RequestID, ErrorStatus: status, VarBinds: q.PDU.VarBinds}
	if status == snmp.NotWritable {
		p.ErrorIndex = 1
	}
	return p
}

// snapshot returns the objects of a source as they were within the last second.
func (a *Agent) snapshot(source *Source, now time.Time) agent.Objects {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.idle.Reset(idleTime)
	if a.last == nil || a.last.source != source || now.Sub(a.last.at) >= maxAge {
		a.last = &snapshot{source, now, source.objects(now)}
	}
	return a.last.objects
}
