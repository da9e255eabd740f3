package rules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"trapline/internal/rules/expression"
	"trapline/internal/rules/result"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
)

// maxSteps bounds the points of a series that a query may ask for, as Prometheus does.
const maxSteps = 11_000

// serveQuery evaluates an expression at one time.
func (e *Evaluator) serveQuery(w http.ResponseWriter, r *http.Request) {
	at, err := parseTime(r.FormValue("time"), e.now())
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
	start, err1 := parseTime(r.FormValue("start"), time.Time{})
	end, err2 := parseTime(r.FormValue("end"), time.Time{})
	step, err3 := parseStep(r.FormValue("step"))
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

// parseTime parses seconds since 1970, or RFC 3339.
func parseTime(text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > -1<<40 && seconds < 1<<40 {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is no time: write seconds since 1970, or as in 2026-01-31T12:00:00Z", text)
	}
	return t, nil
}

// parseStep parses seconds, or a duration as in expressions.
func parseStep(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0.001 && seconds < 1<<30 {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("step %q is no duration above 0: write seconds, or as in 1m", text)
	}
	return time.Duration(d), nil
}
