package notify

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/human"
	"trapline/internal/snmp"
)

// SYSLOG-MSG-MIB (RFC 5676) has registered objects for a severity and a text, which DISMAN-EVENT-MIB lacks. The index
// is made of the ID of the alarm, and so the same in its raise and its clear.
var syslogMsgEntry = snmp.MustParseOID("1.3.6.1.2.1.192.1.2.1")

const (
	syslogSeverity = 3
	syslogHostName = 6
	syslogMsgID    = 9
	syslogMsg      = 11
)

// syslogSeverities are by RFC 5674 section 2.
var syslogSeverities = map[alarm.Severity]int64{alarm.Critical: 1, alarm.Major: 2, alarm.Minor: 3, alarm.Warning: 4, alarm.Indeterminate: 5, alarm.Cleared: 5}

// maxMsgID is how many characters syslogMsgMsgID may have.
const maxMsgID = 32

// syslogIndex is a syslogMsgIndex: 31 bits of the ID, and not 0.
func syslogIndex(id string) uint32 {
	n, err := strconv.ParseUint(id[:min(8, len(id))], 16, 32)
	if err != nil {
		h := fnv.New32a()
		_, _ = h.Write([]byte(id))
		n = uint64(h.Sum32())
	}
	return max(1, uint32(n&0x7fffffff))
}

// syslogObject is an instance of a column of syslogMsgTable.
func syslogObject(arc uint32, a *alarm.Alarm, t snmp.Type, value []byte) snmp.VarBind {
	name := snmp.AppendArc(snmp.AppendArc(slices.Clone(syslogMsgEntry), arc), syslogIndex(a.ID))
	return snmp.VarBind{Name: name, Type: t, Value: value}
}

// syslogObjects are severity, host name, msgID and msg of an event.
func syslogObjects(e *alarm.Event) []snmp.VarBind {
	a, severity := &e.Alarm, e.Alarm.Severity
	if e.Kind == alarm.Clear {
		severity = alarm.Cleared
	}
	return []snmp.VarBind{
		syslogObject(syslogSeverity, a, snmp.Integer, snmp.AppendInt(nil, syslogSeverities[severity])),
		syslogObject(syslogHostName, a, snmp.OctetString, []byte(oneLine(a.Target, maxSummary))),
		syslogObject(syslogMsgID, a, snmp.OctetString, []byte(oneLine(a.Rule, maxMsgID))),
		syslogObject(syslogMsg, a, snmp.OctetString, []byte(oneLine(eventText(e), maxSummary))),
	}
}

// eventText returns the summary, and in a clear how long the alarm was active.
func eventText(e *alarm.Event) string {
	text := e.Alarm.Text()
	if e.Kind != alarm.Clear || e.Alarm.RaisedAt.IsZero() || e.At.Before(e.Alarm.RaisedAt) {
		return text
	}
	after := "after " + human.Span(max(1, e.At.Sub(e.Alarm.RaisedAt).Truncate(time.Second).Seconds()))
	if rest, ok := strings.CutPrefix(text, "over: "); ok {
		return "over " + after + ": " + rest
	}
	return text + " " + after
}

// ifName is that of IF-MIB.
var ifName = snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.1")

// ifNameOf is the name of the interface that an alarm is about, as far as its labels say which that is.
func ifNameOf(a *alarm.Alarm) (v snmp.VarBind, ok bool) {
	index, err := strconv.ParseUint(a.Labels["ifIndex"], 10, 31)
	if name := a.Labels["ifName"]; err == nil && name != "" {
		return snmp.VarBind{Name: snmp.AppendArc(slices.Clone(ifName), uint32(index)), Type: snmp.OctetString, Value: []byte(oneLine(name, maxSummary))}, true
	}
	return v, false
}
