package rules

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
	"trapline/internal/rules/fleet"
	"trapline/internal/series"
)

// Trial is an expression to be tried on the last polls and on the samples that rules look back at.
type Trial struct {
	Expr  string
	Polls []poller.Report // of the targets to try it on
	// Others returns the parts of the other members of a cluster, which need not be all; nil without one.
	Others func() ([]*fleet.Tried, error)
}

// TrialResult is the result of a Trial.
type TrialResult struct {
	Targets int           // that it was tried on
	Matches []Match       // now, sorted by target and labels
	Window  time.Duration // that was looked back over; 0 if there are no samples
	Began   int           // how often it became true for a series in Window
	Ended   int           // and how often it ceased to be
	Unkept  []string      // metrics in it of which only the last poll is known, since no rule looks at them
	Unknown []string      // metrics in it that no poll has
}

// Match is a series for which the expression is true.
type Match struct {
	Target string
	Labels map[string]string // but for the name and the target
	Value  float64
	Since  time.Time // when it became true; the beginning of Window if it was before; zero if no samples are kept
	Began  int       // how often it became true in Window
}

// ExprError is an error of the expression.
type ExprError struct{ Err error }

func (e *ExprError) Error() string { return e.Err.Error() }

func (e *ExprError) Unwrap() error { return e.Err }

// maxTrySteps is how many times an expression is evaluated over the window.
const maxTrySteps = 240

// Try evaluates an expression now and over the samples that are kept, within the bounds of a query.
func (e *Evaluator) Try(ctx context.Context, t *Trial) (*TrialResult, error) {
	ctx, cancel := context.WithTimeout(ctx, maxQueryTime)
	defer cancel()
	found := &TrialResult{}
	tr, err := e.newTrial(t)
	for _, step := range []func() error{tr.gather, func() error { return tr.join(t.Others) }, func() error { tr.names(found); return nil }, func() error { return tr.present(ctx, found) }, func() error { return tr.past(ctx, found) }} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return nil, &ExprError{err}
	}
	found.Targets = len(tr.of)
	return found, nil
}

// Tried returns the part of this member in the trial of another one.
func (e *Evaluator) Tried(t *Trial) (*fleet.Tried, error) {
	tr, err := e.newTrial(t)
	if err == nil {
		err = tr.gather()
	}
	if err != nil {
		return nil, &ExprError{err}
	}
	part := &fleet.Tried{Targets: slices.Sorted(maps.Keys(tr.of)), Named: slices.Sorted(maps.Keys(tr.named)), Series: tr.series}
	part.Interval, _ = e.sampling()
	if from := tr.oldest(); from <= tr.now.UnixMilli() {
		part.Since = from
	}
	part.Move(e.clock.Ahead(e.read()).Milliseconds())
	return part, nil
}

// oldest returns the time of the oldest sample that is kept here.
func (t *trial) oldest() int64 {
	if t.queryEngine == nil {
		return math.MaxInt64
	}
	return t.queryEngine.store.samples.MinTime()
}

// join adds the parts of other members.
func (t *trial) join(others func() ([]*fleet.Tried, error)) error {
	t.interval, t.retention = t.evaluator.sampling()
	t.since, t.alone = t.oldest(), others == nil
	if t.alone {
		return nil
	}
	parts, err := others()
	for _, part := range parts {
		part.Move(-t.evaluator.clock.Ahead(t.evaluator.read()).Milliseconds())
		for _, name := range part.Targets {
			t.of[name] = true
		}
		for _, name := range part.Named {
			t.named[name] = true
		}
		if part.Since != 0 {
			t.since = min(t.since, part.Since)
		}
		if part.Interval > 0 && (t.interval == 0 || part.Interval < t.interval) {
			t.interval = part.Interval
		}
		if t.series = append(t.series, part.Series...); len(t.series) > t.maxSeries {
			return t.tooMany()
		}
	}
	t.sort()
	return err
}

func (e *Evaluator) newTrial(t *Trial) (*trial, error) {
	c, err := e.costOf(t.Expr, CostOptions{})
	if err != nil {
		return nil, err
	}
	expr, err := expression.Parser.ParseExpr(t.Expr)
	if err != nil {
		return nil, err
	}
	if expr.Type() != parser.ValueTypeVector {
		return nil, fmt.Errorf("it gives a %s, of which no alarm can arise: compare a metric, as in ifOperStatus == 2", parser.DocumentedType(expr.Type()))
	}
	return &trial{evaluator: e, expr: expr, text: t.Expr, reports: t.Polls, queryEngine: e.queryEngine.Load(), now: e.now(), maxSeries: int(c.maxSeries())}, nil
}

