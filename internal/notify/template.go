package notify

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// clears are notifications that are the end of others.
var clears = map[string]string{
	"IF-MIB::linkDown":                       "IF-MIB::linkUp",
	"BGP4-MIB::bgpBackwardTransNotification": "BGP4-MIB::bgpEstablishedNotification",
	"BGP4-MIB::bgpBackwardTransition":        "BGP4-MIB::bgpEstablished",
	"RMON-MIB::risingAlarm":                  "RMON-MIB::fallingAlarm",
	"DISMAN-EVENT-MIB::mteTriggerRising":     "DISMAN-EVENT-MIB::mteTriggerFalling",
	"UPS-MIB::upsTrapAlarmEntryAdded":        "UPS-MIB::upsTrapAlarmEntryRemoved",
	"ENTITY-STATE-MIB::entStateOperDisabled": "ENTITY-STATE-MIB::entStateOperEnabled",
	"BFD-STD-MIB::bfdSessDown":               "BFD-STD-MIB::bfdSessUp",
	"MPLS-TE-STD-MIB::mplsTunnelDown":        "MPLS-TE-STD-MIB::mplsTunnelUp",
}

// noNotification is the name of none.
const noNotification = "none"

// templateFormat returns the format that sends an alarm as the notification that its rule names, or else in the
// format otherwise.
func templateFormat(names varbind.Names, otherwise format) format {
	return func(e *alarm.Event, limit int) draft {
		a := &e.Alarm
		if a.Notification == "" || e.Kind == alarm.Heartbeat || e.Kind == alarm.Resync {
			return otherwise(e, limit)
		}
		name, err := notificationOf(e, names)
		if name == noNotification || e.Kind == alarm.Change {
			return draft{}
		}
		var trap snmp.OID
		var node *mibs.Node
		if err == nil && name != "" {
			trap, node, err = names.Notification(name)
		}
		if trap == nil {
			d := otherwise(e, limit)
			if err != nil {
				d.faults = append(d.faults, fault{faultNotification, err})
			}
			return d
		}
		t := template{names: names, alarm: a}
		t.bind(e.Kind == alarm.Clear)
		t.notification = &originator.Notification{Trap: trap, Agent: a.Address}
		if node != nil {
			t.addObjects(node.Objects)
		}
		t.objects = len(t.draft.notification.VarBinds)
		t.addOthers()
		t.draft.notification.AddAddress(t.draft.notification.Agent)
		if a.Description != "" { // the last, which is left out first
			t.draft.notification.VarBinds = append(t.draft.notification.VarBinds, syslogObject(syslogMsg, a, snmp.OctetString, []byte(oneLine(a.Description, maxSummary))))
		}
		return t.draft
	}
}

// notificationOf is the name of the notification for an event: empty where the end of the alarm has none.
func notificationOf(e *alarm.Event, names varbind.Names) (string, error) {
	switch {
	case e.Kind != alarm.Clear:
		return e.Alarm.Notification, nil
	case e.Alarm.ClearNotification != "":
		return e.Alarm.ClearNotification, nil
	}
	_, raise, err := names.Notification(e.Alarm.Notification)
	if raise == nil {
		return "", err
	}
	return clears[raise.Module+"::"+raise.Name], nil
}

// template is a notification under construction.
type template struct {
	draft
	names    varbind.Names
	alarm    *alarm.Alarm
	bindings []bound // the values of the rule; the first of a name is used
	indexed  []bound // those that have the index of a row
}

// bound is a binding whose name was found.
type bound struct {
	alarm.Binding
	oid  snmp.OID
	at   mibs.Instance // without a node where no MIB knows the OID
	used bool
}

// fault notes a fault, once.
func (t *template) fault(reason string, err error) {
	same := func(f fault) bool { return f.reason == reason && f.err.Error() == err.Error() }
	if !slices.ContainsFunc(t.faults, same) {
		t.faults = append(t.faults, fault{reason, err})
	}
}

// bind resolves the names of the bindings. The instance that the alarm is about comes first among those that determine
// the row; its value is the value of the alarm.
func (t *template) bind(cleared bool) {
	about := t.bound(alarm.Binding{Name: t.alarm.Variable, Value: t.alarm.Value})
	if cleared {
		for _, b := range t.alarm.ClearVarBinds {
			t.add(t.bound(b))
		}
	}
	ends := t.bindings
	for _, b := range t.alarm.VarBinds {
		found := t.bound(b)
		if (t.alarm.Gone || t.alarm.Stale) && found.isColumn() {
			continue // it has the value of the raise
		}
		replaced := func(end bound) bool {
			return end.at.Node != nil && end.at.Node == found.at.Node && len(end.at.Index) == 0
		}
		if found != nil && !slices.ContainsFunc(ends, replaced) {
			t.add(found)
		}
	}
	if about != nil && t.alarm.Value != "" {
		about.used = true // it is not added for its value alone
		t.add(about)
	}
	if t.alarm.Gone || t.alarm.Stale {
		state := ifUnknown
		if t.alarm.Gone {
			state = ifNotPresent
		}
		absent := bound{Binding: alarm.Binding{Value: strconv.Itoa(state)}, oid: ifOperStatus, used: true}
		_, absent.at, _ = t.names.Find(ifOperStatus.String())
		t.add(&absent)
	}
}

// The object of IF-MIB that is notPresent for a port that does not exist, and unknown for one that nobody looks at.
var ifOperStatus = snmp.MustParseOID("1.3.6.1.2.1.2.2.1.8")

const ifUnknown, ifNotPresent = 4, 6

func (b *bound) isColumn() bool { return b != nil && b.at.Node != nil && b.at.Node.Kind == smi.Column }

