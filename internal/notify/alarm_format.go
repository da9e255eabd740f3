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
	for arc := range uint32(summaryArc) {
		if arc > 0 {
			b.own(arc, e)
		}
	}
	b.text(summaryArc, summary, maxSummary)
	b.text(labelsArc, labels, maxLabels)
	if e.Kind == alarm.Acked {
		b.own(ackByArc, e)
		b.own(ackCommentArc, e)
	}
	if description != "" {
		b.text(descriptionArc, description, maxSummary)
	}
	if four := e.Alarm.Address.Unmap(); four.Is4() {
		b.list = append(b.list, snmp.VarBind{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: four.AsSlice()})
	}
	return b.list
}

func (b *objects) own(arc uint32, e *alarm.Event) {
	t, value := AlarmObject(arc, e, b.names)
	b.add(arc, t, value)
}

// The numbers of objects that notifications have cut to their room, or only some notifications have.
const summaryArc, labelsArc, descriptionArc, ackByArc, ackCommentArc = 17, 18, 22, 23, 24

// AlarmObject returns the value of an object of TRAPLINE-MIB by its number in an event of an alarm. Texts are cut to the
// bounds of the MIB; notifications without room for them have less.
func AlarmObject(arc uint32, e *alarm.Event, names varbind.Names) (snmp.Type, []byte) {
	if text, most := alarmText(arc, e); most > 0 {
		return snmp.OctetString, []byte(oneLine(text, most))
	}
	a := &e.Alarm
	state, severity := int64(stateActive), a.Severity
	if e.Kind == alarm.Clear {
		state, severity = stateCleared, alarm.Cleared
	}
	switch arc {
	case 3:
		return snmp.Integer, snmp.AppendInt(nil, state)
	case 4:
		return snmp.Integer, snmp.AppendInt(nil, int64(severity))
	case 7:
		return snmp.Integer, snmp.AppendInt(nil, addressType(a.Address))
	case 8:
		return snmp.OctetString, a.Address.Unmap().WithZone("").AsSlice()
	case 11:
		return snmp.ObjectIdentifier, variableOf(a, names)
	case 14:
		return snmp.OctetString, varbind.DateAndTime(e.At)
	case 15:
		return snmp.OctetString, varbind.DateAndTime(a.RaisedAt)
	case 16:
		return snmp.Gauge32, snmp.AppendUint(nil, uint64(e.Repeat))
	}
	return snmp.Null, nil
}

// alarmText returns the text of an object and its maximum size, which is 0 if the object is no text.
func alarmText(arc uint32, e *alarm.Event) (text string, most int) {
	a := &e.Alarm
	ack := a.Ack
	if ack == nil {
		ack = &alarm.Ack{}
	}
	switch arc {
	case 1:
		return a.ID, maxName
	case 2:
		return e.ID, maxName
	case 5:
		return a.Rule, maxName
	case 6:
		return a.Target, maxName
	case 9:
		return a.Resource, maxResource
	case 10:
		return a.Metric, maxName
	case 12:
		return a.Value, maxNumber
	case 13:
		return a.Condition, maxNumber
	case summaryArc:
		return a.Text(), maxSummary
	case labelsArc:
		labels, _ := labelsText(a.Labels, maxLabels)
		return labels, maxLabels
	case descriptionArc:
		return a.Description, maxSummary
	case ackByArc:
		return ack.By, maxName
	case ackCommentArc:
		return ack.Comment, maxSummary
	}
	return "", 0
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

// addressType returns the InetAddressType of an address (RFC 4001).
func addressType(a netip.Addr) int64 {
	a = a.Unmap()
	switch {
	case a.Is4():
		return 1
	case a.Is6():
		return 2
	}
	return 0 // unknown
}
