package notify

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// format returns the notification of an event. Its list of variable bindings has at most limit octets.
type format func(e *alarm.Event, limit int) draft

// draft is a notification and the parts that it lacks.
type draft struct {
	notification *originator.Notification // nil: the format has none for such an event
	objects      int                      // how many of its variable bindings have their place and stay
	timed        bool                     // the rule says its SysUpTime
	trimmed      int                      // labels, texts and variable bindings cut away so that it fits
	faults       []fault                  // parts of the rule that could not be sent as written
}

// fault is a part of a rule that could not be sent as written. The reason is the label value in metrics.
type fault struct {
	reason string
	err    error
}

func (f fault) Error() string { return f.err.Error() }

// formats are the values of `format` other than template.
var formats = map[string]func(r *ReceiverSettings, c *Dependencies) format{
	"alarm":         newAlarmFormat,
	"disman":        func(r *ReceiverSettings, c *Dependencies) format { return dismanFormat(c.Names, r.Objects == minimal) },
	"snmp-notifier": func(*ReceiverSettings, *Dependencies) format { return notifierFormat },
}

const formatTemplate = "template"

func formatNames() []string { return append(slices.Sorted(maps.Keys(formats)), formatTemplate) }

// newFormat makes the format of a receiver.
func newFormat(r *ReceiverSettings, c *Dependencies) format {
	if name := r.formatName(c.Settings); name != formatTemplate {
		return formats[name](r, c)
	}
	return templateFormat(c.Names, formats[r.fallbackName(c.Settings)](r, c))
}

func newAlarmFormat(r *ReceiverSettings, c *Dependencies) format {
	if r.Profile == compact {
		return compactFormat(c.Settings.EnterpriseOID.OID, c.Names)
	}
	return alarmFormat(c.Settings.EnterpriseOID.OID, c.Names)
}

// notificationArcs are the last numbers of the notifications of TRAPLINE-MIB.
var notificationArcs = map[alarm.Kind]uint32{alarm.Raise: 1, alarm.Clear: 2, alarm.Change: 3, alarm.Heartbeat: 4, alarm.Resync: 5, alarm.Test: 6}

// How many octets the texts of an alarm may have.
const (
	maxName     = 64
	maxResource = 128
	maxNumber   = 24
	maxSummary  = 255
	maxLabels   = 512
)

// alarmFormat is that of TRAPLINE-MIB below an enterprise: every notification of an alarm has the same
// objects in the same order.
func alarmFormat(enterprise snmp.OID, names Names) format {
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
func compactFormat(enterprise snmp.OID, names Names) format {
	whole := alarmFormat(enterprise, names)
	return func(e *alarm.Event, _ int) draft {
		short := *e
		a := &short.Alarm
		a.Rule, a.Target = oneLine(a.Rule, 24), oneLine(a.Target, 24)
		a.Resource, a.Summary, a.Reason = oneLine(a.Resource, 32), oneLine(a.Text(), 48), ""
		a.Description = ""
		d := whole(&short, math.MaxInt)
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
	names Names
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
	b.add(11, snmp.ObjectIdentifier, b.names.variable(a))
	b.text(12, a.Value, maxNumber)
	b.text(13, a.Condition, maxNumber)
	b.add(14, snmp.OctetString, dateAndTime(e.At))
	b.add(15, snmp.OctetString, dateAndTime(a.RaisedAt))
	b.add(16, snmp.Gauge32, snmp.AppendUint(nil, uint64(e.Repeat)))
	b.text(17, summary, maxSummary)
	b.text(18, labels, maxLabels)
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
	b.add(14, snmp.OctetString, dateAndTime(e.At))
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

var zeroDotZero = snmp.MustParseOID("0.0")

// variable returns the OID of the object instance that an alarm is about, or 0.0 if it is unknown.
func (n Names) variable(a *alarm.Alarm) snmp.OID {
	if o, err := n.OID(a.Variable); err == nil {
		return o
	}
	return zeroDotZero
}

// The objects and notifications of DISMAN-EVENT-MIB (RFC 2981). A raise is always mteTriggerRising, also
// of a rule about too low a value, so that a receiver knows raise from clear by the OID.
var (
	mteTriggerFired   = snmp.MustParseOID("1.3.6.1.2.1.88.2.0.1")
	mteTriggerRising  = snmp.MustParseOID("1.3.6.1.2.1.88.2.0.2")
	mteTriggerFalling = snmp.MustParseOID("1.3.6.1.2.1.88.2.0.3")
	mteHot            = snmp.MustParseOID("1.3.6.1.2.1.88.2.1")
	sysName           = snmp.MustParseOID("1.3.6.1.2.1.1.5.0")
)

// dismanFormat is that of DISMAN-EVENT-MIB, which has neither severity nor text. Unless only its own objects are wanted,
// objects of other MIBs that have follow them, always the same ones in the same order.
func dismanFormat(names Names, minimal bool) format {
	return func(e *alarm.Event, _ int) draft {
		d := disman(e, names)
		if d.notification == nil {
			return d
		}
		if !minimal {
			d.notification.VarBinds = append(d.notification.VarBinds, syslogObjects(e)...)
		}
		d.notification.VarBinds = append(d.notification.VarBinds, snmp.VarBind{Name: sysName, Type: snmp.OctetString, Value: []byte(oneLine(e.Alarm.Target, maxSummary))})
		if v, ok := ifNameOf(&e.Alarm); ok && !minimal {
			d.notification.VarBinds = append(d.notification.VarBinds, v)
		}
		d.notification.AddAddress(e.Alarm.Address)
		d.objects = len(d.notification.VarBinds)
		return d
	}
}

func disman(e *alarm.Event, names Names) draft {
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
	add(4, snmp.ObjectIdentifier, names.variable(&e.Alarm))
	add(5, snmp.Integer, snmp.AppendInt(nil, integer32(e.Alarm.Value)))
	return draft{notification: n}
}

// integer32 is the value of an alarm as near as an Integer32 comes to it.
func integer32(text string) int64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) {
		return 0
	}
	return int64(math.Round(max(math.MinInt32, min(f, math.MaxInt32))))
}

// dateAndTime is a DateAndTime of SNMPv2-TC in UTC.
func dateAndTime(t time.Time) []byte {
	t = t.UTC()
	return []byte{byte(t.Year() >> 8), byte(t.Year()), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()),
		byte(t.Nanosecond() / 1e8), '+', 0, 0}
}

// oneLine is text without line breaks and other controls, in valid UTF-8 of at most so many octets.
func oneLine(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// more stands where labels were left out.
const more = ";…"

// labelsText returns as many whole pairs as fit, sorted, and the number of those that do not.
func labelsText(labels map[string]string, most int) (text string, left int) {
	names := slices.Sorted(maps.Keys(labels))
	for i, name := range names {
		pair := name + "=" + labels[name]
		if i > 0 {
			pair = ";" + pair
		}
		room := most - len(text)
		if i < len(names)-1 {
			room -= len(more)
		}
		if len(pair) > room {
			if left = len(names) - i; len(text)+len(more) <= most {
				text += more
			}
			return text, left
		}
		text += pair
	}
	return text, 0
}
