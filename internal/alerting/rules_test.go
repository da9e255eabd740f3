package alerting

import (
	"testing"

	"trapline/collector"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/rules"
)

// The module to add is named.
func TestRulesWithoutDataNameModules(t *testing.T) {
	known := func() (map[string]catalog.KnownModule, error) {
		return map[string]catalog.KnownModule{"bgp4": catalog.Compiled(&collector.Settings{Metrics: []collector.MetricSettings{{Name: "bgpPeerState"}}}, "")}, nil
	}
	r := rules.Report{Rule: &rules.Rule{Alert: "A", Group: &rules.Group{}}, Missing: []string{"bgpPeerState"}}
	const want = "No target has series of bgpPeerState. Add module bgp4, or ignore this rule."
	if got := New(nil, catalog.New(nil, nil, known), nil, nil).ruleAnswer(&r).Text; got != want {
		t.Errorf("%q", got)
	}
}

// A rule about failures has data as soon as something fails; one about a module that nobody polls has none.
func TestStatesOfRules(t *testing.T) {
	for _, test := range []struct {
		missing []string
		want    string
	}{
		{[]string{"trapline_target_error"}, api.RuleWorks},
		{[]string{"trapline_target_error", "bgpPeerState"}, api.RuleNoData},
		{[]string{"bgpPeerState"}, api.RuleNoData},
		{nil, api.RuleWaiting},
	} {
		r := rules.Report{Rule: &rules.Rule{Alert: "A", Group: &rules.Group{}}, Missing: test.missing}
		if got := New(nil, catalog.New(nil, nil, nil), nil, nil).ruleAnswer(&r); got.State != test.want {
			t.Errorf("%v: %s %q, want %s", test.missing, got.State, got.Text, test.want)
		}
	}
}
