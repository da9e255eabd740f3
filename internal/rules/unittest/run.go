package unittest

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// Options select the tests.
type Options struct {
	Run                 *regexp.Regexp // matches the names of tests; nil matches all
	IgnoreUnknownFields bool           // of rule files

	// Names resolves the names in exp_traps, and Line prints the actual variable bindings.
	Names varbind.Names
	Line  func(snmp.VarBind) string
}

// Result is the result of a test.
type Result struct {
	Name     string
	Failures []error
}

// Run runs the tests of a file. It returns an error if there are none.
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
		r := &run{file: f, test: t, options: o, context: context.Background()}
		if err := r.all(); err != nil {
			r.failures = append(r.failures, fmt.Errorf("%s:%d: %s: %w", f.name, t.At.line, t.Name, err))
		}
		results = append(results, Result{t.Name, r.failures})
	}
	return results, nil
}

// The limits of an expression, as in promtool.
const maxSamples, maxTime = 10_000, 100 * time.Second

// run is the run of one test.
type run struct {
	file     *file
	test     *test
	options  Options
	context  context.Context
	engine   *promql.Engine
	memory   memory
	groups   []*group
	failures []error
}

// language is PromQL without feature flags.
var language = parser.NewParser(parser.Options{})

func (r *run) fail(line int, format string, args ...any) {
	r.failures = append(r.failures, fmt.Errorf("%s:%d: %s: "+format, append([]any{r.file.name, line, r.test.Name}, args...)...))
}

func (r *run) all() (err error) {
	for _, a := range r.test.AlertRuleTests {
		if a.Alertname == "" {
			return fmt.Errorf("the alert_rule_test in line %d has no alertname", a.At.line)
		}
	}
	r.memory = memory{}
	r.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: maxSamples, Timeout: maxTime, EnableAtModifier: true, EnableNegativeOffset: true, Parser: language,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Duration(r.file.EvaluationInterval).Milliseconds() },
	})
	input, err := r.test.inputs()
	if err != nil {
		return err
	}
	if err := r.loadRules(); err != nil {
		return err
	}
	if err := r.evaluate(input); err != nil {
		return err
	}
	for i := range r.test.ExprTests {
		r.checkExpr(&r.test.ExprTests[i])
	}
	return r.checkTraps()
}

// last returns the time of the last expected result.
func (r *run) last() (last time.Duration) {
	for _, a := range r.test.AlertRuleTests {
		last = max(last, time.Duration(a.EvalTime))
	}
	for _, e := range r.test.ExprTests {
		last = max(last, time.Duration(e.EvalTime))
	}
	return last
}

// evaluate evaluates all groups at each evaluation_interval. Results expected at other times are those of the
// evaluation before.
func (r *run) evaluate(input []*input) error {
	interval := time.Duration(r.file.EvaluationInterval)
	for at := time.Duration(0); at <= r.last() && at >= 0; at += interval {
		now := r.test.start().Add(at)
		err := r.memory.load(input, now)
		for _, g := range r.groups {
			if err == nil {
				err = g.evaluate(r, now)
			}
		}
		if err != nil {
			return fmt.Errorf("at %s: %w", duration(at), err)
		}
		for i := range r.test.AlertRuleTests {
			if t := &r.test.AlertRuleTests[i]; at <= time.Duration(t.EvalTime) && time.Duration(t.EvalTime)-at < interval {
				r.checkAlerts(t)
			}
		}
	}
	return nil
}
