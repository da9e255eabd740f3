package client

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
func (p *pipe) traceSentLocked(q *query, id int32, size int) {
	if p.trace == nil {
		return
	}
	t := q.peer
	packet := Packet{Peer: t.address, Size: size, Version: t.version}
	packet.PDU.PDU = pduOf(q, id, &p.list)
	if u := t.v3; u != nil {
		packet.Header.ID = id
		if !q.discovery {
			packet.Header.Flags, packet.Header.EngineID, packet.Header.UserName = u.user.Level(), u.security.EngineID(), []byte(u.user.Name)
			packet.Header.Boots, packet.Header.Time = u.clock.Now(p.now)
			packet.PDU.ContextEngineID, packet.PDU.ContextName = u.contextEngine, u.contextName
		}
	}
	p.trace(&packet)
}

func (p *pipe) traceMessage(from netip.AddrPort, size int, m *snmp.Message) {
	if p.trace == nil {
		return
	}
	packet := Packet{Received: true, Peer: from, Size: size, Version: m.Version}
	packet.PDU.PDU = snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus, ErrorIndex: m.ErrorIndex, VarBinds: m.VarBinds}
	p.trace(&packet)
}

func (p *pipe) traceOpened(from netip.AddrPort, size int, o *snmp.Opened) {
	if p.trace != nil {
		p.trace(&Packet{Received: true, Peer: from, Size: size, Version: snmp.V3, Header: o.Header3, PDU: o.ScopedPDU})
	}
}

func (p *pipe) traceStrange(from netip.AddrPort, size int, err error) {
	if p.trace != nil {
		p.trace(&Packet{Received: true, Peer: from, Size: size, Err: err})
	}
}
