// Oracle records what Prometheus' alerting rules do in the evaluations of package lawtest. TestLawOfAlerts of
// internal/rules compares the rules of Trapline with the record.
//
// It is a module of its own, because Prometheus' rules import the SDKs of three clouds, the Kubernetes client and gRPC. Where
// lawtest or the version of Prometheus changes, record anew:
//
//	cd internal/rules/oracle && go mod tidy && go run . > ../testdata/alerts.txt
//
// With -block it prints the outcomes of a block instead, to be compared with those of the test.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	"trapline/internal/rules/lawtest"
)

func main() {
	only := flag.Int("block", -1, "print the outcomes of the block with this `number`")
	flag.Parse()
	if err := write(*only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes the record to the standard output, or the outcomes of only one block.
func write(only int) error {
	to := bufio.NewWriter(os.Stdout)
	for b := range lawtest.Blocks(newRule) {
		if only < 0 {
			if err := b.WriteRecord(to); err != nil {
				return err
			}
		}
		if b.Number == only {
			fmt.Fprint(to, b.String())
		}
	}
	return to.Flush()
}

// newRule returns the evaluation of a rule by Prometheus.
func newRule(r lawtest.Rule) func(lawtest.Evaluation) lawtest.Outcome {
	rule := rules.NewAlertingRule(
		lawtest.Name, &parser.NumberLiteral{}, r.For, r.KeepFiringFor, labels.FromMap(r.Labels), labels.FromMap(r.Annotations),
		labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler),
	)
	return func(e lawtest.Evaluation) (o lawtest.Outcome) {
		found := func(_ context.Context, _ string, at time.Time) (promql.Vector, error) {
			if !at.Equal(e.At.Add(-e.Offset)) {
				return nil, errors.New("the time of the query")
			}
			return e.Found, nil
		}
		o.Series, o.Err = rule.Eval(context.Background(), e.Offset, e.At, found, &url.URL{}, 0)
		rule.ForEachActiveAlert(func(a *rules.Alert) {
			if a.State != rules.StateInactive {
				o.Alerts = append(o.Alerts, lawtest.Alert{
					Labels: a.Labels, Annotations: a.Annotations, Value: a.Value, Firing: a.State == rules.StateFiring,
					ActiveAt: a.ActiveAt, FiredAt: a.FiredAt, KeepFiringSince: a.KeepFiringSince,
				})
			} else if a.ResolvedAt.Equal(e.At) {
				o.Resolved = append(o.Resolved, a.Labels)
			}
		})
		return o
	}
}
