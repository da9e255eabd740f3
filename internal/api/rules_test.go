package api

import (
	"testing"

	"trapline/collector"
	"trapline/internal/rules"
)

// The module to add is named.
func TestRulesWithoutDataNameModules(t *testing.T) {
	known := func() (map[string]KnownModule, error) {
		return map[string]KnownModule{"bgp4": {Settings: &collector.Settings{Metrics: []collector.MetricSettings{{Name: "bgpPeerState"}}}}}, nil
	}
	r := rules.Report{Rule: &rules.Rule{Alert: "A", Group: &rules.Group{}}, Missing: []string{"bgpPeerState"}}
	const want = "No target has series of bgpPeerState. Add module bgp4, or ignore this rule."
	if got := New(Options{Modules: known}).ruleAnswer(&r).Text; got != want {
		t.Errorf("%q", got)
	}
}

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
