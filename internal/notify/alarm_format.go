package notify

import (
	"math"
	"net/netip"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// notificationArcs are the last numbers of the notifications of TRAPLINE-MIB.
var notificationArcs = map[alarm.Kind]uint32{alarm.Raise: 1, alarm.Clear: 2, alarm.Change: 3, alarm.Heartbeat: 4, alarm.Resync: 5, alarm.Test: 6, alarm.Acked: 8}

// alarmFormat is that of TRAPLINE-MIB below an enterprise: every notification of an alarm has the same
// objects in the same order.
func alarmFormat(enterprise snmp.OID, names varbind.Names) format {
	base := snmp.AppendArc(slices.Clone(enterprise), 1)
	return func(e *alarm.Event, limit int) draft {
		b := objects{base: base, names: names}
		n := &originator.Notification{Trap: b.notification(notificationArcs[e.Kind])}
		if e.Alarm.ID == "" {
			n.VarBinds = b.ofProcess(e)
			return draft{notification: n, objects: len(n.VarBinds)}
		}
		labels, trimmed := labelsText(e.Alarm.Labels, maxLabels)
		summary, description := oneLine(e.Alarm.Text(), maxSummary), oneLine(e.Alarm.Description, maxSummary)
		n.VarBinds = b.ofAlarm(e, summary, labels, description)
		if over := len(n.EncodeVarBinds()) - limit; over > 0 && description != "" {
			description = oneLine(description, max(0, len(description)-over))
			trimmed++
			n.VarBinds = b.ofAlarm(e, summary, labels, description)
		}
		if over := len(n.EncodeVarBinds()) - limit; over > 0 {
			var more int
			labels, more = labelsText(e.Alarm.Labels, max(0, len(labels)-over))
			trimmed = max(trimmed, more)
			n.VarBinds = b.ofAlarm(e, summary, labels, description)
		}
		if over := len(n.EncodeVarBinds()) - limit; over > 0 {
			n.VarBinds = b.ofAlarm(e, oneLine(summary, max(1, len(summary)-over)), labels, description)
			trimmed++
		}
		n.Agent = e.Alarm.Address
		return draft{notification: n, objects: len(n.VarBinds), trimmed: trimmed}
	}
}

// AlarmObjects returns the function that makes the objects of an event as the format alarm has them.
func AlarmObjects(enterprise snmp.OID, names varbind.Names) func(*alarm.Event) []snmp.VarBind {
	format := alarmFormat(enterprise, names)
	return func(e *alarm.Event) []snmp.VarBind { return format(e, math.MaxInt).notification.VarBinds }
}

// compactFormat is alarmFormat with nine of its objects, and short texts: by SNMPv2c with a community of 16
// octets or less it fits the 484 octets that every receiver takes (RFC 3417 section 3.2).
func compactFormat(enterprise snmp.OID, names varbind.Names) format {
	full := alarmFormat(enterprise, names)
	return func(e *alarm.Event, _ int) draft {
		short := *e
		a := &short.Alarm
		a.Rule, a.Target = oneLine(a.Rule, 24), oneLine(a.Target, 24)
		a.Resource, a.Summary, a.Reason = oneLine(a.Resource, 32), oneLine(a.Text(), 48), ""
		a.Description = ""
		d := full(&short, math.MaxInt)
		if a.ID != "" {
			v := d.notification.VarBinds
			d.notification.VarBinds = slices.Concat(v[:6], []snmp.VarBind{v[8], v[13], v[16]}, v[18:])
			d.objects = len(d.notification.VarBinds)
		}
		return d
	}
}

// objects makes the variable bindings below base, numbered from 1.
type objects struct {
	base  snmp.OID
	names varbind.Names
	list  []snmp.VarBind
}

func (b *objects) notification(arc uint32) snmp.OID {
	return snmp.AppendArc(snmp.AppendArc(slices.Clone(b.base), 0), arc)
}

// add adds the object of that number.
func (b *objects) add(arc uint32, t snmp.Type, value []byte) {
	name := snmp.AppendArc(snmp.AppendArc(snmp.AppendArc(slices.Clone(b.base), 1), arc), 0)
	b.list = append(b.list, snmp.VarBind{Name: name, Type: t, Value: value})
}

func (b *objects) text(arc uint32, text string, most int) {
	b.add(arc, snmp.OctetString, []byte(oneLine(text, most)))
}

// The values of alarmState.
const stateCleared, stateActive = 1, 2

func (b *objects) ofAlarm(e *alarm.Event, summary, labels, description string) []snmp.VarBind {
	b.list = nil
	a := &e.Alarm
	state, severity := int64(stateActive), a.Severity
	if e.Kind == alarm.Clear {
		state, severity = stateCleared, alarm.Cleared
	}
	b.text(1, a.ID, maxName)
	b.text(2, e.ID, maxName)
	b.add(3, snmp.Integer, snmp.AppendInt(nil, state))
	b.add(4, snmp.Integer, snmp.AppendInt(nil, int64(severity)))
	b.text(5, a.Rule, maxName)
	b.text(6, a.Target, maxName)
	b.address(7, 8, a.Address)
	b.text(9, a.Resource, maxResource)
	b.text(10, a.Metric, maxName)
	b.add(11, snmp.ObjectIdentifier, variableOf(a, b.names))
	b.text(12, a.Value, maxNumber)
	b.text(13, a.Condition, maxNumber)
	b.add(14, snmp.OctetString, varbind.DateAndTime(e.At))
	b.add(15, snmp.OctetString, varbind.DateAndTime(a.RaisedAt))
	b.add(16, snmp.Gauge32, snmp.AppendUint(nil, uint64(e.Repeat)))
	b.text(17, summary, maxSummary)
	b.text(18, labels, maxLabels)
	if e.Kind == alarm.Acked {
		ack := a.Ack
		if ack == nil {
			ack = &alarm.Ack{}
		}
		b.text(23, ack.By, maxName)
		b.text(24, ack.Comment, maxSummary)
	}
	if description != "" {
		b.text(22, description, maxSummary)
	}
	if four := a.Address.Unmap(); four.Is4() {
		b.list = append(b.list, snmp.VarBind{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: four.AsSlice()})
	}
	return b.list
}

// ofProcess returns the variable bindings of a notification that is about the process, not about an alarm.
func (b *objects) ofProcess(e *alarm.Event) []snmp.VarBind {
	b.text(2, e.ID, maxName)
	b.add(14, snmp.OctetString, varbind.DateAndTime(e.At))
	b.add(19, snmp.Gauge32, snmp.AppendUint(nil, uint64(e.Active)))
	b.add(20, snmp.Gauge32, snmp.AppendUint(nil, uint64(e.Queued)))
	b.add(21, snmp.Gauge32, snmp.AppendUint(nil, uint64(e.Dropped)))
	return b.list
}

// address adds an InetAddressType and an InetAddress (RFC 4001).
func (b *objects) address(typeArc, arc uint32, a netip.Addr) {
	a = a.Unmap().WithZone("")
	kind := int64(0) // unknown
	switch {
	case a.Is4():
		kind = 1
	case a.Is6():
		kind = 2
	}
	b.add(typeArc, snmp.Integer, snmp.AppendInt(nil, kind))
	b.add(arc, snmp.OctetString, a.AsSlice())
}
