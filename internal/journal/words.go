package journal

import "strings"

// Words says in one line what happened, beside the kind, the alarm, the target and the receiver: of a notification what it
// was, of a trap its name, and why an alarm was muted, cleared or acknowledged.
func (e *Event) Words() string {
	switch e.Kind {
	case Sent, Acknowledged, GivenUp:
		return withReason(strings.TrimSpace(e.Notification+" "+e.Value+" "+e.Text), e.Reason)
	case Trap:
		return strings.TrimSpace(e.Value + " " + e.Text)
	case TargetState, Listed:
		return strings.TrimSuffix(e.Value+": "+e.Text, ": ")
	}
	return withReason(e.Text, e.Reason)
}

func withReason(text, reason string) string {
	switch {
	case reason == "" || reason == conditionOver:
		return text
	case text == "":
		return reason
	}
	return text + " (" + reason + ")"
}
