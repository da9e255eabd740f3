package cause

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/prometheus/alertmanager/pkg/labels"

	"trapline/internal/mute"
	"trapline/internal/setting"
)

// RuleSettings is an entry of `inhibit_rules`, as Alertmanager's: while an alarm is active that the source matchers
// select, alarms that the target matchers select are not sent.
type RuleSettings struct {
	SourceMatchers []string          `yaml:"source_matchers,omitempty"` // of the alarms that inhibit, as in 'alertname="DeviceDown"'; all must match
	TargetMatchers []string          `yaml:"target_matchers,omitempty"` // of the alarms that are inhibited; all must match
	Equal          []string          `yaml:"equal,omitempty"`           // labels that must have the same value in both alarms
	SourceMatch    map[string]string `yaml:"source_match,omitempty"`    // older form of source_matchers: values by label
	SourceMatchRE  map[string]string `yaml:"source_match_re,omitempty"` // the same, with regular expressions
	TargetMatch    map[string]string `yaml:"target_match,omitempty"`    // older form of target_matchers
	TargetMatchRE  map[string]string `yaml:"target_match_re,omitempty"` // the same, with regular expressions
}

// Problems returns the errors in the settings.
func (s *RuleSettings) Problems() []setting.Problem {
	var m setting.Problems
	if len(s.SourceMatchers)+len(s.SourceMatch)+len(s.SourceMatchRE) == 0 {
		m.Add("", `an inhibit rule needs source_matchers, as in ['alertname="DeviceDown"']`)
	}
	if len(s.TargetMatchers)+len(s.TargetMatch)+len(s.TargetMatchRE) == 0 {
		m.Add("", `an inhibit rule needs target_matchers, as in ['severity=~"minor|warning"']`)
	}
	for key, texts := range map[string][]string{"source_matchers": s.SourceMatchers, "target_matchers": s.TargetMatchers} {
		for i, text := range texts {
			if _, err := mute.Parse(text); err != nil {
				m.Add(fmt.Sprintf("%s[%d]", key, i), "%v", err)
			}
		}
	}
	for key, texts := range map[string]map[string]string{"source_match_re": s.SourceMatchRE, "target_match_re": s.TargetMatchRE} {
		for name, text := range texts {
			if _, err := regexp.Compile(text); err != nil {
				m.Add(key+"."+name, "%v", err)
			}
		}
	}
	return m
}

// Rule is an inhibit rule.
type Rule struct {
	source, target mute.Matchers
	equal          []string
}

// ParseRules returns the rules of settings. They must have no Problems.
func ParseRules(list []RuleSettings) (rules []Rule, err error) {
	for i := range list {
		s := &list[i]
		r := Rule{equal: slices.Compact(slices.Sorted(slices.Values(s.Equal)))}
		if r.source, err = matchers(s.SourceMatchers, s.SourceMatch, s.SourceMatchRE); err != nil {
			return nil, err
		}
		if r.target, err = matchers(s.TargetMatchers, s.TargetMatch, s.TargetMatchRE); err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// Labels returns the names of the labels that the rule compares.
func (s *RuleSettings) Labels() []string {
	rules, err := ParseRules([]RuleSettings{*s})
	if err != nil {
		return nil // it is reported
	}
	equal := slices.DeleteFunc(slices.Clone(s.Equal), func(name string) bool { return name == "resource" })
	return slices.Concat(mute.LabelsOf(rules[0].source), mute.LabelsOf(rules[0].target), equal)
}

// Alertnames returns the values of alertname that the matchers compare.
func (s *RuleSettings) Alertnames() (names []string) {
	rules, err := ParseRules([]RuleSettings{*s})
	if err != nil {
		return nil // it is reported
	}
	for _, m := range slices.Concat(rules[0].source, rules[0].target) {
		if m.Name == "alertname" && m.Type == labels.MatchEqual {
			names = append(names, m.Value)
		}
	}
	return names
}

func matchers(texts []string, equal, expressions map[string]string) (mute.Matchers, error) {
	all, err := mute.ParseAll(texts)
	if err != nil {
		return nil, err
	}
	for _, of := range []struct {
		kind   labels.MatchType
		values map[string]string
	}{{labels.MatchEqual, equal}, {labels.MatchRegexp, expressions}} {
		for _, name := range slices.Sorted(maps.Keys(of.values)) {
			m, err := labels.NewMatcher(of.kind, name, of.values[name])
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}
