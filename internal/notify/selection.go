package notify

import "slices"

// wanted tells whether a rule that names receivers or tags wants this one to be told; without any, all are.
func (a *Alarm) wanted(receiver string, tags []string) bool {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return true
	}
	return slices.Contains(a.Receivers, receiver) || slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(a.Tags, tag) })
}

// direct takes out of an alarm the receivers and tags that there are not, so that one whose rule names no
// other is told to all and not to nobody.
func (o *Outbox) direct(a *Alarm) {
	unknown := func(kind string, has func(*Route, string) bool) func(string) bool {
		return func(name string) bool {
			if slices.ContainsFunc(o.queues, func(q *queue) bool { return has(q.route, name) }) {
				return false
			}
			o.logger.Warn("the rule of an alarm names what no receiver has", "rule", a.Rule, kind, name)
			o.metrics.misread.Inc()
			return true
		}
	}
	a.Receivers = without(a.Receivers, unknown("receiver", func(r *Route, name string) bool { return r.Name == name }))
	a.Tags = without(a.Tags, unknown("tag", func(r *Route, name string) bool { return slices.Contains(r.Tags, name) }))
}

// without is a list that others may hold too without some of its words.
func without(words []string, drop func(string) bool) []string {
	if len(words) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(words), drop)
}
