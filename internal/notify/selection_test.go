package notify

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"gopkg.in/yaml.v3"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// A rule must select receivers by tags and by name, in addition to the receivers' own filters. If a
// rule names only unknown receivers, all must be notified.
func TestRulesChooseReceivers(t *testing.T) {
	for _, test := range []struct {
		name            string
		receivers, tags []string
		severity        alarm.Severity
		core, edge      bool
		misread         float64
	}{
		{"no choice", nil, nil, alarm.Major, true, true, 0},
		{"a tag", nil, []string{"core"}, alarm.Major, true, false, 0},
		{"several tags", nil, []string{"core", "rack"}, alarm.Major, true, true, 0},
		{"a name", []string{"edge"}, nil, alarm.Major, false, true, 0},
		{"a name or a tag", []string{"edge"}, []string{"core"}, alarm.Major, true, true, 0},
		{"a filter besides", nil, []string{"core"}, alarm.Warning, false, false, 0},
		{"a tag that is there, one that is not", nil, []string{"core", "kore"}, alarm.Major, true, false, 1},
		{"nothing that is there", []string{"egde"}, []string{"kore"}, alarm.Major, true, true, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			core, edge := &outboxtest.Receiver{}, &outboxtest.Receiver{}
			of := func(l *outboxtest.Receiver, r ReceiverSettings) *queue.Route {
				route := l.Route(r.Name)
				route.Matches, route.Tags = r.matches(nil), r.Tags
				return route
			}
			r := serve(t, t.TempDir(), of(core, ReceiverSettings{Name: "core", Tags: []string{"core"}, MinSeverity: "major"}), of(edge, ReceiverSettings{Name: "edge", Tags: []string{"rack", "site"}}))
			defer r.stop()
			a := alarm.Alarm{ID: "a", Rule: "R", Severity: test.severity, Receivers: test.receivers, Tags: test.tags}
			if err := r.outbox.Apply([]outbox.Transition{{Alarm: a, Active: true}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			rest(time.Minute)
			if gotCore, gotEdge := core.Take() != "", edge.Take() != ""; gotCore != test.core || gotEdge != test.edge {
				t.Errorf("%s: sent core %v, edge %v", test.name, gotCore, gotEdge)
			}
			if got := testutil.ToFloat64(r.outbox.Metrics.Misread); got != test.misread {
				t.Errorf("%s: %g names misread, want %g", test.name, got, test.misread)
			}
		})
	}
}

// A label that nothing has is doubtful only if it is like one that there is: alerts of others may have any labels.
func TestMisspelledLabelsOfReceivers(t *testing.T) {
	for labels, want := range map[string]string{
		"{site: berlin}":              "",
		"{alertname: A, target: a}":   "",
		"{stie: berlin, ifNme: Gi.*}": `receiver "nms": labels: no target, rule or metric has the label "ifNme": did you mean ifName?; receiver "nms": labels: no target, rule or metric has the label "stie": did you mean site?`,
		"{severty: critical}":         `receiver "nms": labels: no target, rule or metric has the label "severty": did you mean severity?`,
		"{kubernetes_namespace: a}":   "",
	} {
		var r ReceiverSettings
		if err := yaml.Unmarshal([]byte("{name: nms, labels: "+labels+"}"), &r); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(MisspelledLabels(`receiver "nms": labels`, maps.Keys(r.Labels), []string{"site", "ifName"}), "; "); got != want {
			t.Errorf("%s: %s\nwant %s", labels, got, want)
		}
	}
}

// Receivers that are sent the same alarms at one address are named, unless a group has both or their filters differ.
func TestReceiversOfOneAddress(t *testing.T) {
	a := ReceiverSettings{Name: "a", Address: "192.0.2.9"}
	for name, test := range map[string]struct {
		change func(b *ReceiverSettings)
		want   bool
	}{
		"the same":             {func(*ReceiverSettings) {}, true},
		"with the port":        {func(b *ReceiverSettings) { b.Address = "udp:192.0.2.9:162" }, true},
		"as another type":      {func(b *ReceiverSettings) { b.Type = "trap" }, true},
		"in a group":           {func(b *ReceiverSettings) { b.Group = "g" }, true},
		"another port":         {func(b *ReceiverSettings) { b.Address = "192.0.2.9:1162" }, false},
		"another severity":     {func(b *ReceiverSettings) { b.MinSeverity = "critical" }, false},
		"another label":        {func(b *ReceiverSettings) { b.Tags = []string{"core"} }, false},
		"webhooks without URL": {func(b *ReceiverSettings) { b.Address = "" }, false},
	} {
		b := a
		b.Name = "b"
		test.change(&b)
		warnings := SameAddress([]ReceiverSettings{a, b, {Name: "c", Address: "192.0.2.10"}})
		if got := len(warnings) == 1 && strings.Contains(warnings[0], `"a" and "b"`); got != test.want || len(warnings) > 1 {
			t.Errorf("%s: %v", name, warnings)
		}
	}
	one := ReceiverSettings{Name: "1", Address: "192.0.2.9", Group: "g"}
	other := one
	if other.Name = "2"; len(SameAddress([]ReceiverSettings{one, other})) > 0 {
		t.Error("a group sends each alarm to one of its members, and is named")
	}
}
