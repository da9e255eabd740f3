package notify

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/varbind"
)

// The annotations by which a rule says how its alarms are sent, beside summary and description.
const (
	AnnotationValue        = "value"
	AnnotationClearSummary = "clear_summary" // the summary of the clear; $value is that which cleared the alarm

	AnnotationVariable          = "trap_variable"           // OID, or name and index, of the instance that fired
	AnnotationNotification      = "trap_notification"       // name or OID of the NOTIFICATION-TYPE to send
	AnnotationClearNotification = "trap_clear_notification" // the same for the end of the alarm; none sends none
	AnnotationVarBinds          = "trap_varbinds"           // see ParseBindings
	AnnotationClearVarBinds     = "trap_clear_varbinds"     // of the end, in the place of those of the same name
	AnnotationRowGone           = "trap_row_gone"           // KeepRow: the alarm lasts when its row is gone
	AnnotationReceivers         = "trap_receivers"          // names of receivers, with commas between them
	AnnotationTags              = "trap_tags"               // tags of receivers, with commas between them
)

// TrapAnnotations are the annotations with the prefix trap_.
var TrapAnnotations = []string{
	AnnotationVariable, AnnotationNotification, AnnotationClearNotification, AnnotationVarBinds, AnnotationClearVarBinds,
	AnnotationRowGone, AnnotationReceivers, AnnotationTags,
}

// KeepRow is the value of AnnotationRowGone.
const KeepRow = "keep"

// trapPrefix begins the names of TrapAnnotations, and is reserved for them.
const trapPrefix = "trap_"

// AlarmOf returns the alarm of the labels and annotations of an alert, whose templates are expanded. The labels
// identify the alarm; alertname, target or else instance, address and severity have a meaning of their own. Without
// alertname it returns an alarm without an ID, and an error. Any other error is about annotations that cannot be
// parsed; the alarm that it returns lacks them.
func AlarmOf(deployment string, labels, annotations map[string]string) (alarm.Alarm, error) {
	name := labels["alertname"]
	if name == "" {
		return alarm.Alarm{}, fmt.Errorf("an alert without the label alertname: its labels are %v", labels)
	}
	target := cmp.Or(labels["target"], labels["instance"])
	rest := maps.Clone(labels)
	for _, said := range []string{"alertname", "target", "instance", "severity"} {
		delete(rest, said)
	}
	resource, _ := labelsText(rest, maxResource)
	a := alarm.Alarm{
		ID: alarm.ID(deployment, name, target, labels), Rule: name, Target: target, Resource: resource, Labels: labels,
		Severity: alarm.ParseSeverity(labels["severity"]),
		Summary:  cmp.Or(annotations["summary"], annotations["description"], name), Description: annotations["description"], ClearSummary: annotations[AnnotationClearSummary],
		Value:        annotations[AnnotationValue],
		Variable:     strings.TrimSpace(annotations[AnnotationVariable]),
		Notification: strings.TrimSpace(annotations[AnnotationNotification]), ClearNotification: strings.TrimSpace(annotations[AnnotationClearNotification]),
		Receivers: cutCommas(annotations[AnnotationReceivers]), Tags: cutCommas(annotations[AnnotationTags]),
	}
	for _, text := range []string{labels["address"], target} {
		if address, ok := AddressOf(text); ok {
			a.Address = address
			break
		}
	}
	var errs [2]error
	a.VarBinds, errs[0] = bindingsOf(annotations, AnnotationVarBinds)
	a.ClearVarBinds, errs[1] = bindingsOf(annotations, AnnotationClearVarBinds)
	return a, errors.Join(errs[:]...)
}

// annotationsOf returns the annotations from which AlarmOf makes the same alarm. Receivers and tags are left out: the
// program that receives the alert routes it by its own rules.
func annotationsOf(a *alarm.Alarm) map[string]string {
	all := map[string]string{
		"summary": a.Text(), "description": a.Description, AnnotationClearSummary: a.ClearSummary, AnnotationValue: a.Value, AnnotationVariable: a.Variable,
		AnnotationNotification: a.Notification, AnnotationClearNotification: a.ClearNotification,
		AnnotationVarBinds: varbind.FormatBindings(a.VarBinds), AnnotationClearVarBinds: varbind.FormatBindings(a.ClearVarBinds),
	}
	if a.Gone || a.Stale { // values of the raise
		delete(all, AnnotationVarBinds)
	}
	if a.Ack != nil {
		all["acknowledged_by"], all["acknowledged_comment"] = a.Ack.By, a.Ack.Comment
	}
	if a.Behind != nil {
		all["behind"] = strings.Join(a.Behind.Names, ", ")
	}
	maps.DeleteFunc(all, func(_, text string) bool { return text == "" })
	return all
}

func bindingsOf(annotations map[string]string, name string) ([]alarm.Binding, error) {
	list, err := varbind.ParseBindings(annotations[name])
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return list, err
}

// cutCommas returns the words of a list that commas separate, without empty ones.
func cutCommas(list string) []string {
	var words []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// AddressOf parses an address, with or without brackets and a port, and reports whether it is one.
func AddressOf(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a, true
	}
	p, err := netip.ParseAddrPort(text)
	return p.Addr(), err == nil
}

func isTemplate(text string) bool { return strings.Contains(text, "{{") }
