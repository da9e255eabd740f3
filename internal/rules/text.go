package rules

import (
	"maps"
	"slices"
	"strings"
)

// text is a label or an annotation of a rule.
type text struct {
	name, value string
	template    bool // the value is one
	volatile    bool // and depends on more than a sample
}

func textsOf(of map[string]string) (list []text) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		value := of[name]
		t := text{name: name, value: value, template: strings.Contains(value, "{{")}
		t.volatile = t.template && (strings.Contains(value, "query") || strings.Contains(value, "now"))
		list = append(list, t)
	}
	return list
}

// cutSeverity returns the severity and the other labels of a rule: the severity is an attribute of an alert and not
// part of its identity, so that it may change while the alert is active.
func cutSeverity(of map[string]string) (severity text, others map[string]string) {
	value, set := of[severityLabel]
	if !set || value == "" {
		return text{}, of
	}
	others = maps.Clone(of)
	delete(others, severityLabel)
	return textsOf(map[string]string{severityLabel: value})[0], others
}

const severityLabel = "severity"

// Variables declares the variables of templates of rules, as in Prometheus.
const Variables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// oidLabel is what templates name the OID by that a sample came from: $labels.__oid__. Series do not have it.
const oidLabel = "__oid__"
