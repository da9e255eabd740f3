package notify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// The OIDs that snmp_notifier sends, of its SNMP-NOTIFIER-MIB: one notification for raise and clear, and three objects
// whose names lack the instance 0.
var (
	notifierTrap    = snmp.MustParseOID("1.3.6.1.4.1.98789.1")
	notifierObjects = snmp.MustParseOID("1.3.6.1.4.1.98789.2")
)

// notifierLabel is the label that has another OID for the notification.
const notifierLabel = "oid"

// notifierFormat is the format of snmp_notifier with one alarm in a notification. snmp_notifier itself sends one
// notification for all alerts of a group of Alertmanager.
func notifierFormat(e *alarm.Event, _ int) draft {
	if e.Alarm.ID == "" {
		return draft{}
	}
	n := &originator.Notification{Trap: notifierOID(&e.Alarm), Agent: e.Alarm.Address}
	severity := cmp.Or(e.Alarm.Labels["severity"], "critical")
	description := fmt.Sprintf("1/1 alerts are firing:\n\nStatus: %s\n- Alert: %s\n  Summary: %s\n  Description: %s",
		severity, e.Alarm.Rule, e.Alarm.Summary, e.Alarm.Description)
	if e.Kind == alarm.Clear {
		severity, description = "info", "Status: OK"
	}
	for i, text := range []string{notifierID(n.Trap, &e.Alarm), severity, description} {
		name := snmp.AppendArc(slices.Clone(notifierObjects), uint32(i+1))
		n.VarBinds = append(n.VarBinds, snmp.VarBind{Name: name, Type: snmp.OctetString, Value: []byte(strings.ToValidUTF8(strings.TrimSpace(text), "?"))})
	}
	return draft{notification: n, objects: len(n.VarBinds)}
}

func notifierOID(a *alarm.Alarm) snmp.OID {
	if o, err := varbind.ParseOID(a.Labels[notifierLabel]); err == nil && originator.CheckTrap(o) == nil {
		return o
	}
	return notifierTrap
}

// notifierID returns the text by which a receiver identifies the alarm. It must be the same in the raise and the clear,
// so it is cut at a fixed length, not to fit the message.
func notifierID(trap snmp.OID, a *alarm.Alarm) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		pairs = append(pairs, name+"="+a.Labels[name])
	}
	return oneLine(fmt.Sprintf("%s[%s]", trap, strings.Join(pairs, ",")), maxLabels)
}
