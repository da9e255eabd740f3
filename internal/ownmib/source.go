package ownmib

import (
	"cmp"
	"slices"
	"time"

	"trapline/internal/agent"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/snmp"
)

// Source is the state of which an agent has objects.
type Source struct {
	Version    string
	Name       string               // of the host
	Identity   *originator.Identity // our engine
	Enterprise snmp.OID             // below which TRAPLINE-MIB lies; nil: there are no tables
	// AlarmObjects returns the objects of an event as notifications have them.
	AlarmObjects func(*alarm.Event) []snmp.VarBind
	Alarms       func() []outbox.Standing
	Receivers    func() []outbox.ReceiverState
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
func (s *Source) objects(now time.Time) *agent.Recording {
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
	if s.Enterprise != nil {
		s.alarms(&b)
		s.receivers(&b)
	}
	s.engine(&b, now)
	return b.Recording()
}

// engine adds the group snmpEngine (RFC 3411). Its time goes on with that of the process.
func (s *Source) engine(b *agent.Builder, now time.Time) {
	boots, seconds, err := s.Identity.Clock(now)
	if err != nil { // the boots cannot be stored, so no message of SNMPv3 is sent
		return
	}
	started := int64(seconds) - int64(s.Identity.Uptime(now)/100)
	b.Add(below(snmpEngine, 1, 0), snmp.OctetString, s.Identity.ID)
	b.Int(below(snmpEngine, 2, 0), int64(boots))
	b.Grow(below(snmpEngine, 3, 0), snmp.Integer, agent.Growth{Start: uint64(started), Rate: 1})
	b.Int(below(snmpEngine, 4, 0), maxMessage)
}

// row is a row of a table.
type row struct {
	index uint32
	cells []snmp.VarBind // by number of the column, the name not set
}

// add adds rows column by column, which is the order of their names.
func add(b *agent.Builder, entry snmp.OID, columns []uint32, rows []row) {
	for at, column := range columns {
		prefix := below(entry, column)
		for i := range rows {
			v := &rows[i].cells[at]
			b.Add(snmp.AppendArc(slices.Clip(prefix), rows[i].index), v.Type, v.Value)
		}
	}
}

// number numbers rows by the number of the raise. Alarms without one have numbers from oldNumbers on, which follow from
// their IDs.
func number(list []outbox.Standing) []row {
	rows := make([]row, len(list))
	order := make([]int, len(list))
	taken := make(map[uint32]bool, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(list[i].Alarm.ID, list[j].Alarm.ID) })
	for _, i := range order {
		index := uint32(list[i].Alarm.Number)
		if index == 0 {
			index = oldNumbers | hash(list[i].Alarm.ID)
		}
		for taken[index] || index == 0 {
			index++
		}
		taken[index] = true
		rows[i].index = index
	}
	return rows
}
