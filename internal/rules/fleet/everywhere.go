package fleet

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Everywhere are the samples of all members of a cluster for a query: each series from the member that has its target. Members
// that do not answer are in the warnings of the query.
type Everywhere struct {
	Own     Source
	Ask     func(ctx context.Context, r *Request) ([]*Answer, error) // all other members; an error names those without an answer
	Targets []string                                                 // as of Request
	Series  int                                                      // that each selector may select
	Samples int                                                      // in these
}

// Querier looks at the samples from one time to another, in milliseconds by the clock of the rules.
func (e *Everywhere) Querier(from, to int64) (storage.Querier, error) {
	own, err := e.Own.Samples.Querier(from, to)
	return &querier{own, e, from, to}, err
}

// askWait is how long a query waits for the other members, for each of its selectors.
const askWait = 2 * time.Second

// querier selects labels of series nowhere: queries do not.
type querier struct {
	storage.Querier // of the own samples
	everywhere      *Everywhere
	from, to        int64
}

// Select asks the other members, and returns the series of all.
func (q *querier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	e := q.everywhere
	from, to := q.from, q.to
	if hints != nil {
		from, to = hints.Start, hints.End
	}
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	answers, err := e.Ask(ctx, &Request{
		Match: []string{(&parser.VectorSelector{LabelMatchers: matchers}).String()}, Targets: e.Targets,
		Since: from + e.Own.Ahead, Until: to + e.Own.Ahead, Query: true, Series: e.Series, Samples: e.Samples,
	})
	if refused := (*Refused)(nil); errors.As(err, &refused) {
		return storage.ErrSeriesSet(refused)
	}
	var others []storage.Series
	series, samples := 0, 0
	for _, a := range answers {
		for i := range a.Series {
			if series, samples = series+1, samples+len(a.Series[i].Times); e.Series > 0 && series > e.Series || e.Samples > 0 && samples > e.Samples {
				return storage.ErrSeriesSet(tooMany(e.Series, e.Samples))
			}
			others = append(others, a.Series[i].List(e.Own.Ahead))
		}
	}
	slices.SortStableFunc(others, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	others = slices.CompactFunc(others, func(a, b storage.Series) bool { return labels.Equal(a.Labels(), b.Labels()) })
	return storage.NewMergeSeriesSet([]storage.SeriesSet{
		&ownSeries{q.Querier.Select(ctx, true, hints, matchers...), &e.Own},
		&listed{list: others, warnings: warningsOf(err), at: -1},
	}, 0, storage.ChainedSeriesMerge)
}

func warningsOf(err error) annotations.Annotations {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the list of errors.Join itself
		list = joined.Unwrap()
	}
	var all annotations.Annotations
	for _, one := range list {
		if one != nil {
			all.Add(one)
		}
	}
	return all
}

// ownSeries leaves out the series of targets that others have.
type ownSeries struct {
	storage.SeriesSet
	of *Source
}

func (o *ownSeries) Next() bool {
	for o.SeriesSet.Next() {
		if o.of.has(o.At().Labels().Get(targetLabel)) {
			return true
		}
	}
	return false
}

// listed iterates over a list.
type listed struct {
	list     []storage.Series
	warnings annotations.Annotations
	at       int
}

func (l *listed) Next() bool                        { l.at++; return l.at < len(l.list) }
func (l *listed) At() storage.Series                { return l.list[l.at] }
func (l *listed) Err() error                        { return nil }
func (l *listed) Warnings() annotations.Annotations { return l.warnings }

// Tried is the part of a member in the trial of an expression.
type Tried struct {
	Targets  []string      `json:"targets"`         // that it was tried on
	Named    []string      `json:"named,omitempty"` // metrics that their last polls have
	Series   []Series      `json:"series"`          // of these polls that the expression selects
	Interval time.Duration `json:"interval"`        // the shortest time between two samples
	Since    int64         `json:"since,omitempty"` // of the oldest sample that is kept, in milliseconds by the wall clock; 0 if none are
}

// Move moves the times of the samples. Series that have not one of them are left out.
func (t *Tried) Move(by int64) {
	t.Series = slices.DeleteFunc(t.Series, func(s Series) bool { return len(s.Times) != 1 || len(s.Values) != 1 })
	for i := range t.Series {
		t.Series[i].Times[0] += by
	}
	if t.Since != 0 {
		t.Since += by
	}
}

// List returns the series as a query looks at it, by a clock that the wall clock is so much ahead of.
func (s *Series) List(ahead int64) storage.Series {
	list := make([]chunks.Sample, len(s.Times))
	for i, t := range s.Times {
		list[i] = sample{t - ahead, float64(s.Values[i])}
	}
	return storage.NewListSeries(s.Labels, list)
}

// sample is a chunks.Sample that is a number.
type sample struct {
	t int64
	f float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
