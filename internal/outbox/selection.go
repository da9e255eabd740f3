package outbox

import (
	"slices"

	"trapline/internal/alarm"
)

// Wants reports whether the rule of an alarm, which may name receivers or tags, wants this receiver notified; without
// any, all are.
func Wants(a *alarm.Alarm, receiver string, tags []string) bool {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return true
	}
	return slices.Contains(a.Receivers, receiver) || slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(a.Tags, tag) })
}

// directed returns the alarm without the receivers and tags that do not exist, so that one whose rule names no
// other is sent to all and not to nobody.
func (o *Outbox) directed(a *alarm.Alarm) *alarm.Alarm {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return a
	}
	c := *a
	c.Receivers, c.Tags = known(a.Receivers, o.names), known(a.Tags, o.tags)
	return &c
}

// known are the words of a list that exist.
func known(words []string, exist map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !exist[word] })
}

// reportUnknown logs and counts the receivers and tags of an alarm that do not exist.
func (o *Outbox) reportUnknown(a *alarm.Alarm) {
	report := func(kind string, words []string, exist map[string]bool) {
		for _, word := range words {
			if !exist[word] {
				o.logger.Warn("unknown receiver or tag in the annotations of a rule", "rule", a.Rule, kind, word)
				o.Metrics.Misread.Inc()
			}
		}
	}
	report("receiver", a.Receivers, o.names)
	report("tag", a.Tags, o.tags)
}
