package mute

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"

	"trapline/internal/alarm"
)

// Matchers select alarms by their labels, as Alertmanager's matchers select alerts. All must match.
type Matchers = labels.Matchers

// Matcher compares one label with a value or with an expression.
type Matcher = labels.Matcher

// ParseMatcher returns a matcher with one of the operators =, !=, =~ and !~, which is checked as by NewMatcher.
func ParseMatcher(name, operator, value string) (*Matcher, error) {
	types := map[string]labels.MatchType{"=": labels.MatchEqual, "!=": labels.MatchNotEqual, "=~": labels.MatchRegexp, "!~": labels.MatchNotRegexp}
	return NewMatcher(types[operator], name, value)
}

// IsPositive reports whether the operator of a matcher is = or =~.
func IsPositive(m *Matcher) bool { return m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp }

// IsExpression reports whether a matcher compares with a regular expression.
func IsExpression(m *Matcher) bool {
	return m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp
}

// IsExact reports whether a matcher matches one value alone, which is not empty.
func IsExact(m *Matcher) bool { return m.Type == labels.MatchEqual && m.Value != "" }

// Parse reads matchers: site="berlin", or {site="berlin",severity=~"minor|warning"}.
func Parse(text string) (Matchers, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("matchers %q are no UTF-8", text)
	}
	if err := checkText(text); err != nil {
		return nil, err
	}
	m, err := parseMatchers(text, "")
	if err == nil && len(m) == 0 {
		err = errors.New("no matcher")
	}
	if slices.ContainsFunc(m, func(one *labels.Matcher) bool {
		return strings.HasSuffix(one.Name, ">") || strings.HasSuffix(one.Name, "<")
	}) {
		err = errors.New("labels are compared by =, !=, =~ and !~ only")
	}
	if i := slices.IndexFunc(m, func(one *labels.Matcher) bool { return singleQuoted(one.Value) && !strings.Contains(text, `"'`) }); i >= 0 {
		err = fmt.Errorf("the quotes of %s would be part of the value", m[i].Value)
	}
	if err != nil {
		return nil, fmt.Errorf(`matchers %q: %w: write name="value", or name=~"expression"`, text, err)
	}
	return m, nil
}

// singleQuoted reports whether a value has the quotes that PromQL knows beside ", and matchers do not.
func singleQuoted(value string) bool {
	return len(value) > 1 && strings.HasPrefix(value, "'") && strings.HasSuffix(value, "'")
}

// Alertname returns the alertname that matchers demand, or "".
func Alertname(m Matchers) string {
	for _, one := range m {
		if one.Name == "alertname" && one.Type == labels.MatchEqual {
			return one.Value
		}
	}
	return ""
}

// Equal returns matchers of labels with their values, sorted by name.
func Equal(values map[string]string) (all Matchers) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, &labels.Matcher{Type: labels.MatchEqual, Name: name, Value: values[name]})
	}
	return all
}

// ParseAll reads a list of matchers.
func ParseAll(texts []string) (all Matchers, err error) {
	for _, text := range texts {
		m, err := Parse(text)
		if err != nil {
			return nil, err
		}
		all = append(all, m...)
	}
	return all, nil
}

var parseMatchers = compat.FallbackMatchersParser(slog.New(slog.DiscardHandler))

// Labels are the labels of an alarm that matchers compare.
type Labels struct {
	Alarm  *alarm.Alarm
	Target map[string]string // labels of its target in the configuration
}

// Get returns the value of a label, "" if there is none.
func (l Labels) Get(name string) string {
	switch name {
	case "alertname":
		return l.Alarm.Rule
	case "severity":
		return l.Alarm.Severity.String()
	case "target":
		return l.Alarm.Target
	}
	if value, ok := l.Alarm.Labels[name]; ok {
		return value
	}
	if name == "resource" {
		return l.Alarm.Resource
	}
	return l.Target[name]
}

// All returns all labels by name.
func (l Labels) All() map[string]string {
	all := map[string]string{}
	for _, of := range []map[string]string{l.Target, l.Alarm.Labels} {
		for name := range of {
			all[name] = l.Get(name)
		}
	}
	for _, name := range []string{"alertname", "severity", "target", "resource"} {
		if value := l.Get(name); value != "" {
			all[name] = value
		}
	}
	return all
}

// Match reports whether all matchers match.
func (l Labels) Match(m Matchers) bool {
	for _, one := range m {
		if !one.Matches(l.Get(one.Name)) {
			return false
		}
	}
	return true
}
