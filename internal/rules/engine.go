package rules

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"trapline/internal/rules/expression"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
)

// queryEngine evaluates expressions over the stored samples.
type queryEngine struct {
	store    *store
	engine   *promql.Engine
	lookback time.Duration
}

var errNotOpen = errors.New("the samples that rules look back at are not open yet, or there are no rules")

// The limits of one expression of a rule.
const maxSamples, maxTime = 5_000_000, 10 * time.Second

// newQueryEngine returns an engine whose lookback covers the longest poll interval.
func (e *Evaluator) newQueryEngine(s *store) *queryEngine {
	lookback := e.lookback()
	return &queryEngine{s, promql.NewEngine(engineOptions(lookback)), lookback}
}

// lookback covers the longest poll interval.
func (e *Evaluator) lookback() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	lookback := minLookback
	for _, t := range e.configuration.all() {
		lookback = max(lookback, t.Interval*5/2)
	}
	return lookback
}

func engineOptions(lookback time.Duration) promql.EngineOpts {
	return promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: maxSamples, Timeout: maxTime, LookbackDelta: lookback,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: expression.Parser,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	}
}

func newLimitedEngine(lookback time.Duration, maxSeries uint64) *promql.Engine {
	o := engineOptions(lookback)
	o.MaxSamples, o.Timeout, o.EnableQueryCost = maxQuerySamples, maxQueryTime, true
	engine := promql.NewEngine(o)
	engine.SetQueryLimits(maxSeries, maxQueryReads, maxQueryTime)
	return engine
}

// QueryFunc returns a function that evaluates expressions of rules over a queryable. A scalar is returned as a vector
// of one sample.
func QueryFunc(engine *promql.Engine, q storage.Queryable) template.QueryFunc {
	return func(ctx context.Context, text string, at time.Time) (promql.Vector, error) {
		query, err := engine.NewInstantQuery(ctx, q, nil, text, at)
		if err != nil {
			return nil, err
		}
		defer query.Close()
		switch result := query.Exec(ctx); v := result.Value.(type) {
		case promql.Vector:
			return v, result.Err
		case promql.Scalar:
			return promql.Vector{{T: v.T, F: v.V}}, result.Err
		default:
			return nil, cmp.Or(result.Err, errNoVector)
		}
	}
}

var errNoVector = errors.New("rule result is not a vector or scalar")

// The limits of a query, which are lower than those of a rule.
const maxQuerySeries, maxQuerySamples, maxQueryReads, maxQueryTime = 100_000, 1_000_000, 50_000_000, 10 * time.Second
