package rules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"trapline/internal/rules/expression"
	"trapline/internal/rules/result"

	"github.com/prometheus/prometheus/promql"
)

// maxSteps bounds the points of a series that a query may ask for, as Prometheus does.
const maxSteps = 11_000

// serveQuery evaluates an expression at one time.
func (e *Evaluator) serveQuery(w http.ResponseWriter, r *http.Request) {
	at, err := result.ParseTime(r.FormValue("time"), e.now())
	if err != nil {
		writeError(w, http.StatusBadRequest, "bad_data", fmt.Errorf("time: %w", err))
		return
	}
	e.runQuery(w, r, CostOptions{}, func(ctx context.Context, s *queryEngine, engine *promql.Engine) (promql.Query, error) {
		return engine.NewInstantQuery(ctx, s.store.samples, nil, r.FormValue("query"), at)
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
		writeError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	e.runQuery(w, r, CostOptions{Span: end.Sub(start), Step: step}, func(ctx context.Context, s *queryEngine, engine *promql.Engine) (promql.Query, error) {
		return engine.NewRangeQuery(ctx, s.store.samples, nil, r.FormValue("query"), start, end, step)
	})
}

// runQuery answers a query, if it is within the bounds of CheckText and cost.err. The engine has further ones.
func (e *Evaluator) runQuery(w http.ResponseWriter, r *http.Request, o CostOptions, query func(context.Context, *queryEngine, *promql.Engine) (promql.Query, error)) {
	s := e.queryEngine.Load()
	if s == nil {
		writeError(w, http.StatusServiceUnavailable, "unavailable", errNotOpen)
		return
	}
	cost, err := e.costOf(r.FormValue("query"), o)
	if err != nil {
		writeError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxQueryTime)
	defer cancel()
	q, err := query(ctx, s, newLimitedEngine(s.lookback, cost.maxSeries()))
	if err != nil {
		writeError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	defer q.Close()
	found := q.Exec(ctx)
	if found.Err != nil {
		writeError(w, http.StatusUnprocessableEntity, "execution", found.Err)
		return
	}
	result.Write(w, found.Value)
}

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
