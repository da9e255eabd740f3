package notify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/setting"
)

// CheckSeverity returns a warning about the label severity of a rule, or "". A template is not checked: its value is
// known only when an alarm is raised.
func CheckSeverity(word string) string {
	known := alarm.ParseSeverity(word) != alarm.Indeterminate || word == "" || strings.EqualFold(word, alarm.Indeterminate.String())
	if known || isTemplate(word) {
		return ""
	}
	return fmt.Sprintf("the severity %.40q is unknown and is sent as indeterminate: %s", word, severitySuggestion(word))
}

// severitySuggestion returns a suggestion for a misspelled severity, or else the list of severities.
func severitySuggestion(word string) string {
	return cmp.Or(setting.DidYouMean(word, slices.Sorted(maps.Keys(alarm.Severities))), "use one of critical, major, minor, warning")
}

// Unreached warns of a receiver for which no alarm can be severe enough, or have the severity that its labels ask for. Of
// the rules it gets the words that they have in the label severity; without any, alarms come from elsewhere alone.
func (r *ReceiverSettings) Unreached(words []string) []setting.Problem {
	var m setting.Problems
	pattern, chosen := r.Labels["severity"]
	written, _ := pattern.MarshalYAML()
	matches := func(words []string) bool { return slices.ContainsFunc(words, pattern.MatchString) }
	known := slices.Concat(words, slices.Sorted(maps.Keys(alarm.Severities)), []string{"", alarm.Indeterminate.String()})
	least, limited := alarm.Severities[r.MinSeverity]
	const others = "only alerts that Prometheus or Alertmanager sends can reach this receiver"
	switch {
	case chosen && pattern.Regexp.Regexp == nil: // which is an error
	case chosen && !matches(known):
		m.Add("labels", "no rule has a severity that %.40q matches: %s", written, severitySuggestion(fmt.Sprint(written)))
	case len(words) == 0 || slices.ContainsFunc(words, isTemplate):
	case chosen && !matches(words):
		m.Add("labels", "no rule has a severity that %.40q matches: %s", written, others)
	case limited && !slices.ContainsFunc(words, func(word string) bool { return alarm.ParseSeverity(word).AtLeast(least) }):
		m.Add("min_severity", "no rule has the severity %s or a worse one: %s", r.MinSeverity, others)
	}
	return m
}
