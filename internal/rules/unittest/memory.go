package unittest

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// memory holds the series of a test. Unlike the store of rules it has histograms, which other rules may read.
type memory map[uint64]*storedSeries // by the hash of their labels

type storedSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// point is a chunks.Sample.
type point struct {
	t         int64
	v         float64
	histogram *histogram.FloatHistogram // takes the place of v
}

func (p point) T() int64                      { return p.t }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.v }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return p.histogram }
func (p point) Copy() chunks.Sample           { return p }

func (p point) Type() chunkenc.ValueType {
	if p.histogram != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

// add appends a sample, which must be later than the last of its series or the same.
func (m memory) add(l labels.Labels, p point) error {
	s := m[l.Hash()]
	if s == nil {
		s = &storedSeries{labels: l}
		m[l.Hash()] = s
	}
	if n := len(s.samples); n > 0 {
		switch last := s.samples[n-1]; {
		case p.t < last.T():
			return storage.ErrOutOfOrderSample
		case p.t == last.T() && math.Float64bits(p.v) == math.Float64bits(last.F()) && p.histogram.Equals(last.FH()):
			return nil
		case p.t == last.T():
			return storage.ErrDuplicateSampleForTimestamp
		}
	}
	s.samples = append(s.samples, s.hinted(p))
	return nil
}

// hinted returns the point with a hint whether a histogram was reset, as storage does.
func (s *storedSeries) hinted(p point) point {
	if p.histogram == nil || p.histogram.CounterResetHint != histogram.UnknownCounterReset || len(s.samples) == 0 {
		return p
	}
	if last := s.samples[len(s.samples)-1].FH(); last != nil {
		p.histogram = p.histogram.Copy()
		if p.histogram.DetectReset(last) {
			p.histogram.CounterResetHint = histogram.CounterReset
		} else {
			p.histogram.CounterResetHint = histogram.NotCounterReset
		}
	}
	return p
}

// input is an input series, of which a part is in memory.
type input struct {
	labels labels.Labels
	points []point
}

// inputs parses the input series of a test. Of two with the same labels the second counts, as for promtool.
func (t *test) inputs() (list []*input, err error) {
	for _, s := range t.InputSeries {
		l, values, err := language.ParseSeriesDesc(s.Series + " " + s.Values)
		if err != nil {
			return nil, err
		}
		in := &input{labels: l}
		for i, v := range values {
			if !v.Omitted {
				at := t.start().Add(time.Duration(i) * time.Duration(t.Interval))
				in.points = append(in.points, point{at.UnixMilli(), v.Value, v.Histogram})
			}
		}
		list = slices.DeleteFunc(list, func(other *input) bool { return labels.Equal(other.labels, l) })
		list = append(list, in)
	}
	return list, nil
}

// load adds the samples of input series up to a time.
func (m memory) load(list []*input, till time.Time) error {
	for _, in := range list {
		for len(in.points) > 0 && in.points[0].t <= till.UnixMilli() {
			if err := m.add(in.labels, in.points[0]); err != nil {
				return err
			}
			in.points = in.points[1:]
		}
	}
	return nil
}

// Querier returns a querier over all series.
func (m memory) Querier(from, to int64) (storage.Querier, error) {
	return memoryQuerier{memory: m, from: from, to: to}, nil
}

type memoryQuerier struct {
	memory
	from, to int64
}

// Select returns the series that match, sorted by their labels.
func (q memoryQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
	for _, s := range q.memory {
		if slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			continue
		}
		within := slices.DeleteFunc(slices.Clone(s.samples), func(p chunks.Sample) bool { return p.T() < q.from || p.T() > q.to })
		if len(within) > 0 {
			set.list = append(set.list, storage.NewListSeries(s.labels, within))
		}
	}
	slices.SortFunc(set.list, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return set
}

// LabelValues returns none: expressions do not ask for them.
func (memoryQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames returns none.
func (memoryQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (memoryQuerier) Close() error { return nil }

type seriesSet struct {
	list []storage.Series
	at   int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.list) }
func (s *seriesSet) At() storage.Series                { return s.list[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
