package notify

import (
	"fmt"
	"strconv"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// keyOf is what receivers of a format know an alarm by, and whether the format has changes.
type keyOf func(*alarm.Alarm) (key string, changes bool)

// formatKeys are those of the formats: what an alarm is known by is what its notifications show. Others show its ID.
var formatKeys = map[string]func(Names) keyOf{
	"disman":        dismanKey,
	"snmp-notifier": func(Names) keyOf { return notifierKey },
}

// newKey is what a receiver knows alarms by, and a name for that.
func newKey(r *ReceiverSettings, c *Dependencies) (key keyOf, scheme string) {
	if kinds[r.Type].url {
		return outbox.ByID, ""
	}
	of := func(format string) keyOf {
		if make := formatKeys[format]; make != nil {
			return make(c.Names)
		}
		return outbox.ByID
	}
	name := r.formatName(c.Settings)
	if name != formatTemplate {
		return of(name), schemeOf(name)
	}
	fallback := r.fallbackName(c.Settings)
	return templateKey(c.Names, of(fallback)), name + " " + schemeOf(fallback)
}

// schemeOf is empty for the formats that show the alarm's ID.
func schemeOf(format string) string {
	if formatKeys[format] == nil {
		return ""
	}
	return format
}

// hashed makes a key of a bounded length.
func hashed(parts ...string) string {
	labels := map[string]string{}
	for i, part := range parts {
		labels[strconv.Itoa(i)] = part
	}
	return alarm.ID("", "key", "", labels)
}

// dismanKey is mteHotTrigger, mteHotTargetName and mteHotOID.
func dismanKey(names Names) keyOf {
	return func(a *alarm.Alarm) (string, bool) {
		return hashed("disman", oneLine(a.Rule, maxSummary), oneLine(a.Target, maxSummary), names.variable(a).String()), false
	}
}

// notifierKey is the OID of the trap, and the labels.
func notifierKey(a *alarm.Alarm) (string, bool) {
	return hashed("snmp-notifier", notifierID(notifierOID(a), a)), true
}

// templateKey is the notification that a rule names, its instance and the device: linkDown of a port and linkUp are of
// one alarm, whatever rules they are of. A notification without an instance stands for the alarm by itself. What has no
// notification of its own is sent in another format, and known by that.
func templateKey(names Names, otherwise keyOf) keyOf {
	return func(a *alarm.Alarm) (string, bool) {
		if a.Notification == "" {
			return otherwise(a)
		}
		if a.Notification == noNotification {
			return a.ID, false
		}
		trap, node, err := names.Notification(a.Notification)
		if err != nil {
			return otherwise(a)
		}
		instance := names.instance(a, node)
		if instance == "" {
			return a.ID, false
		}
		device := a.Target
		if a.Address.IsValid() {
			device = a.Address.Unmap().String()
		}
		return hashed(formatTemplate, trap.String(), instance, device), false
	}
}

// instance is what the variable bindings of a notification say of the instance: the names of those that are of a row.
func (n Names) instance(a *alarm.Alarm, node *mibs.Node) string {
	t := template{names: n, alarm: a}
	t.bind(false)
	var list []string
	if node != nil {
		for _, o := range node.Objects {
			if index, _ := t.indexOf(o); o.Kind == smi.Column && len(index) > 0 {
				list = append(list, fmt.Sprintf("%s.%x", o.Name, []byte(index)))
			}
		}
	}
	if len(list) > 0 {
		return strings.Join(list, " ")
	}
	for _, b := range t.indexed {
		list = append(list, b.oid.String())
	}
	return strings.Join(list, " ")
}
