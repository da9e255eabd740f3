package rules

import (
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// objectsIn returns the OBJECTS of the notifications that rules name. Alarms have their values for the row of the
// alarm. Unknown names are reported when rules are checked.
func objectsIn(set *Set, names varbind.Names) map[string][]snmp.OID {
	objects := map[string][]snmp.OID{}
	for _, r := range set.Rules() {
		for _, annotation := range []string{notify.AnnotationNotification, notify.AnnotationClearNotification} {
			name := r.Annotations[annotation]
			if name == "" || objects[name] != nil {
				continue
			}
			if _, node, err := names.Notification(name); err == nil && node != nil {
				for _, o := range node.Objects {
					objects[name] = append(objects[name], o.OID)
				}
			}
		}
	}
	return objects
}

func (e *Evaluator) objectsOf(a *alarm.Alarm) []snmp.OID {
	e.mu.Lock()
	objects := e.objects
	e.mu.Unlock()
	list := slices.Clone(objects[a.Notification])
	for _, o := range objects[a.ClearNotification] {
		if !slices.ContainsFunc(list, func(other snmp.OID) bool { return other.Compare(o) == 0 }) {
			list = append(list, o)
		}
	}
	return list
}
