package client

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// virtualNet is a network with one agent behind it, all in memory. In a bubble of testing/synctest its
// time passes at once.
type virtualNet struct {
	r     *rand.Rand
	agent *virtualAgent
	inbox chan mux.Datagram

	mu                  sync.Mutex
	closed              bool
	requests            int
	flying, most        int // requests that were not answered yet, and the most of them at once
	loss, twice, forged float64
	latency, jitter     time.Duration
}

var virtualPeer = netip.MustParseAddrPort("192.0.2.1:161")

func (n *virtualNet) open(mux.LocalBinding) (mux.Socket, error) { return n, nil }

// virtualEngine is the engine itself but for its sockets.
func virtualEngine(n *virtualNet) (*Client, *Target) {
	n.inbox = make(chan mux.Datagram, 1<<14)
	e := New(Options{})
	e.mux.Open = n.open
	x, err := e.Target(Spec{Address: virtualPeer.String()})
	if err != nil {
		panic(err)
	}
	return e, x
}

func (n *virtualNet) Receive(take func([]mux.Datagram)) error {
	for d := range n.inbox {
		batch := []mux.Datagram{d}
		for more := true; more && len(batch) < mux.BatchSize; {
			select {
			case d, ok := <-n.inbox:
				if more = ok; ok {
					batch = append(batch, d)
				}
			default:
				more = false
			}
		}
		take(batch)
	}
	return net.ErrClosed
}

func (n *virtualNet) Send(batch []mux.Datagram) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range batch {
		n.requests++
		n.flying++
		n.most = max(n.most, n.flying)
		request := bytes.Clone(d.Data)
		for range n.copies() {
			time.AfterFunc(n.delay(), func() { n.arrive(request) })
		}
	}
	return len(batch), nil
}

// change does something to the agent while nothing arrives there.
func (n *virtualNet) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// arrive handles a request at the agent.
func (n *virtualNet) arrive(request []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	response := n.agent.respond(request)
	if response == nil {
		return
	}
	if n.r.Float64() < n.forged {
		n.deliver(n.forge(response))
	}
	for range n.copies() {
		n.deliver(mux.Datagram{Data: response, Peer: virtualPeer})
	}
}

// forge is an answer that a stranger makes up: from elsewhere, or with an id that nobody asked with.
func (n *virtualNet) forge(response []byte) mux.Datagram {
	m, _ := snmp.ParseMessage(bytes.Clone(response))
	m.VarBinds = snmp.AppendVarBind(nil, snmp.VarBind{Name: append(bytes.Clone(testColumn), 0x7f), Type: snmp.Integer, Value: []byte{9}})
	if n.r.IntN(2) == 0 {
		return mux.Datagram{Data: snmp.AppendMessage(nil, &m), Peer: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.66"), 161)}
	}
	m.RequestID = int32(n.r.Uint32() & mux.IDMask)
	return mux.Datagram{Data: snmp.AppendMessage(nil, &m), Peer: virtualPeer}
}

func (n *virtualNet) deliver(d mux.Datagram) {
	time.AfterFunc(n.delay(), func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.flying--; !n.closed {
			n.inbox <- mux.Datagram{Data: bytes.Clone(d.Data), Peer: d.Peer}
		}
	})
}

func (n *virtualNet) copies() int {
	switch x := n.r.Float64(); {
	case x < n.loss:
		return 0
	case x < n.loss+n.twice:
		return 2
	}
	return 1
}

func (n *virtualNet) delay() time.Duration {
	d := n.latency
	if n.jitter > 0 {
		d += time.Duration(n.r.Int64N(int64(n.jitter)))
	}
	return d
}

func (n *virtualNet) SocketErrors(func(netip.AddrPort, error)) {}
func (n *virtualNet) Load() (int, uint64)                      { return 1 << 24, 0 }

func (n *virtualNet) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed { // it may have been opened twice
		n.closed = true
		close(n.inbox)
	}
}

// virtualAgent answers by a successor function, in one of many ways.
type virtualAgent struct {
	next   successor
	names  *[]snmp.OID           // answers GET, where it is set
	before func()                // is called before each binding that it answers with
	size   int                   // octets of bindings that it puts into one answer, as a rule
	count  int                   // bindings likewise; 0 means no limit
	tooBig bool                  // it says so where others cut the answer short
	silent bool                  // or says nothing
	broken func(snmp.OID) bool   // instances that it cannot give
	value  func(snmp.OID) []byte // nil means 1 everywhere

	octets func(snmp.OID) []byte // likewise, OCTET STRINGs

	upsets  func(snmp.OID) bool // names that it does not answer to in a request
	garbage []byte              // the datagram it sends then; may be nil
	answers int                 // after so many it falls silent; 0 means never
	given   int

	version snmp.Version    // of the last request
	asked   map[string]bool // the names in requests, where somebody wants to know
}

