package api

import (
	"testing"

	"trapline/internal/rules"
)

// A rule about failures has data as soon as something fails; one about a module that nobody polls has none.
func TestStatesOfRules(t *testing.T) {
	for _, test := range []struct {
		missing []string
		want    string
	}{
		{[]string{"trapline_target_error"}, ruleWorks},
		{[]string{"trapline_target_error", "bgpPeerState"}, ruleNoData},
		{[]string{"bgpPeerState"}, ruleNoData},
		{nil, ruleWaiting},
	} {
		r := rules.Report{Rule: &rules.Rule{Alert: "A", Group: &rules.Group{}}, Missing: test.missing}
		if got := New(Options{}).ruleAnswer(&r); got.State != test.want {
			t.Errorf("%v: %s %q, want %s", test.missing, got.State, got.Text, test.want)
		}
	}
}
