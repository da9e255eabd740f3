package unittest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"

	"trapline/internal/notify"
	"trapline/internal/snmp"
)

// Options say which tests are run, and how.
type Options struct {
	Run                 *regexp.Regexp // nil, or what the names of tests have to match
	IgnoreUnknownFields bool           // of rule files

	// Names are of what exp_traps expect, and Line prints what there is instead.
	Names notify.Names
	Line  func(snmp.VarBind) string
}

// Result is what became of a test.
type Result struct {
	Name     string
	Failures []error
}

// Run runs the tests of a file. The error says why there are none.
func Run(name string, o Options) ([]Result, error) {
	f, err := read(name)
	if err != nil {
		return nil, err
	}
	if len(f.Tests) == 0 {
		return nil, fmt.Errorf("%s: no tests: write them under tests", name)
	}
	var results []Result
	for i := range f.Tests {
		t := &f.Tests[i]
		if o.Run != nil && !o.Run.MatchString(t.Name) {
			continue
		}
		r := &run{file: f, test: t, options: o}
		if err := r.all(); err != nil {
			r.failures = append(r.failures, fmt.Errorf("%s:%d: %s: %w", f.name, t.At.line, t.Name, err))
		}
		results = append(results, Result{t.Name, r.failures})
	}
	return results, nil
}

// run is the run of one test.
type run struct {
	*file
	*test
	options  Options
	loader   *promqltest.LazyLoader
	groups   []*rules.Group
	failures []error
}

// language is PromQL without what stands behind feature flags.
var language = parser.NewParser(parser.Options{})

func (r *run) fail(line int, format string, args ...any) {
	r.failures = append(r.failures, fmt.Errorf("%s:%d: %s: "+format, append([]any{r.file.name, line, r.test.Name}, args...)...))
}

func (r *run) all() (err error) {
	for _, a := range r.AlertRuleTests {
		if a.Alertname == "" {
			return fmt.Errorf("the alert_rule_test in line %d has no alertname", a.At.line)
		}
	}
	r.loader, err = promqltest.NewLazyLoader(r.load(), promqltest.LazyLoaderOpts{
		EnableAtModifier: true, EnableNegativeOffset: true, StartTime: r.StartTimestamp.Time, Parser: language,
	})
	if err != nil {
		return err
	}
	defer r.loader.Close()
	r.loader.SubqueryInterval = time.Duration(r.EvaluationInterval)
	if err := r.loadRules(); err != nil {
		return err
	}
	if err := r.evaluate(); err != nil {
		return err
	}
	for i := range r.ExprTests {
		r.checkExpr(&r.ExprTests[i])
	}
	return r.checkTraps()
}

// load is the input in the language of Prometheus' own tests.
func (r *run) load() string {
	var b strings.Builder
	fmt.Fprintf(&b, "load %s\n", r.Interval)
	for _, s := range r.InputSeries {
		fmt.Fprintf(&b, "  %s %s\n", s.Series, s.Values)
	}
	return b.String()
}

// loadRules reads the rule files. Groups are evaluated in the order of group_eval_order, the others before
// them.
func (r *run) loadRules() error {
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:    rules.EngineQueryFunc(r.loader.QueryEngine(), r.loader.Storage()),
		AppendableV2: r.loader.Storage(),
		Context:      context.Background(),
		NotifyFunc:   func(context.Context, string, ...*rules.Alert) {},
		Logger:       promslog.NewNopLogger(),
		Parser:       language,
	})
	groups, errs := manager.LoadGroups(time.Duration(r.Interval), r.ExternalLabels, r.ExternalURL, nil, r.options.IgnoreUnknownFields, r.RuleFiles...)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, file := range r.RuleFiles {
		for _, g := range groups {
			if g.File() == file && !slices.Contains(r.groups, g) {
				r.groups = append(r.groups, g)
			}
		}
	}
	slices.SortFunc(r.groups, func(a, b *rules.Group) int {
		place := func(g *rules.Group) int { return slices.Index(r.GroupEvalOrder, g.Name()) }
		if place(a) != place(b) {
			return place(a) - place(b)
		}
		return strings.Compare(rules.GroupKey(a.File(), a.Name()), rules.GroupKey(b.File(), b.Name()))
	})
	for _, rule := range r.alerting() {
		rule.SetRestored(true) // without which there are no series ALERTS
	}
	return nil
}

func (r *run) alerting() (list []*rules.AlertingRule) {
	for _, g := range r.groups {
		for _, rule := range g.Rules() {
			if a, ok := rule.(*rules.AlertingRule); ok {
				list = append(list, a)
			}
		}
	}
	return list
}

// last is the time of the last thing that the test asks for.
func (r *run) last() (last time.Duration) {
	for _, a := range r.AlertRuleTests {
		last = max(last, time.Duration(a.EvalTime))
	}
	for _, e := range r.ExprTests {
		last = max(last, time.Duration(e.EvalTime))
	}
	return last
}

// evaluate evaluates all groups at each evaluation_interval. What is asked about a time in between is
// answered as of the evaluation before.
func (r *run) evaluate() error {
	interval := time.Duration(r.EvaluationInterval)
	for at := time.Duration(0); at <= r.last() && at >= 0; at += interval {
		var err error
		r.loader.WithSamplesTill(r.start().Add(at), func(loaded error) {
			if err = loaded; err == nil {
				err = r.evaluateAt(r.start().Add(at))
			}
		})
		if err != nil {
			return fmt.Errorf("at %s: %w", duration(at), err)
		}
		for i := range r.AlertRuleTests {
			if t := &r.AlertRuleTests[i]; at <= time.Duration(t.EvalTime) && time.Duration(t.EvalTime)-at < interval {
				r.checkAlerts(t)
			}
		}
	}
	return nil
}

func (r *run) evaluateAt(now time.Time) error {
	for _, g := range r.groups {
		g.Eval(r.loader.Context(), now)
		for _, rule := range g.Rules() {
			if err := rule.LastError(); err != nil {
				return fmt.Errorf("rule %s: %w", rule.Name(), err)
			}
		}
	}
	return nil
}
