package traps

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/setting"
)

// Settings is an entry of `trap_rules`: an alarm that a notification raises.
type Settings struct {
	Alert       string                            `yaml:"alert"`                 // name of the alarm
	On          string                            `yaml:"on"`                    // notification that raises it: a name, an OID, or all below one as in 1.3.6.1.4.1.9.*
	Match       map[string]setting.AnchoredRegexp `yaml:"match,omitempty"`       // expressions that must match the whole values of objects of the notification, or of its first value under $1, its second under $2 and so on
	Key         []string                          `yaml:"key,omitempty"`         // objects of the notification whose values are labels and distinguish alarms; default the index of its first row
	Until       string                            `yaml:"until,omitempty"`       // PromQL over what is polled; the alarm is over when a poll that began after the notification makes it true
	Clear       []string                          `yaml:"clear,omitempty"`       // notifications with the same key that end it, unless they raise it
	Expires     setting.Duration                  `yaml:"expires,omitempty"`     // time after which it is over unless the notification comes again
	Labels      map[string]string                 `yaml:"labels,omitempty"`      // labels of the alarm, severity among them; templates as annotations
	Annotations map[string]string                 `yaml:"annotations,omitempty"` // texts as in rules; templates with $labels, $varbinds by name of the object, $values and $names in order ($values.At 1), $trap and $source
}

// Problems returns the errors in the settings that need no MIBs.
func (r *Settings) Problems() []setting.Problem {
	var m setting.Problems
	if r.Alert == "" {
		m.Add("", "a trap rule needs the name of an alarm: write alert: NAME")
	}
	if r.On == "" {
		m.Add("", "trap rule %q needs a notification: write on: NAME or OID", r.Alert)
	}
	if r.Until == "" && len(r.Clear) == 0 && r.Expires.Duration == 0 && len(r.Expires.Problems()) == 0 {
		m.Add("", "trap rule %q never ends its alarm: write until, clear or expires", r.Alert)
	}
	for _, where := range []struct {
		name string
		of   map[string]string
	}{{"labels", r.Labels}, {"annotations", r.Annotations}} {
		for _, name := range slices.Sorted(maps.Keys(where.of)) {
			if _, err := parseTemplate(name, where.of[name]); err != nil {
				m.Add(where.name+"."+name, "%v", err)
			}
		}
	}
	for name := range r.Labels {
		if name == "alertname" || name == "target" || strings.HasPrefix(name, "__") {
			m.Add("labels."+name, "label %q is set already", name)
		}
	}
	if word, set := r.Labels[alarm.SeverityLabel]; set && !strings.Contains(word, "{{") {
		if text := notify.CheckSeverity(word); text != "" {
			m.Add("labels."+alarm.SeverityLabel, "%s", text)
		}
	}
	return m
}

// DuplicateOf returns the place of an earlier rule with the same alarm and notification, or -1.
func (r *Settings) DuplicateOf(earlier []Settings) int {
	return slices.IndexFunc(earlier, func(o Settings) bool { return o.Alert == r.Alert && o.On == r.On })
}

// SourcePrefix begins the sources of the conditions of all trap rules.
const SourcePrefix = "trap/"

// ID identifies the rule across restarts: the sources of its conditions begin with it.
func (r *Settings) ID() string { return fmt.Sprintf("%s%s/%s/", SourcePrefix, r.Alert, r.On) }