// bound resolves the name of a binding. It returns nil if the name is empty or unknown.
func (t *template) bound(b alarm.Binding) *bound {
	if b.Name == "" {
		return nil
	}
	oid, at, err := t.names.Find(b.Name)
	if err != nil {
		t.fault(faultObject, fmt.Errorf("variable binding %s: %w", b.Name, err))
		return nil
	}
	found := bound{Binding: b, oid: oid, at: at}
	if at.Node != nil && at.Node.Kind == smi.Column && len(at.Index) > 0 {
		t.indexed = append(t.indexed, found)
	}
	return &found
}

// add adds a binding, unless there is one of that name.
func (t *template) add(b *bound) {
	if b != nil && !slices.ContainsFunc(t.bindings, func(other bound) bool { return other.oid.Compare(b.oid) == 0 }) {
		t.bindings = append(t.bindings, *b)
	}
}

// addObjects adds the OBJECTS of the notification. An object whose value is unknown keeps its place.
func (t *template) addObjects(objects []*mibs.Node) {
	for _, o := range objects {
		index, known := t.indexOf(o)
		v := snmp.VarBind{Name: slices.Concat(o.OID, index), Type: snmp.NoSuchInstance}
		switch b := t.bindingOf(o, index); {
		case b != nil:
			b.used = true
			t.use(o, index)
			if len(b.at.Index) > 0 {
				v.Name = b.oid
			}
			t.fill(&v, o, &b.Binding)
		case known && t.fillFromIndex(&v, o, index):
		default:
			if text, ok := t.alarm.Labels[o.Name]; ok {
				t.fill(&v, o, &alarm.Binding{Value: text})
			}
		}
		t.draft.notification.VarBinds = append(t.draft.notification.VarBinds, v)
	}
}

// use marks all bindings of an instance, whose value is set.
func (t *template) use(o *mibs.Node, index snmp.OID) {
	for i := range t.bindings {
		if b := &t.bindings[i]; b.at.Node != nil && b.at.Node.OID.Compare(o.OID) == 0 && (len(b.at.Index) == 0 || slices.Equal(b.at.Index, index)) {
			b.used = true
		}
	}
}

// bindingOf returns the binding of the rule for an object of the row: the first one of the instance itself or of the
// object without an index, else one of the object in another row, else nil. The value of the alarm comes last.
func (t *template) bindingOf(o *mibs.Node, index snmp.OID) *bound {
	var found *bound
	for i := range t.bindings {
		b := &t.bindings[i]
		switch {
		case b.at.Node == nil || b.at.Node.OID.Compare(o.OID) != 0:
		case slices.Equal(b.at.Index, index), len(b.at.Index) == 0:
			return b
		case found == nil:
			found = b
		}
	}
	return found
}

// fill sets the type and the value of a variable binding.
func (t *template) fill(v *snmp.VarBind, o *mibs.Node, b *alarm.Binding) {
	typ, value, err := t.names.BindingValue(o, b)
	if err != nil {
		t.fault(faultValue, err)
		return
	}
	v.Type, v.Value = typ, value
}

// fillFromIndex sets the value of an object that is part of the index of its own row, and reports whether it is.
func (t *template) fillFromIndex(v *snmp.VarBind, o *mibs.Node, index snmp.OID) bool {
	typ, value, ok := varbind.FromIndex(o, index)
	if ok {
		v.Type, v.Value = typ, value
	}
	return ok
}

// indexOf returns the index of the row of an object: that of a binding with the same INDEX clause, else the one in the
// labels. It is empty if unknown.
func (t *template) indexOf(o *mibs.Node) (index snmp.OID, known bool) {
	if o.Row != nil {
		for _, b := range t.indexed {
			if slices.EqualFunc(b.at.Node.Row.Index, o.Row.Index, func(a, b mibs.IndexPart) bool { return a.Name == b.Name && a.Implied == b.Implied }) {
				return b.at.Index, true
			}
		}
	}
	index, known, err := t.names.Index(o, t.alarm.Labels)
	if err != nil {
		t.fault(faultValue, err)
	}
	return index, known
}

// addOthers adds the bindings that are of none of the objects, as far as they can be.
func (t *template) addOthers() {
	for _, b := range t.bindings {
		if b.used {
			continue
		}
		v := snmp.VarBind{Name: b.oid}
		if varbind.IsObject(b.at.Node) && len(b.at.Index) == 0 {
			index, _ := t.indexOf(b.at.Node)
			v.Name = slices.Concat(b.oid, index)
		}
		typ, value, err := t.names.BindingValue(b.at.Node, &b.Binding)
		if err != nil {
			t.fault(faultValue, err)
			continue
		}
		v.Type, v.Value = typ, value
		t.addOther(v)
	}
}

// addOther adds a variable binding. sysUpTime.0, snmpTrapOID.0 and snmpTrapAddress.0 are not added a second time
// (RFC 3584 section 4.2): they set the fields of the notification or are refused.
func (t *template) addOther(v snmp.VarBind) {
	switch {
	case v.Name.Compare(originator.SNMPTrapOID) == 0:
		t.fault(faultValue, fmt.Errorf("%s says what the notification is", AnnotationNotification))
		return
	case v.Name.Compare(originator.SysUpTime) == 0 && v.Type == snmp.TimeTicks:
		ticks, _ := v.Uint()
		t.draft.notification.Uptime, t.timed = uint32(ticks), true
		return
	case v.Name.Compare(originator.SNMPTrapAddress) == 0 && v.Type == snmp.IPAddress:
		t.draft.notification.Agent, _ = netip.AddrFromSlice(v.Value)
		return
	}
	t.draft.notification.VarBinds = append(t.draft.notification.VarBinds, v)
}
