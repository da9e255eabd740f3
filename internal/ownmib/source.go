package ownmib

import (
	"slices"
	"time"

	"trapline/internal/agent"
	"trapline/internal/originator"
	"trapline/internal/outbox/standing"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// Source is the state of which an agent has objects.
type Source struct {
	Version    string
	Name       string               // of the host
	Identity   *originator.Identity // our engine
	Enterprise snmp.OID             // below which TRAPLINE-MIB lies; nil: there are no tables
	Names      varbind.Names        // of objects
	Alarms     func() []standing.Standing
	Receivers  func() []standing.ReceiverState
}

var (
	system     = snmp.MustParseOID("1.3.6.1.2.1.1")
	snmpEngine = snmp.MustParseOID("1.3.6.1.6.3.10.2.1")
	noProduct  = snmp.MustParseOID("0.0")
)

const (
	// services are those of a host with applications (RFC 1213: 2^(7-1) + 2^(4-1)).
	services = 72
	// maxMessage is the largest message that is received.
	maxMessage = 65507
)

func below(o snmp.OID, arcs ...uint32) snmp.OID {
	o = slices.Clip(o)
	for _, arc := range arcs {
		o = snmp.AppendArc(o, arc)
	}
	return o
}

// objects returns all objects as they are at a time.
func (s *Source) objects(now time.Time) agent.Objects {
	groups := parts{s.system(), s.engine(now)}
	if s.Enterprise != nil {
		groups = append(groups, s.alarms(), s.receivers())
	}
	groups = slices.DeleteFunc(groups, func(o agent.Objects) bool { return o.Len() == 0 })
	slices.SortFunc(groups, func(a, b agent.Objects) int { return a.Name(0).Compare(b.Name(0)) })
	return groups
}

// system returns the group system.
func (s *Source) system() agent.Objects {
	var b agent.Builder
	product := noProduct
	if s.Enterprise != nil {
		product = below(s.Enterprise, productArcs...)
	}
	b.Text(below(system, 1, 0), "Trapline "+s.Version)
	b.ObjectID(below(system, 2, 0), product)
	b.Grow(below(system, 3, 0), snmp.TimeTicks, agent.Growth{Rate: 100})
	b.Text(below(system, 4, 0), "")
	b.Text(below(system, 5, 0), s.Name)
	b.Text(below(system, 6, 0), "")
	b.Int(below(system, 7, 0), services)
	return b.Recording()
}

// engine returns the group snmpEngine (RFC 3411). Its time goes on with that of the process.
func (s *Source) engine(now time.Time) agent.Objects {
	var b agent.Builder
	boots, seconds, err := s.Identity.Clock(now)
	if err != nil { // the boots cannot be stored, so no message of SNMPv3 is sent
		return b.Recording()
	}
	started := int64(seconds) - int64(s.Identity.Uptime(now)/100)
	b.Add(below(snmpEngine, 1, 0), snmp.OctetString, s.Identity.ID)
	b.Int(below(snmpEngine, 2, 0), int64(boots))
	b.Grow(below(snmpEngine, 3, 0), snmp.Integer, agent.Growth{Start: uint64(started), Rate: 1})
	b.Int(below(snmpEngine, 4, 0), maxMessage)
	return b.Recording()
}
