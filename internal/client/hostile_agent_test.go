package client_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"trapline/internal/snmp"
)

// hostileKinds are the ways of agents that mean harm.
var hostileKinds = []string{
	"mutating",  // answers with a few octets changed
	"long",      // columns without an end, of values of 60,000 octets
	"endless",   // columns without an end, of values of 1,200 octets
	"huge",      // thousands of bindings where few were asked for, and lengths of gigabytes
	"slow",      // answers late, over TCP octet by octet
	"flooding",  // thousands of datagrams for one request
	"identity",  // another engine, user, community or version each time
	"circle",    // names that come again and again
	"ids",       // answers to requests that were never made
	"elsewhere", // answers from another port; over TCP the connection ends within one
}

// hostileAgent answers as its kind does.
type hostileAgent struct {
	lawAgent
	kind string

	turn sync.Mutex // several connections may ask at once
	r    *rand.Rand
	n    int // answers so far
}

func newHostileAgent(kind string, version snmp.Version, seed uint64) *hostileAgent {
	h := &hostileAgent{kind: kind, r: rand.New(rand.NewPCG(seed, 29))}
	h.version, h.room, h.boots, h.started = version, 1400, 1, time.Now()
	for o := range changing(40, int(seed%7)).From(oid("1.3"), 0) {
		h.objects = append(h.objects, newLawObject(o))
	}
	if slices.Contains([]string{"long", "endless", "huge", "circle"}, kind) {
		h.instead = h.columnsWithoutEnd
	}
	h.auth(2)
	return h
}

// columnsWithoutEnd answers GETNEXT and GETBULK with names that follow each other in the same column.
func (h *hostileAgent) columnsWithoutEnd(p *snmp.PDU) bool {
	if p.Type == snmp.GetRequest {
		return false
	}
	var names []snmp.OID
	for rest := p.VarBinds; len(rest) > 0; {
		v, tail, err := snmp.CutVarBind(rest)
		if err != nil {
			return false
		}
		names, rest = append(names, slices.Clone(v.Name)), tail
	}
	value, most := make([]byte, 1200), 20_000
	switch h.kind {
	case "long":
		value, most = make([]byte, 60_000), 60_000
	case "huge":
		value, most = nil, 60_000
	case "circle":
		value, most = []byte("x"), 1400
	}
	p.Type, p.ErrorStatus, p.ErrorIndex, p.VarBinds = snmp.Response, snmp.NoError, 0, nil
	for len(p.VarBinds) < most && len(names) > 0 {
		for i := range names {
			names[i] = h.following(names[i])
			p.VarBinds = snmp.AppendVarBind(p.VarBinds, snmp.VarBind{Name: names[i], Type: snmp.OctetString, Value: value})
			if len(p.VarBinds) >= most {
				return true
			}
		}
	}
	return true
}

// following is a name with one more in the place of its last number: in a circle again after ten.
func (h *hostileAgent) following(name snmp.OID) snmp.OID {
	end := len(name) - 1
	for end > 0 && name[end-1] >= 0x80 {
		end--
	}
	last, _, ok := snmp.CutArc(name[end:])
	switch {
	case !ok || len(name) < 12:
		return snmp.AppendArc(slices.Clone(name), 1)
	case h.kind == "circle" && last > 10:
		return snmp.AppendArc(slices.Clone(name[:end]), 1)
	}
	return snmp.AppendArc(slices.Clone(name[:end]), last+1)
}

// messages returns the agent's datagrams for a request.
func (h *hostileAgent) messages(request []byte) (list [][]byte) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if h.kind == "identity" {
		h.changeIdentity()
	}
	answer := h.respond(bytes.Clone(request))
	if h.n++; len(answer) == 0 {
		return nil
	}
	switch h.kind {
	case "mutating":
		for range 1 + h.r.IntN(4) {
			answer[h.r.IntN(len(answer))] = byte(h.r.Uint32())
		}
	case "huge":
		if h.n%5 == 0 {
			answer = append([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, answer...)
		}
	case "flooding":
		for range 1000 + h.r.IntN(1000) {
			stray := bytes.Clone(answer)
			stray[h.r.IntN(len(stray))]++
			list = append(list, stray)
		}
	case "identity":
		if h.n%3 == 0 {
			answer = request // an echo
		}
	case "ids":
		answer = h.otherID(answer)
	}
	return append(list, answer)
}

// changeIdentity makes the agent another engine, or one that began anew.
func (h *hostileAgent) changeIdentity() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shy = h.r.IntN(2) == 0
	switch h.r.IntN(4) {
	case 0:
		id := fmt.Appendf(nil, "\x80\x00\x00\x00\x04%d", h.r.Uint32())
		h.security, _ = lawUsers[h.r.IntN(len(lawUsers))].Localize(id)
		h.nobody, _ = (&snmp.User{}).Localize(id)
	case 1:
		h.boots, h.started = h.r.Int32(), time.Now().Add(-time.Duration(h.r.Int32())*time.Second)
	}
}

func (h *hostileAgent) otherID(answer []byte) []byte {
	if h.version == snmp.V3 {
		answer[12]++ // within the msgID or behind it
		return answer
	}
	m, err := snmp.ParseMessage(answer)
	if err != nil {
		return answer
	}
	m.RequestID = int32(h.r.Uint32() >> 1)
	return snmp.AppendMessage(nil, &m)
}

// serveUDP answers datagrams until the socket is closed.
func (h *hostileAgent) serveUDP(conn, other *net.UDPConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if h.kind == "slow" {
			time.Sleep(700 * time.Millisecond)
		}
		out := conn
		if h.kind == "elsewhere" {
			out = other
		}
		for _, b := range h.messages(buf[:n]) {
			_, _ = out.WriteToUDPAddrPort(b, from)
		}
	}
}

// serveTCP answers messages on connections until the listener is closed.
func (h *hostileAgent) serveTCP(l *net.TCPListener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			buf := make([]byte, 1<<16)
			for {
				n, err := io.ReadAtLeast(conn, buf, 2)
				if err != nil || !h.writeTCP(conn, buf[:n]) {
					return
				}
			}
		}()
	}
}

func (h *hostileAgent) writeTCP(conn net.Conn, request []byte) bool {
	for _, b := range h.messages(request) {
		switch h.kind {
		case "elsewhere":
			_, _ = conn.Write(b[:len(b)/2])
			return false
		case "slow":
			for i := range b {
				if _, err := conn.Write(b[i : i+1]); err != nil {
					return false
				}
				time.Sleep(5 * time.Millisecond)
			}
		default:
			if _, err := conn.Write(b); err != nil {
				return false
			}
		}
	}
	return true
}
