package rules

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"trapline/internal/rules/expression"
	"trapline/internal/rules/fleet"
	"trapline/internal/rules/result"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

// maxSteps bounds the points of a series that a query may ask for, as Prometheus does.
const maxSteps = 11_000

// Register adds the paths of Prometheus' API for queries of the stored samples.
func (e *Evaluator) Register(mux *http.ServeMux) {
	mux.HandleFunc("/api/v1/query", e.serveQuery)
	mux.HandleFunc("/api/v1/query_range", e.serveRange)
}

// serveQuery evaluates an expression at one time.
func (e *Evaluator) serveQuery(w http.ResponseWriter, r *http.Request) {
	at, err := result.ParseTime(r.FormValue("time"), e.now())
	if err != nil {
		result.WriteError(w, http.StatusBadRequest, "bad_data", fmt.Errorf("time: %w", err))
		return
	}
	e.runQuery(w, r, CostOptions{}, func(ctx context.Context, s *queryEngine, engine *promql.Engine) (promql.Query, error) {
		return engine.NewInstantQuery(ctx, e.everywhere(s, nil), nil, r.FormValue("query"), at)
	})
}

// serveRange evaluates an expression at several times.
func (e *Evaluator) serveRange(w http.ResponseWriter, r *http.Request) {
	start, err1 := result.ParseTime(r.FormValue("start"), time.Time{})
	end, err2 := result.ParseTime(r.FormValue("end"), time.Time{})
	step, err3 := result.ParseStep(r.FormValue("step"))
	err := errors.Join(err1, err2, err3)
	switch {
	case err != nil:
	case start.IsZero() || end.Before(start):
		err = errors.New("want start and end, the end not before the start")
	case end.Sub(start)/step > maxSteps:
		err = fmt.Errorf("more than %d points for a series: take a longer step", maxSteps)
	}
	if err != nil {
		result.WriteError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	e.runQuery(w, r, CostOptions{Span: end.Sub(start), Step: step}, func(ctx context.Context, s *queryEngine, engine *promql.Engine) (promql.Query, error) {
		return engine.NewRangeQuery(ctx, e.everywhere(s, nil), nil, r.FormValue("query"), start, end, step)
	})
}

// runQuery answers a query, if it is within the bounds of CheckText and cost.err. The engine has further ones.
func (e *Evaluator) runQuery(w http.ResponseWriter, r *http.Request, o CostOptions, query func(context.Context, *queryEngine, *promql.Engine) (promql.Query, error)) {
	s := e.queryEngine.Load()
	if s == nil {
		result.WriteError(w, http.StatusServiceUnavailable, "unavailable", errNotOpen)
		return
	}
	cost, err := e.costOf(r.FormValue("query"), o)
	if err != nil {
		result.WriteError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxQueryTime)
	defer cancel()
	q, err := query(ctx, s, newLimitedEngine(s.lookback, cost.maxSeries()))
	if err != nil {
		result.WriteError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	defer q.Close()
	found := q.Exec(ctx)
	if found.Err != nil {
		result.WriteError(w, http.StatusUnprocessableEntity, "execution", found.Err)
		return
	}
	warnings, _ := found.Warnings.AsStrings(r.FormValue("query"), maxWarnings, 0)
	result.Write(w, found.Value, warnings)
}

// maxWarnings bounds the warnings of an answer.
const maxWarnings = 20

// everywhere returns the samples of a query: in a cluster those of all members, of so many targets or, if there are none, of all.
func (e *Evaluator) everywhere(s *queryEngine, targets map[string]bool) storage.Queryable {
	if !e.shards.Many() {
		return s.store.samples
	}
	all := &fleet.Everywhere{Own: e.source(s), Ask: e.rounds.Ask, Series: maxQuerySeries, Samples: maxQuerySamples}
	if len(targets) <= maxNamed {
		all.Targets = slices.Sorted(maps.Keys(targets))
	}
	return all
}

// maxNamed is how many targets a query for samples names. Samples of more are asked for without names.
const maxNamed = 10_000

func (e *Evaluator) costOf(text string, o CostOptions) (*cost, error) {
	if err := CheckText(text); err != nil {
		return nil, err
	}
	expr, err := expression.Parser.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	o.Interval, o.Retention = e.sampling()
	c := newCost(expr, o)
	return c, c.err()
}

// sampling returns the shortest time between two samples, and the longest time for which they are kept.
func (e *Evaluator) sampling() (interval, retention time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.devices {
		if interval == 0 || d.interval < interval {
			interval = d.interval
		}
	}
	for _, g := range e.set.Groups {
		if g.Interval > 0 && g.Interval < interval {
			interval = g.Interval
		}
	}
	return interval, retentionOf(e.set.Selectors.Window)
}
