package rules

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/rules/lawtest"
)

// Whatever rules find and whenever they are evaluated, their alerts are those of Prometheus: their states, values, labels,
// annotations, times and series, and the evaluation that resolves them. The results of Prometheus are recorded in
// testdata/alerts.txt; the program in oracle records it anew.
func TestLawOfAlerts(t *testing.T) {
	recorded, err := os.ReadFile("testdata/alerts.txt")
	if err != nil {
		t.Fatal(err)
	}
	resolved, conflicts := 0, 0
	for b := range lawtest.Blocks(lawfulRule) {
		var text bytes.Buffer
		if err := b.WriteRecord(&text); err != nil {
			t.Fatal(err)
		}
		var same bool
		if recorded, same = bytes.CutPrefix(recorded, text.Bytes()); !same {
			file := filepath.Join(t.ArtifactDir(), "block.txt")
			t.Errorf("block %d differs. With -artifacts it is in %s; that of Prometheus: cd oracle && go run . -block %[1]d", b.Number, file)
			if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
				t.Error(err)
			}
			return
		}
		resolved, conflicts = resolved+b.Resolved, conflicts+b.Conflicts
	}
	if len(recorded) > 0 {
		t.Errorf("the record goes on: %.100s", recorded)
	}
	if resolved < lawtest.Evaluations/100 || conflicts < lawtest.Evaluations/1000 {
		t.Errorf("%d alerts were resolved, and %d evaluations were refused: the law shows little", resolved, conflicts)
	}
}

// lawfulRule returns the evaluation of a rule.
func lawfulRule(r lawtest.Rule) func(lawtest.Evaluation) lawtest.Outcome {
	b := newRuleInstance(&Rule{
		UID: "g/" + lawtest.Name, Group: &Group{}, Alert: lawtest.Name, Expr: &parser.NumberLiteral{}, For: r.For, KeepFiringFor: r.KeepFiringFor,
		Labels: r.Labels, Annotations: r.Annotations, labels: textsOf(r.Labels), annotations: textsOf(r.Annotations),
	}, nil, time.Time{})
	once := &evaluation{device: newDevice()}
	once.device.selectors = &Selectors{mentions: map[string]bool{alertsName: true}}
	return func(e lawtest.Evaluation) (o lawtest.Outcome) {
		firing := Alerts{}
		for key, a := range b.alerts {
			if a.Firing {
				firing[key] = a
			}
		}
		once.at = e.At
		o.Series, o.Err = once.alert(context.Background(), b, slices.Clone(e.Found), e.At.Add(-e.Offset))
		for _, a := range b.alerts {
			o.Alerts = append(o.Alerts, lawtest.Alert(*a))
		}
		for key, a := range firing {
			if b.alerts[key] == nil {
				o.Resolved = append(o.Resolved, a.Labels)
			}
		}
		return o
	}
}