// trial is the state of a Trial, and the queryable of its queries.
type trial struct {
	evaluator   *Evaluator
	queryEngine *queryEngine // nil if there are no rules
	expr        parser.Expr
	text        string
	reports     []poller.Report
	now         time.Time
	maxSeries   int // series

	series []fleet.Series  // of the last polls, sorted, of one sample each
	of     map[string]bool // targets
	named  map[string]bool // metrics that the last polls have

	alone               bool          // no other member is asked
	since               int64         // of the oldest sample
	interval, retention time.Duration // of samples
}

// gather collects the samples of the last polls that the expression selects.
func (t *trial) gather() error {
	t.of, t.named = map[string]bool{}, map[string]bool{}
	wanted := expression.Selectors(t.expr)
	in := &pollWriter{}
	for i := range t.reports {
		r := &t.reports[i]
		t.of[r.Target.Name] = true
		if r.Last == nil {
			continue
		}
		at := t.evaluator.clock.At(r.Last.Start).UnixMilli()
		sets := append([]*series.Set{r.Health, pollSeries(r.Last, r.Target)}, r.Last.Sets...)
		for _, set := range sets {
			for j := range set.Columns {
				t.column(in, wanted, &set.Columns[j], r.Target.Rendered, at)
			}
			if len(t.series) > t.maxSeries {
				return t.tooMany()
			}
		}
	}
	t.sort()
	return nil
}

func (t *trial) tooMany() error {
	return fmt.Errorf("it looks at more than %d series: try it on fewer targets", t.maxSeries)
}

func (t *trial) sort() {
	slices.SortStableFunc(t.series, func(a, b fleet.Series) int { return labels.Compare(a.Labels, b.Labels) })
	t.series = slices.CompactFunc(t.series, func(a, b fleet.Series) bool { return labels.Equal(a.Labels, b.Labels) })
}

func (t *trial) column(in *pollWriter, wanted []*parser.VectorSelector, c *series.Column, rendered []byte, at int64) {
	if !slices.ContainsFunc(wanted, func(vs *parser.VectorSelector) bool { return mayBeNamed(vs, c.Desc.Name) }) {
		return
	}
	t.named[c.Desc.Name] = t.named[c.Desc.Name] || c.Len() > 0
	for i, v := range c.Values {
		lset := in.labels(c.Desc.Name, rendered, c.Table.Row(c.RowOf(i)), c.ExtraOf(i))
		if slices.ContainsFunc(wanted, func(vs *parser.VectorSelector) bool { return expression.Selects(vs, lset) }) {
			t.series = append(t.series, fleet.Series{Labels: lset, Times: []int64{at}, Values: []fleet.Number{fleet.Number(v)}})
		}
	}
}

// mayBeNamed reports whether a selector selects series of that name.
func mayBeNamed(vs *parser.VectorSelector, name string) bool {
	for _, m := range vs.LabelMatchers {
		if m.Name == model.MetricNameLabel && !m.Matches(name) {
			return false
		}
	}
	return true
}

// names notes the metrics of the expression that do not exist, or exist only in the last poll.
func (t *trial) names(found *TrialResult) {
	seen := map[string]bool{}
	for _, vs := range expression.Selectors(t.expr) {
		name := expression.Name(vs)
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		kept := t.queryEngine != nil && t.kept(name)
		switch {
		case !t.named[name] && !kept:
			found.Unknown = append(found.Unknown, name)
		case !kept:
			found.Unkept = append(found.Unkept, name)
		}
	}
}

// kept reports whether rules look at a metric, or make it.
func (t *trial) kept(name string) bool {
	e := t.evaluator
	e.mu.Lock()
	set := e.set
	e.mu.Unlock()
	return set.Selectors.Named(name) || slices.ContainsFunc(set.Rules(), func(r *Rule) bool { return r.Record == name })
}

// present evaluates the expression now.
func (t *trial) present(ctx context.Context, found *TrialResult) error {
	q, err := t.engine().NewInstantQuery(ctx, t, nil, t.text, t.now)
	if err != nil {
		return err
	}
	defer q.Close()
	vector, err := q.Exec(ctx).Vector()
	if err != nil {
		return err
	}
	for _, s := range vector {
		found.Matches = append(found.Matches, newMatch(s))
	}
	slices.SortFunc(found.Matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(labels.FromMap(a.Labels).String(), labels.FromMap(b.Labels).String()))
	})
	return nil
}

func newMatch(s promql.Sample) Match {
	m := Match{Labels: s.Metric.Map(), Value: s.F, Target: s.Metric.Get(poller.TargetLabel)}
	delete(m.Labels, model.MetricNameLabel)
	delete(m.Labels, poller.TargetLabel)
	return m
}