func (a *virtualAgent) respond(request []byte) []byte {
	m, err := snmp.ParseMessage(request)
	if err != nil {
		return nil
	}
	a.version = m.Version
	if a.given++; a.answers > 0 && a.given > a.answers {
		return nil
	}
	for rest := m.VarBinds; a.upsets != nil && len(rest) > 0; {
		var v snmp.VarBind
		if rest, _ = snmp.NextVarBind(rest, &v); a.upsets(v.Name) {
			return a.garbage
		}
	}
	status, index, list, ok := a.bindings(&m)
	if !ok {
		return nil
	}
	m.PDU, m.ErrorStatus, m.ErrorIndex, m.VarBinds = snmp.Response, status, index, list
	return snmp.AppendMessage(nil, &m)
}

func (a *virtualAgent) bindings(m *snmp.Message) (status snmp.ErrorStatus, index int32, list []byte, ok bool) {
	var names []snmp.OID
	for rest := m.VarBinds; len(rest) > 0; {
		var v snmp.VarBind
		rest, _ = snmp.NextVarBind(rest, &v)
		names = append(names, bytes.Clone(v.Name))
		if a.asked != nil {
			a.asked[v.Name.String()] = true
		}
	}
	repetitions, fixed := 1, 0
	if m.PDU == snmp.GetBulkRequest {
		repetitions, fixed = int(m.ErrorIndex), int(m.ErrorStatus)
	}
	count := 0
	for row := range max(repetitions, 1) {
		for i, name := range names {
			if i < fixed && row > 0 {
				continue
			}
			v, failed := a.after(name)
			if m.PDU == snmp.GetRequest {
				v, failed = a.at(name), false
			}
			if failed {
				return snmp.GenErr, int32(i + 1), m.VarBinds, true
			}
			if v.Type == snmp.EndOfMibView && m.Version == snmp.V1 {
				return snmp.NoSuchName, int32(i + 1), m.VarBinds, true
			}
			longer := snmp.AppendVarBind(list, v)
			if count++; count > 1 && (len(longer) > a.size || (a.count > 0 && count > a.count)) {
				switch {
				case a.silent:
					return 0, 0, nil, false
				case a.tooBig || m.PDU != snmp.GetBulkRequest:
					return snmp.TooBig, 0, nil, true
				}
				return snmp.NoError, 0, list, true
			}
			list, names[i] = longer, v.Name
		}
	}
	return snmp.NoError, 0, list, true
}

// at is the answer to GET.
func (a *virtualAgent) at(name snmp.OID) snmp.VarBind {
	if a.names != nil {
		if _, found := slices.BinarySearchFunc(*a.names, name, snmp.OID.Compare); found {
			return snmp.VarBind{Name: name, Type: snmp.Integer, Value: []byte{1}}
		}
	}
	return snmp.VarBind{Name: name, Type: snmp.NoSuchInstance}
}

func (a *virtualAgent) after(name snmp.OID) (v snmp.VarBind, failed bool) {
	if a.before != nil {
		a.before()
	}
	n := a.next(name)
	if n == nil {
		return snmp.VarBind{Name: name, Type: snmp.EndOfMibView}, false
	}
	if a.broken != nil && a.broken(n) {
		return snmp.VarBind{}, true
	}
	v = snmp.VarBind{Name: n, Type: snmp.Integer, Value: []byte{1}}
	if a.octets != nil {
		v.Type, v.Value = snmp.OctetString, a.octets(n)
	}
	if a.value != nil {
		v.Type, v.Value = snmp.TimeTicks, a.value(n)
	}
	return v, false
}

// lexicographic is the successor function of a sorted list that may change between two calls.
func lexicographic(names *[]snmp.OID) successor {
	return func(o snmp.OID) snmp.OID {
		at, found := slices.BinarySearchFunc(*names, o, snmp.OID.Compare)
		if found {
			at++
		}
		if at == len(*names) {
			return nil
		}
		return (*names)[at]
	}
}
