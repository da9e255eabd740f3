package client_test

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"trapline/internal/snmp"
)

// lawObject is an object of a lawAgent: its name, and the binding that answers have for it.
type lawObject struct {
	name    snmp.OID
	binding []byte
	kind    snmp.Type
}

func newLawObject(v snmp.VarBind) lawObject {
	return lawObject{slices.Clone(v.Name), snmp.AppendVarBind(nil, v), v.Type}
}

func (o *lawObject) varBind() snmp.VarBind {
	v, _, _ := snmp.CutVarBind(o.binding)
	return v
}

// fullness is the behavior of an agent whose response does not fit.
type fullness int

const (
	cuts     fullness = iota // GETBULK is answered as far as it fits, as RFC 3416 has it
	tooBig                   // error-status tooBig, also for GETBULK
	isSilent                 // no answer
)

// lawAgent answers as RFC 1157, 3416 and 3414 say from objects in their order, within limits that
// agents have.
type lawAgent struct {
	version     snmp.Version
	room        int // octets for bindings in an answer, of which the first always fits
	full        fullness
	bindings    int  // in an answer; 0 means no limit
	repetitions int  // of a GETBULK that are served; 0 means no limit
	misnames    bool // errors of one binding name the second, whichever it is

	security, nobody *snmp.Security // SNMPv3
	boots            int32
	started          time.Time
	shy              bool // discoveries show neither boots nor time

	mu       sync.Mutex
	objects  []lawObject
	requests int
	faults   []string // requests that must not be
	trace    func(format string, args ...any)
	instead  func(*snmp.PDU) bool // of perform, for agents that answer otherwise
}

// visible are the objects as the agent's version shows them: SNMPv1 has no Counter64.
func (a *lawAgent) visible(all []lawObject) []lawObject {
	if a.version != snmp.V1 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(o lawObject) bool { return o.kind == snmp.Counter64 })
}

func (a *lawAgent) find(name snmp.OID) (int, bool) {
	return slices.BinarySearchFunc(a.objects, name, func(o lawObject, n snmp.OID) int { return o.name.Compare(n) })
}

// after is where the objects behind name begin.
func (a *lawAgent) after(name snmp.OID) int {
	at, found := a.find(name)
	if found {
		at++
	}
	return at
}

// asked returns the number of requests so far, and their errors.
func (a *lawAgent) asked() (requests int, faults []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests, a.faults
}

// restart has the agent begin anew.
func (a *lawAgent) restart() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.boots, a.started = a.boots+1, time.Now()
}

// respond returns the response to a message, or nil.
func (a *lawAgent) respond(request []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	if a.version == snmp.V3 {
		return a.respond3(request)
	}
	m, err := snmp.ParseMessage(request)
	if err != nil || m.Version != a.version {
		a.faults = append(a.faults, "a request that cannot be read")
		return nil
	}
	pdu := snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus, ErrorIndex: m.ErrorIndex, VarBinds: m.VarBinds}
	if !a.perform(&pdu) {
		return nil
	}
	m.PDU, m.ErrorStatus, m.ErrorIndex, m.VarBinds = pdu.Type, pdu.ErrorStatus, pdu.ErrorIndex, pdu.VarBinds
	return snmp.AppendMessage(nil, &m)
}

// respond3 answers discoveries and requests with a wrong clock with Reports.
func (a *lawAgent) respond3(request []byte) []byte {
	m, err := snmp.ParseMessage3(request)
	if err != nil {
		a.faults = append(a.faults, "a request that cannot be read: "+err.Error())
		return nil
	}
	h := snmp.Header3{ID: m.ID, MaxSize: 65507, Boots: a.boots, Time: int32(time.Since(a.started) / time.Second)}
	if !bytes.Equal(m.EngineID, a.security.EngineID()) {
		if a.shy {
			h.Boots, h.Time = 0, 0
		}
		return a.report(a.nobody, &h, snmp.UnknownEngineID)
	}
	signed := m.Flags&snmp.FlagAuth != 0
	q, err := a.security.Open(request)
	if err != nil {
		a.faults = append(a.faults, "a request that is not of the user: "+err.Error())
		return nil
	}
	if early := h.Time - q.Time; signed && (q.Boots != a.boots || early > 150 || early < -150) {
		return a.report(a.security, &h, snmp.NotInTimeWindow)
	}
	if !a.perform(&q.PDU) {
		return nil
	}
	return a.security.Seal(nil, &h, snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{ContextEngineID: a.security.EngineID(), PDU: q.PDU}))
}

func (a *lawAgent) report(s *snmp.Security, h *snmp.Header3, kind snmp.ReportKind) []byte {
	if a.trace != nil {
		a.trace("%s: message %d: %s: boots %d and time %d", time.Now().Format("05.000"), h.ID, kind, h.Boots, h.Time)
	}
	pdu := snmp.PDU{Type: snmp.Report, VarBinds: snmp.AppendVarBind(nil, snmp.VarBind{Name: kind.OID(), Type: snmp.Counter32, Value: []byte{1}})}
	return s.Seal(nil, h, snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{ContextEngineID: a.security.EngineID(), PDU: pdu}))
}