func (t *trial) engine() *promql.Engine {
	lookback := minLookback
	if t.queryEngine != nil {
		lookback = t.queryEngine.lookback
	}
	return newLimitedEngine(lookback, uint64(t.maxSeries))
}

// past evaluates the expression over the stored samples, and notes since when and how often it was true.
func (t *trial) past(ctx context.Context, found *TrialResult) error {
	window, step := t.window()
	if window <= 0 || len(found.Unkept) > 0 {
		return nil
	}
	if _, err := t.evaluator.costOf(t.text, CostOptions{Span: window, Step: step}); err != nil {
		return nil // it is known for now alone
	}
	start := t.now.Add(-window)
	q, err := t.engine().NewRangeQuery(ctx, t, nil, t.text, start, t.now, step)
	if err != nil {
		return err
	}
	defer q.Close()
	matrix, err := q.Exec(ctx).Matrix()
	if err != nil {
		return err
	}
	found.Window = window
	histories := map[uint64]history{}
	for _, s := range matrix {
		h := newHistory(s.Floats, start, t.now, step)
		found.Began += h.began
		found.Ended += h.ended
		metric := labels.NewBuilder(s.Metric).Del(model.MetricNameLabel).Labels()
		histories[metric.Hash()] = h
	}
	for i := range found.Matches {
		m := &found.Matches[i]
		own := labels.NewBuilder(labels.FromMap(m.Labels)).Set(poller.TargetLabel, m.Target).Labels()
		h := histories[own.Hash()]
		m.Began = h.began
		if !h.since.IsZero() {
			m.Since = t.evaluator.wall(h.since)
		}
	}
	return nil
}

// window returns how far back stored samples reach, in whole steps, and the step.
func (t *trial) window() (window, step time.Duration) {
	if t.queryEngine == nil {
		return 0, 0
	}
	window = min(t.retention, t.now.Sub(time.UnixMilli(t.since)))
	step = max(t.interval, (window / maxTrySteps).Truncate(time.Second), time.Second)
	return window.Truncate(step), step
}

// history is when an expression was true for a series.
type history struct {
	began, ended int
	since        time.Time // zero if it is not true at the end
}

func newHistory(points []promql.FPoint, start, end time.Time, step time.Duration) (h history) {
	var last time.Time
	for _, p := range points {
		at := time.UnixMilli(p.T)
		if at.Sub(last) > step*3/2 {
			if !last.IsZero() {
				h.ended++
			}
			if at.Sub(start) >= step/2 {
				h.began++
			}
			h.since = at
		}
		last = at
	}
	if end.Sub(last) >= step/2 {
		h.since = time.Time{}
		if !last.IsZero() {
			h.ended++
		}
	}
	return h
}

// Querier looks at the samples that are kept, and those of the last polls.
func (t *trial) Querier(from, to int64) (storage.Querier, error) {
	q := &trialQuerier{trial: t}
	if t.queryEngine == nil {
		return q, nil
	}
	kept := storage.Queryable(t.queryEngine.store.samples)
	if !t.alone {
		kept = t.evaluator.everywhere(t.queryEngine, t.of)
	}
	var err error
	q.kept, err = kept.Querier(from, to)
	return q, err
}

type trialQuerier struct {
	trial *trial
	kept  storage.Querier // nil if nothing is kept
}

func (q *trialQuerier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	vs := &parser.VectorSelector{LabelMatchers: matchers}
	sets := []storage.SeriesSet{&seriesList{series: q.trial.series, wanted: func(l labels.Labels) bool { return expression.Selects(vs, l) }, at: -1}}
	if q.kept != nil {
		sets = append(sets, &onlyTargets{q.kept.Select(ctx, true, hints, matchers...), q.trial.of})
	}
	return storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
}

func (q *trialQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (q *trialQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (q *trialQuerier) Close() error {
	if q.kept == nil {
		return nil
	}
	return q.kept.Close()
}

// seriesList iterates over the wanted series of a list.
type seriesList struct {
	series []fleet.Series
	wanted func(labels.Labels) bool
	at     int
}

func (l *seriesList) Next() bool {
	for l.at++; l.at < len(l.series); l.at++ {
		if l.wanted(l.series[l.at].Labels) {
			return true
		}
	}
	return false
}

func (l *seriesList) At() storage.Series                { return l.series[l.at].List(0) }
func (l *seriesList) Err() error                        { return nil }
func (l *seriesList) Warnings() annotations.Annotations { return nil }

// onlyTargets filters a set by target; series without a target remain.
type onlyTargets struct {
	storage.SeriesSet
	of map[string]bool
}

func (o *onlyTargets) Next() bool {
	for o.SeriesSet.Next() {
		target := o.At().Labels().Get(poller.TargetLabel)
		if target == "" || o.of[target] {
			return true
		}
	}
	return false
}
