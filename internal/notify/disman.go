package notify

import (
	"math"
	"slices"
	"strconv"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// The objects and notifications of DISMAN-EVENT-MIB (RFC 2981). A raise is always mteTriggerRising, also
// of a rule about too low a value, so that a receiver knows raise from clear by the OID.
var (
	mteTriggerFired   = snmp.MustParseOID("1.3.6.1.2.1.88.2.0.1")
	mteTriggerRising  = snmp.MustParseOID("1.3.6.1.2.1.88.2.0.2")
	mteTriggerFalling = snmp.MustParseOID("1.3.6.1.2.1.88.2.0.3")
	mteHot            = snmp.MustParseOID("1.3.6.1.2.1.88.2.1")
	mteTriggerComment = snmp.MustParseOID("1.3.6.1.2.1.88.1.2.2.1.3")
	sysName           = snmp.MustParseOID("1.3.6.1.2.1.1.5.0")
)

// dismanFormat is that of DISMAN-EVENT-MIB, which has neither severity nor text. Unless only its own objects are wanted,
// objects of other MIBs that have follow them, always the same ones in the same order.
func dismanFormat(names varbind.Names, minimal bool) format {
	return func(e *alarm.Event, _ int) draft {
		d := disman(e, names)
		if d.notification == nil {
			return d
		}
		if !minimal {
			d.notification.VarBinds = append(d.notification.VarBinds, syslogObjects(e)...)
		}
		d.notification.VarBinds = append(d.notification.VarBinds, snmp.VarBind{Name: sysName, Type: snmp.OctetString, Value: []byte(oneLine(e.Alarm.Target, maxSummary))})
		if !minimal {
			d.notification.VarBinds = append(d.notification.VarBinds, triggerComment(e))
		}
		if v, ok := ifNameOf(&e.Alarm); ok && !minimal {
			d.notification.VarBinds = append(d.notification.VarBinds, v)
		}
		d.notification.AddAddress(e.Alarm.Address)
		d.objects = len(d.notification.VarBinds)
		return d
	}
}

// maxTriggerName is the maximum length of mteTriggerName, in octets.
const maxTriggerName = 32

// triggerComment is mteTriggerComment of the rule, without an owner: severity and text, for receivers that read these
// objects only.
func triggerComment(e *alarm.Event) snmp.VarBind {
	severity := e.Alarm.Severity
	if e.Kind == alarm.Clear {
		severity = alarm.Cleared
	}
	name := snmp.AppendArc(slices.Clone(mteTriggerComment), 0)
	for _, octet := range []byte(oneLine(e.Alarm.Rule, maxTriggerName)) {
		name = snmp.AppendArc(name, uint32(octet))
	}
	return snmp.VarBind{Name: name, Type: snmp.OctetString, Value: []byte(oneLine(severity.String()+": "+eventText(e), maxSummary))}
}

func disman(e *alarm.Event, names varbind.Names) draft {
	n := &originator.Notification{Agent: e.Alarm.Address}
	switch e.Kind {
	case alarm.Raise:
		n.Trap = mteTriggerRising
	case alarm.Clear:
		n.Trap = mteTriggerFalling
	case alarm.Test:
		n.Trap = mteTriggerFired
	default:
		return draft{}
	}
	add := func(arc uint32, t snmp.Type, value []byte) {
		name := snmp.AppendArc(snmp.AppendArc(slices.Clone(mteHot), arc), 0)
		n.VarBinds = append(n.VarBinds, snmp.VarBind{Name: name, Type: t, Value: value})
	}
	add(1, snmp.OctetString, []byte(oneLine(e.Alarm.Rule, maxSummary)))
	add(2, snmp.OctetString, []byte(oneLine(e.Alarm.Target, maxSummary)))
	add(3, snmp.OctetString, nil)
	add(4, snmp.ObjectIdentifier, variableOf(&e.Alarm, names))
	add(5, snmp.Integer, snmp.AppendInt(nil, integer32(hotValue(&e.Alarm))))
	return draft{notification: n}
}

// hotValue is the value of the object that an alarm is about, as the device has it if that is known: the alarm may be
// about a measure that was made of the object.
func hotValue(a *alarm.Alarm) string {
	for _, b := range a.VarBinds {
		if _, err := strconv.ParseFloat(b.Value, 64); err == nil && b.Name == a.Variable {
			return b.Value
		}
	}
	return a.Value
}

// integer32 is the value of an alarm as near as an Integer32 comes to it.
func integer32(text string) int64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) {
		return 0
	}
	return int64(math.Round(max(math.MinInt32, min(f, math.MaxInt32))))
}