// perform turns a request into its response, unless there is none.
func (a *lawAgent) perform(p *snmp.PDU) bool {
	if a.instead != nil && a.instead(p) {
		return true
	}
	var names []snmp.OID
	for rest := p.VarBinds; len(rest) > 0; {
		v, tail, err := snmp.CutVarBind(rest)
		if err != nil || !v.Name.Valid() {
			a.faults = append(a.faults, "a binding that cannot be read")
			return false
		}
		names, rest = append(names, v.Name), tail
	}
	if len(names) == 0 {
		a.faults = append(a.faults, "a request without bindings")
	}
	answer := lawAnswer{agent: a}
	switch p.Type {
	case snmp.GetRequest:
		answer.get(names)
	case snmp.GetNextRequest:
		answer.next(names)
	case snmp.GetBulkRequest:
		if a.version == snmp.V1 {
			a.faults = append(a.faults, "GETBULK in SNMPv1")
		}
		answer.bulk(names, int(p.ErrorStatus), int(p.ErrorIndex))
	default:
		a.faults = append(a.faults, "a PDU that is no request for values")
		return false
	}
	if a.trace != nil {
		a.trace("%s: 0x%02x of %d names, %s, fields %d and %d: %s at %d, %d octets", time.Now().Format("05.000"), byte(p.Type), len(names), names[:min(len(names), 2)], p.ErrorStatus, p.ErrorIndex, answer.status, answer.index, len(answer.list))
	}
	asked := p.VarBinds
	p.Type, p.ErrorStatus, p.ErrorIndex, p.VarBinds = snmp.Response, answer.status, int32(answer.index), answer.list
	switch {
	case answer.status == snmp.TooBig && a.version != snmp.V1:
		p.VarBinds = nil
	case answer.status != snmp.NoError:
		p.VarBinds = asked
	}
	return !answer.silent
}

// lawAnswer is an answer that is being made.
type lawAnswer struct {
	agent  *lawAgent
	list   []byte
	count  int
	status snmp.ErrorStatus
	index  int
	silent bool
}

// put adds a binding, and reports whether it fits.
func (w *lawAnswer) put(binding []byte) bool {
	a := w.agent
	if w.count > 0 && (len(w.list)+len(binding) > a.room || (a.bindings > 0 && w.count == a.bindings)) {
		return false
	}
	w.list, w.count = append(w.list, binding...), w.count+1
	return true
}

// fail makes the answer one of an error.
func (w *lawAnswer) fail(status snmp.ErrorStatus, index int) {
	w.status, w.index, w.list = status, index, nil
	w.silent = status == snmp.TooBig && w.agent.full == isSilent
}

// missing is the answer of SNMPv1 where there is no object for one of the names.
func (w *lawAnswer) missing(at int, names []snmp.OID) {
	if w.agent.misnames && len(names) > 1 {
		at = 1
	}
	w.fail(snmp.NoSuchName, at+1)
}

func (w *lawAnswer) get(names []snmp.OID) {
	for i, name := range names {
		binding := snmp.AppendVarBind(nil, snmp.VarBind{Name: name, Type: snmp.NoSuchInstance})
		if at, found := w.agent.find(name); found {
			binding = w.agent.objects[at].binding
		} else if w.agent.version == snmp.V1 {
			w.missing(i, names)
			return
		}
		if !w.put(binding) {
			w.fail(snmp.TooBig, 0)
			return
		}
	}
}

// successor is the binding behind at, named as the agent names it at the end of all.
func (w *lawAnswer) successor(at int, name snmp.OID) []byte {
	if at < len(w.agent.objects) {
		return w.agent.objects[at].binding
	}
	return snmp.AppendVarBind(nil, snmp.VarBind{Name: name, Type: snmp.EndOfMibView})
}

func (w *lawAnswer) next(names []snmp.OID) {
	for i, name := range names {
		at := w.agent.after(name)
		if at == len(w.agent.objects) && w.agent.version == snmp.V1 {
			w.missing(i, names)
			return
		}
		if !w.put(w.successor(at, name)) {
			w.fail(snmp.TooBig, 0)
			return
		}
	}
}

func (w *lawAnswer) bulk(names []snmp.OID, fixed, repetitions int) {
	a := w.agent
	if a.repetitions > 0 {
		repetitions = min(repetitions, a.repetitions)
	}
	names = slices.Clone(names)
	at := make([]int, len(names))
	for i, name := range names {
		at[i] = a.after(name)
	}
	fixed = min(max(fixed, 0), len(names))
	for row := 0; row < max(repetitions, 1); row++ {
		ended := true
		for i, name := range names {
			if (i < fixed && row > 0) || (i >= fixed && repetitions < 1) {
				continue
			}
			if !w.put(w.successor(at[i], name)) {
				if a.full != cuts {
					w.fail(snmp.TooBig, 0)
				}
				return
			}
			if at[i] < len(a.objects) {
				names[i], ended = a.objects[at[i]].name, false
				at[i]++
			}
		}
		if ended {
			return // RFC 3416 section 4.2.3 lets an agent stop once all are at their end
		}
	}
}
