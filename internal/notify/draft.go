package notify

import (
	"slices"
	"unicode/utf8"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
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

// The reasons of faults.
const (
	faultNotification = "unknown_notification" // it was sent in the fallback format
	faultObject       = "unknown_object"
	faultValue        = "bad_value"
	faultCounter64    = "counter64_in_v1"
)

func (f fault) Error() string { return f.err.Error() }

// fit makes the list of variable bindings no larger than limit: it leaves out those behind the objects, the
// last first, then shortens texts, the longest first.
func (d *draft) fit(limit int) {
	for len(d.notification.VarBinds) > d.objects && len(d.notification.EncodeVarBinds()) > limit {
		d.notification.VarBinds = d.notification.VarBinds[:len(d.notification.VarBinds)-1]
		d.trimmed++
	}
	for {
		over := len(d.notification.EncodeVarBinds()) - limit
		if over <= 0 {
			return
		}
		i := d.longestText()
		if i < 0 {
			return
		}
		d.notification.VarBinds = slices.Clone(d.notification.VarBinds)
		text := d.notification.VarBinds[i].Value
		d.notification.VarBinds[i].Value = cutText(text, max(0, len(text)-over))
		d.trimmed++
	}
}

// longestText finds the variable binding with the longest text, -1 without any.
func (d *draft) longestText() int {
	longest := -1
	for i, v := range d.notification.VarBinds {
		if v.Type == snmp.OctetString && len(v.Value) > 0 && (longest < 0 || len(v.Value) > len(d.notification.VarBinds[longest].Value)) {
			longest = i
		}
	}
	return longest
}

// cutText is a text of at most so many octets. No character is cut in two.
func cutText(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	for utf8.Valid(text) && most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// suitV1 removes the variable bindings that SNMPv1 cannot carry (RFC 3584 section 4.2.3): exceptions silently, a
// Counter64 with a fault.
func (d *draft) suitV1() {
	kept := make([]snmp.VarBind, 0, len(d.notification.VarBinds))
	for i, v := range d.notification.VarBinds {
		if v.Type == snmp.Counter64 {
			d.faults = append(d.faults, fault{faultCounter64, &originator.Counter64Error{Name: v.Name}})
		}
		if v.Type != snmp.Counter64 && v.Type != snmp.NoSuchInstance {
			kept = append(kept, v)
		} else if i < d.objects {
			d.objects--
		}
	}
	d.notification.VarBinds = kept
}

var zeroDotZero = snmp.MustParseOID("0.0")

// variableOf returns the OID of the object instance that an alarm is about, or 0.0 if it is unknown.
func variableOf(a *alarm.Alarm, names varbind.Names) snmp.OID {
	if o, err := names.OID(a.Variable); err == nil {
		return o
	}
	return zeroDotZero
}
