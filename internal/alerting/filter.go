package alerting

import (
	"slices"
	"strconv"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/mute"
	"trapline/internal/outbox/standing"
)

// filter selects alarms, or entries of the journal, by words and by matchers.
type filter struct {
	words    []string
	matchers mute.Matchers
}

// maxFilter is how many octets words and matchers have.
const maxFilter = 8 << 10

// newFilter reads a search text, of words and matchers, and a list of matchers.
func newFilter(text string, match []string) (f filter, err error) {
	octets := len(text)
	for _, one := range match {
		octets += len(one)
	}
	switch {
	case len(match) > api.MaxTerms:
		return f, api.Errorf(api.ErrBadRequest, "there are %d matchers, and may be %d", len(match), api.MaxTerms)
	case octets > maxFilter:
		return f, api.Errorf(api.ErrBadRequest, "words and matchers have %d octets, and may have %d", octets, maxFilter)
	}
	if f.matchers, err = mute.ParseAll(match); err != nil {
		return f, api.Errorf(api.ErrBadRequest, "%w", err)
	}
	for _, token := range api.Tokens(text) {
		name, operator, value := cutOperator(token.Text)
		if name == "" || token.Quoted {
			f.words = append(f.words, strings.ToLower(token.Text))
			continue
		}
		m, err := mute.ParseMatcher(name, operator, value)
		if err != nil {
			return f, api.WithHint(api.Errorf(api.ErrBadRequest, "%s: %w", token.Text, err), "write a regular expression of RE2, such as name=~core-.*")
		}
		f.matchers = append(f.matchers, m)
	}
	return f, nil
}

// cutOperator cuts a term at its first operator. The name is empty if it has none.
func cutOperator(term string) (name, operator, value string) {
	at := strings.IndexAny(term, "=!")
	if at <= 0 {
		return "", "", ""
	}
	for _, operator := range []string{"=~", "!~", "!=", "="} {
		if value, found := strings.CutPrefix(term[at:], operator); found {
			return term[:at], operator, value
		}
	}
	return "", "", ""
}

// hasWords reports whether each word is in one of the texts.
func (f *filter) hasWords(texts ...string) bool {
	for _, word := range f.words {
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), word) }) {
			return false
		}
	}
	return true
}

// wantsAlarm reports whether an alarm has the words and the labels, without those of its answer: see wantsAnswer.
func (f *filter) wantsAlarm(labels mute.Labels, state string) bool {
	a := labels.Alarm
	own := map[string]string{"rule": a.Rule, "id": a.ID, "state": state}
	for _, m := range f.matchers {
		value := labels.Get(m.Name)
		if value == "" {
			value = own[m.Name]
		}
		if !ofAnswer(m) && !m.Matches(value) {
			return false
		}
	}
	return f.hasWords(a.Rule, a.Target, a.Resource, a.Summary)
}

// receiverName is the name in a matcher of the receivers that were or will be notified.
const receiverName = "receiver"

// flagsOf are the names in a matcher of properties that an alarm has or has not.
func flagsOf(a *api.Alarm) map[string]bool {
	return map[string]bool{"baseline": a.Baseline, "muted": len(a.Mutes) > 0, "acknowledged": a.AckedBy != ""}
}

// ofAnswer reports whether a matcher is about the notifications of an alarm, and not about its labels.
func ofAnswer(m *mute.Matcher) bool {
	_, flag := flagsOf(&api.Alarm{})[m.Name]
	return flag || m.Name == receiverName
}

// wantsAnswer reports whether the flags of an alarm and the receivers that were or will be notified are those selected.
func (f *filter) wantsAnswer(a *api.Alarm) bool {
	flags := flagsOf(a)
	for _, m := range f.matchers {
		switch {
		case !ofAnswer(m):
		case m.Name == receiverName:
			if !matchesReceivers(m, a.Notified) {
				return false
			}
		case !m.Matches(strconv.FormatBool(flags[m.Name])):
			return false
		}
	}
	return true
}

// matchesReceivers reports whether a receiver that was or will be notified matches; with != and !~, whether all do.
func matchesReceivers(m *mute.Matcher, list []api.Notified) bool {
	positive := mute.IsPositive(m)
	for _, n := range list {
		if n.State != string(standing.NotWanted) && m.Matches(n.Receiver) == positive {
			return positive
		}
	}
	return !positive
}

// labels returns the labels of alarms that matchers compare, those of their targets in the configuration among them.
func (c *Console) labels() func(*alarm.Alarm) mute.Labels {
	if o := c.outbox(); o != nil {
		return o.Mutes().Labels
	}
	return mute.NewSet(nil, nil).Labels
}
