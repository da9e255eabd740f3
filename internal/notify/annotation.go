package notify

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/alarm"
)

// The annotations by which a rule says how its alarms are sent, beside summary and description.
const (
	AnnotationValue        = "value"
	AnnotationClearSummary = "clear_summary" // the summary of the clear; $value is that which cleared the alarm

	annotationVariable          = "trap_variable"           // OID, or name and index, of the instance that fired
	annotationNotification      = "trap_notification"       // name or OID of the NOTIFICATION-TYPE to send
	annotationClearNotification = "trap_clear_notification" // the same for the end of the alarm; none sends none
	annotationVarBinds          = "trap_varbinds"           // see ParseBindings
	annotationClearVarBinds     = "trap_clear_varbinds"     // of the end, in the place of those of the same name
	annotationReceivers         = "trap_receivers"          // names of receivers, with commas between them
	annotationTags              = "trap_tags"               // tags of receivers, with commas between them
)

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
		Variable:     strings.TrimSpace(annotations[annotationVariable]),
		Notification: strings.TrimSpace(annotations[annotationNotification]), ClearNotification: strings.TrimSpace(annotations[annotationClearNotification]),
		Receivers: cutCommas(annotations[annotationReceivers]), Tags: cutCommas(annotations[annotationTags]),
	}
	for _, text := range []string{labels["address"], target} {
		if address, ok := AddressOf(text); ok {
			a.Address = address
			break
		}
	}
	var errs [2]error
	a.VarBinds, errs[0] = bindingsOf(annotations, annotationVarBinds)
	a.ClearVarBinds, errs[1] = bindingsOf(annotations, annotationClearVarBinds)
	return a, errors.Join(errs[:]...)
}

// annotationsOf returns the annotations from which AlarmOf makes the same alarm. Receivers and tags are left out: the
// program that receives the alert routes it by its own rules.
func annotationsOf(a *alarm.Alarm) map[string]string {
	all := map[string]string{
		"summary": a.Text(), "description": a.Description, AnnotationClearSummary: a.ClearSummary, AnnotationValue: a.Value, annotationVariable: a.Variable,
		annotationNotification: a.Notification, annotationClearNotification: a.ClearNotification,
		annotationVarBinds: bindingsText(a.VarBinds), annotationClearVarBinds: bindingsText(a.ClearVarBinds),
	}
	maps.DeleteFunc(all, func(_, text string) bool { return text == "" })
	return all
}

// bindingsText is the inverse of ParseBindings.
func bindingsText(list []alarm.Binding) string {
	var b strings.Builder
	for _, v := range list {
		fmt.Fprintf(&b, "%s %s = %q\n", v.Name, v.Type, v.Value)
	}
	return b.String()
}

func bindingsOf(annotations map[string]string, name string) ([]alarm.Binding, error) {
	list, err := ParseBindings(annotations[name])
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

// AddressOf parses an address, with or without a port, and reports whether it is one.
func AddressOf(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		return a, true
	}
	p, err := netip.ParseAddrPort(text)
	return p.Addr(), err == nil
}

// maxBindings bounds the variable bindings of an annotation.
const maxBindings = 128

// ParseBindings parses variable bindings, one per line:
//
//	NAME[.INDEX] [TYPE] = VALUE
//
// NAME is an object or an OID. Without TYPE, the value has the type of the object. A value in double quotes may contain
// the escapes of Go, such as \n. Lines that cannot be parsed are left out and reported in the error.
func ParseBindings(text string) (list []alarm.Binding, err error) {
	read := 0
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if read++; read > maxBindings {
			return list, errors.Join(err, fmt.Errorf("more than %d variable bindings: no message has room for them", maxBindings))
		}
		b, lineErr := parseBinding(line)
		if lineErr != nil {
			err = errors.Join(err, lineErr)
			continue
		}
		list = append(list, b)
	}
	return list, err
}

func parseBinding(line string) (b alarm.Binding, err error) {
	end := nameEnd(line)
	b.Name = line[:end]
	typ, value, found := strings.Cut(line[end:], "=")
	if b.Type, b.Value = strings.TrimSpace(typ), strings.TrimSpace(value); !found || b.Name == "" {
		return b, fmt.Errorf("%q is no variable binding: write NAME[.INDEX] [TYPE] = VALUE", line)
	}
	if _, known := typeWords[strings.ToLower(b.Type)]; b.Type != "" && !known {
		return b, fmt.Errorf("%q: unknown type %q: use one of %s", line, b.Type, strings.Join(slices.Sorted(maps.Values(typeNames)), ", "))
	}
	if unquoted, err := strconv.Unquote(b.Value); err == nil && b.Value[0] == '"' {
		b.Value = unquoted
	}
	return b, nil
}

// nameEnd finds the end of the name that a line begins with: a blank or =, but not within the quotes of
// an index.
func nameEnd(line string) int {
	quote := rune(0)
	for i, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' || c == '\t' || c == '=':
			return i
		}
	}
	return len(line)
}
