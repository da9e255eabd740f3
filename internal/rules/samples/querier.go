package samples

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/prometheus/prometheus/util/annotations"
)

// Querier looks at the samples from one time to another, in milliseconds.
func (s *Store) Querier(from, to int64) (storage.Querier, error) { return &querier{s, from, to}, nil }

type querier struct {
	store    *Store
	from, to int64
}

// Select returns the series that match.
func (q *querier) Select(ctx context.Context, sorted bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found, rest := q.store.candidates(ctx, matchers)
	set := &seriesSet{at: -1}
	q.store.mu.RLock()
	defer q.store.mu.RUnlock()
	for found.Next() {
		one := q.store.byRef[found.At()]
		if one != nil && matches(one.labels, rest) && one.within(q.from, q.to) {
			set.list = append(set.list, selected{one, q.store.files, q.from})
		}
	}
	set.err = cmp.Or(found.Err(), ctx.Err())
	if sorted {
		slices.SortFunc(set.list, func(a, b selected) int { return labels.Compare(a.series.labels, b.series.labels) })
	}
	return set
}

// Matching returns references to the series that match and have samples since a time in milliseconds.
func (s *Store) Matching(ctx context.Context, since int64, matchers ...*labels.Matcher) (refs []storage.SeriesRef) {
	found, rest := s.candidates(ctx, matchers)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for found.Next() {
		if one := s.byRef[found.At()]; one != nil && matches(one.labels, rest) && one.within(since, math.MaxInt64) {
			refs = append(refs, one.ref)
		}
	}
	return refs
}

// candidates returns the series that those matchers select which name values, and the other matchers.
func (s *Store) candidates(ctx context.Context, matchers []*labels.Matcher) (index.Postings, []*labels.Matcher) {
	var lists []index.Postings
	var rest []*labels.Matcher
	for _, m := range matchers {
		switch set := m.SetMatches(); {
		case m.Type == labels.MatchEqual && m.Value != "":
			lists = append(lists, s.postings.Postings(ctx, m.Name, m.Value))
		case m.Type == labels.MatchRegexp && len(set) > 0 && !m.Matches(""):
			lists = append(lists, s.postings.Postings(ctx, m.Name, set...))
		default:
			rest = append(rest, m)
		}
	}
	if len(lists) == 0 {
		return s.postings.All(), rest
	}
	return index.Intersect(lists...), rest
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(l.Get(m.Name)) })
}

// LabelValues implements storage.Querier. It returns none, because expressions need none.
func (q *querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier. It returns none, because expressions need none.
func (q *querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (q *querier) Close() error { return nil }

type seriesSet struct {
	list []selected
	at   int
	err  error
}

func (s *seriesSet) Next() bool                        { s.at++; return s.err == nil && s.at < len(s.list) }
func (s *seriesSet) At() storage.Series                { return &s.list[s.at] }
func (s *seriesSet) Err() error                        { return s.err }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// selected is a series from a time on.
type selected struct {
	series *series
	files  *chunkFiles
	from   int64
}

func (s *selected) Labels() labels.Labels { return s.series.labels }

// Iterator returns an iterator of the samples in memory and in files.
func (s *selected) Iterator(again chunkenc.Iterator) chunkenc.Iterator {
	it, ok := again.(*iterator)
	if !ok {
		it = &iterator{}
	}
	it.Iterator, it.selected, it.read = none, s, it.read[:0]
	s.series.mu.Lock()
	defer s.series.mu.Unlock()
	it.cold, it.full, it.from, it.err = after(s.series.cold, s.from), after(s.series.full, s.from), s.from, nil
	if it.more = s.series.open != nil; it.more {
		it.open = s.series.open.Iterator(it.open)
	}
	return it
}

var none = chunkenc.NewNopIterator()

// iterator goes through the chunks of a series. Samples may be appended meanwhile, which it does not see.
type iterator struct {
	chunkenc.Iterator // of the current chunk
	selected          *selected
	read              []stored // chunks from files that follow, the newest first
	cold              []group  // that follow
	full              []span
	more              bool  // and the open one
	from              int64 // time of the first sample
	chunk             chunkenc.XORChunk
	closed, open      chunkenc.Iterator // of a full chunk, and of the open one
	err               error
}

// Next implements chunkenc.Iterator.
func (it *iterator) Next() chunkenc.ValueType {
	for {
		if v := it.Iterator.Next(); v != chunkenc.ValNone || !it.advance() {
			return v
		}
	}
}

// millis is a time in milliseconds since 1970.
type millis = int64

// Seek implements chunkenc.Iterator.
func (it *iterator) Seek(t millis) chunkenc.ValueType {
	for {
		v := it.Iterator.Seek(t)
		it.from = max(it.from, t)
		if it.cold, it.full = after(it.cold, t), after(it.full, t); v != chunkenc.ValNone || !it.advance() {
			return v
		}
	}
}

// advance goes on to the next chunk.
func (it *iterator) advance() bool {
	for len(it.read) == 0 && len(it.cold) > 0 {
		if it.read, it.err = it.selected.files.read(it.cold[0], labels.StableHash(it.selected.series.labels), it.from, it.read); it.err != nil {
			it.read, it.cold, it.full, it.more = nil, nil, nil, false
			return false
		}
		it.cold = it.cold[1:]
	}
	switch {
	case len(it.read) > 0:
		last := len(it.read) - 1
		it.goTo(it.read[last].data)
		it.read = it.read[:last]
	case len(it.full) > 0:
		it.goTo(it.full[0].data)
		it.full = it.full[1:]
	case it.more:
		it.more, it.Iterator = false, it.open
	default:
		return false
	}
	return true
}

// goTo goes on to a full chunk.
func (it *iterator) goTo(data []byte) {
	it.chunk.Reset(data)
	it.closed = it.chunk.Iterator(it.closed)
	it.Iterator = it.closed
}

// Err implements chunkenc.Iterator.
func (it *iterator) Err() error { return cmp.Or(it.err, it.Iterator.Err()) }
