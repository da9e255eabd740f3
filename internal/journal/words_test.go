package journal

import "testing"

// An entry says what happened without its other columns: no kind of entry is without words.
func TestWords(t *testing.T) {
	for _, test := range []struct {
		e    Event
		want string
	}{
		{Event{Kind: Acknowledged, Receiver: "nms-1", Notification: "clear"}, "clear"},
		{Event{Kind: Acknowledged, Receiver: "nms-1", Notification: "forward", Value: "1.3.6.1.6.3.1.1.5.3", Target: "core-1"}, "forward 1.3.6.1.6.3.1.1.5.3"},
		{Event{Kind: GivenUp, Notification: "raise", Reason: "not acknowledged in time"}, "raise (not acknowledged in time)"},
		{Event{Kind: Trap, Value: "linkDown", Text: "ifIndex.3=3"}, "linkDown ifIndex.3=3"},
		{Event{Kind: Trap, Value: "coldStart"}, "coldStart"},
		{Event{Kind: TargetState, Value: "up"}, "up"},
		{Event{Kind: TargetState, Value: "down", Reason: "refused", Text: "Nothing listens"}, "down: Nothing listens"},
		{Event{Kind: Muted, Text: "Gi3 is down", Reason: "silence 4711"}, "Gi3 is down (silence 4711)"},
		{Event{Kind: Ack, Reason: "by ann"}, "by ann"},
		{Event{Kind: Cleared, Text: "Gi3 is up", Reason: conditionOver}, "Gi3 is up"},
		{Event{Kind: Cleared, Text: "over: Gi3 is down", Reason: "the target is gone"}, "over: Gi3 is down (the target is gone)"},
	} {
		if got := test.e.Words(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.e, got, test.want)
		}
	}
}
