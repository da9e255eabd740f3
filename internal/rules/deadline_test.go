package rules

import (
	"testing"

	"trapline/internal/access"
)

// A poll that exceeds its deadline while the device answers neither ends series that it did not read nor reports the
// device as down.
func TestDeadlineEndsNothing(t *testing.T) {
	r := start(t, `{alert: Hot, expr: temperature > 90}, {alert: Down, expr: trapline_target_up == 0}`)
	late := &access.Error{Op: "walk", Reason: access.Deadline}
	r.poll(`temperature{i="1"} 95`, `temperature{i="2"} 20`)
	r.want("at first", "raise Hot i=1")
	for range 20 {
		r.now = r.now.Add(pollTime)
		r.pollOf(r.targets[0], late)
		r.want("without anything", "")
		r.now = r.now.Add(pollTime)
		r.pollOf(r.targets[0], late, `temperature{i="2"} 20`)
		r.want("without the hot one", "")
	}
}
