package mux

import (
	"net/netip"

	"trapline/internal/snmp"
)

// Packet is a message as Options.Trace sees it: taken apart, and decrypted. Communities and keys are no
// part of it.
type Packet struct {
	Received bool
	Peer     netip.AddrPort
	Size     int // octets on the wire
	Version  snmp.Version
	Header   snmp.Header3 // SNMPv3
	PDU      snmp.ScopedPDU
	Err      error // why a datagram that came is no answer; then nothing below Size is set
}

// traceSentLocked shows an attempt that is about to leave.
func (p *Mux) traceSentLocked(q *Query, id int32, size int) {
	if p.Trace == nil {
		return
	}
	t := q.Peer
	packet := Packet{Peer: t.Address, Size: size, Version: t.version}
	packet.PDU.PDU = pduOf(q, id, &p.list)
	if u := t.v3; u != nil {
		packet.Header.ID = id
		if !q.discovery {
			packet.Header.Flags, packet.Header.EngineID, packet.Header.UserName = u.user.Level(), u.security.EngineID(), []byte(u.user.Name)
			packet.Header.Boots, packet.Header.Time = u.clock.Now(p.Now)
			packet.PDU.ContextEngineID, packet.PDU.ContextName = u.contextEngine, u.contextName
		}
	}
	p.Trace(&packet)
}

func (p *Mux) traceMessage(from netip.AddrPort, size int, m *snmp.Message) {
	if p.Trace == nil {
		return
	}
	packet := Packet{Received: true, Peer: from, Size: size, Version: m.Version}
	packet.PDU.PDU = snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus, ErrorIndex: m.ErrorIndex, VarBinds: m.VarBinds}
	p.Trace(&packet)
}

func (p *Mux) traceOpened(from netip.AddrPort, size int, o *snmp.Opened) {
	if p.Trace != nil {
		p.Trace(&Packet{Received: true, Peer: from, Size: size, Version: snmp.V3, Header: o.Header3, PDU: o.ScopedPDU})
	}
}

func (p *Mux) traceInvalid(from netip.AddrPort, size int, err error) {
	if p.Trace != nil {
		p.Trace(&Packet{Received: true, Peer: from, Size: size, Err: err})
	}
}
