package notify

import (
	"fmt"
	"strconv"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/varbind"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// keyOf returns the key by which receivers of a format identify an alarm, and whether the format has notifications of
// changes.
type keyOf func(*alarm.Alarm) (key string, changes bool)

// formatKeys are the keys of the formats whose notifications do not carry the ID of the alarm.
var formatKeys = map[string]func(varbind.Names) keyOf{
	formatDisman:   dismanKey,
	formatNotifier: func(varbind.Names) keyOf { return notifierKey },
}

// newKey returns the function for the keys of a receiver, and the name of the scheme of these keys.
func newKey(r *ReceiverSettings, c *Dependencies) (key keyOf, scheme string) {
	if kinds[r.Type].url {
		return queue.ByID, ""
	}
	of := func(format string) keyOf {
		if make := formatKeys[format]; make != nil {
			return make(c.Names)
		}
		return queue.ByID
	}
	name := r.formatName(c.Settings)
	if name != formatTemplate {
		return of(name), schemeOf(name)
	}
	fallback := r.fallbackName(c.Settings)
	return templateKey(c.Names, of(fallback)), name + " " + schemeOf(fallback)
}

// schemeOf returns the name of the scheme of a format, or "" if its notifications carry the ID of the alarm.
func schemeOf(format string) string {
	if formatKeys[format] == nil {
		return ""
	}
	return format
}

// hashed returns a key of bounded length.
func hashed(parts ...string) string {
	labels := map[string]string{}
	for i, part := range parts {
		labels[strconv.Itoa(i)] = part
	}
	return alarm.ID("", "key", "", labels)
}

// dismanKey returns the key of mteHotTrigger, mteHotTargetName and mteHotOID.
func dismanKey(names varbind.Names) keyOf {
	return func(a *alarm.Alarm) (string, bool) {
		return hashed("disman", oneLine(a.Rule, maxSummary), oneLine(a.Target, maxSummary), variableOf(a, names).String()), false
	}
}

// notifierKey returns the key of the OID of the trap and the labels.
func notifierKey(a *alarm.Alarm) (string, bool) {
	return hashed("snmp-notifier", notifierID(notifierOID(a), a)), true
}

// templateKey returns the key of the notification that a rule names, its instance and the device: linkDown and linkUp
// of a port belong to one alarm, even if they come from two rules. Without an instance, the key is the ID of the alarm.
// An alarm without a notification of its own is sent in the fallback format and has its key from otherwise.
func templateKey(names varbind.Names, otherwise keyOf) keyOf {
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
		instance := instanceOf(a, node, names)
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

// instanceOf returns the names of the variable bindings of a notification that are columns of a row, or "" without any.
func instanceOf(a *alarm.Alarm, node *mibs.Node, names varbind.Names) string {
	t := template{names: names, alarm: a}
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
