package poller

import (
	"maps"
	"strings"
	"testing"

	"trapline/collector"
	"trapline/internal/access"
)

func TestLabelsOfAllTargets(t *testing.T) {
	global := Global{Labels: map[string]string{"job": "snmp", "instance": "$target", "site": "berlin"}}
	own := map[string]string{"site": "hamburg", "rack": "$target"}
	c := NewCatalog(map[string]*access.Auth{}, map[string]*collector.Settings{}, nil)
	x, err := NewTarget(&TargetSettings{Name: "core-1", Address: "192.0.2.1", Labels: own}, &global, c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"job": "snmp", "instance": "core-1", "site": "hamburg", "rack": "$target"}
	if !maps.Equal(x.Labels, want) {
		t.Errorf("labels %v, want %v", x.Labels, want)
	}
	const rendered = `target="core-1",instance="core-1",job="snmp",rack="$target",site="hamburg"`
	if got := string(x.Rendered); got != rendered {
		t.Errorf("rendered as %s, want %s", got, rendered)
	}
	if len(own) != 2 || len(global.Labels) != 3 {
		t.Error("the settings were changed")
	}
	for name, want := range map[string]string{"__name__": "starts with __", "": "empty name", "target": "target's name already"} {
		g := Global{Labels: map[string]string{name: "x"}}
		if m := g.Problems(); len(m) != 1 || !strings.Contains(m[0].Text, want) || m[0].Path != "labels."+name {
			t.Errorf("label %q: %v", name, m)
		}
	}
}
