package samples

import (
	"math"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// series is a series with its samples.
type series struct {
	ref    storage.SeriesRef
	labels labels.Labels
	next   *series // with the same hash; the store's mutex guards it
	epoch  uint32  // of the log that names it last; the store's writing guards it

	mu       sync.Mutex
	cold     []group // the oldest first; neither list is changed in place
	full     []span  // that follow
	open     *chunkenc.XORChunk
	appender chunkenc.Appender // to open; nil if that was read from a snapshot
	first    int64             // time of the first sample in open
	last     int64             // time of the last sample, math.MinInt64 if there is none
	value    float64           // of the last sample
	pending  int               // samples that are to be committed
	gone     bool              // the store has it no more
}

// span is a chunk that is full.
type span struct {
	first, last int64
	data        []byte
}

func (s span) end() int64  { return s.last }
func (g group) end() int64 { return g.last }

// after leaves out the chunks that end before a time.
func after[T interface{ end() int64 }](list []T, t int64) []T {
	for len(list) > 0 && list[0].end() < t {
		list = list[1:]
	}
	return list
}

// leastChunk is the size of a chunk of no samples.
const leastChunk = 2

// maxSamples is the number of samples of a full chunk: each evaluation reads the open one from its beginning.
const maxSamples = 60

// check reports why a sample cannot be appended, or counts it as pending. The same sample again is none.
func (s *series) check(t int64, v float64) (again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gone:
		return false, ErrUnknownSeries
	case t < s.last:
		return false, storage.ErrOutOfOrderSample
	case t == s.last && math.Float64bits(v) != math.Float64bits(s.value):
		return false, storage.NewDuplicateFloatErr(t, s.value, v)
	case t == s.last:
		return true, nil
	}
	s.pending++
	return false, nil
}

// settle ends the wait of a sample.
func (s *series) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
}

// append appends a sample that is later than the last.
func (s *series) append(t int64, v float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil && s.open.NumSamples() >= maxSamples {
		s.full = append(slices.Clip(s.full), span{s.first, s.last, slices.Clone(s.open.Bytes())})
		s.open = nil
	}
	switch {
	case s.open == nil:
		s.begin()
		s.first = t
	case s.appender == nil:
		s.goOn()
	}
	s.appender.Append(0, t, v)
	s.last, s.value = t, v
}

// begin begins a chunk.
func (s *series) begin() {
	s.open = chunkenc.NewXORChunk()
	s.appender, _ = s.open.Appender() // which is always possible to an empty chunk
}

// goOn makes a chunk that can be appended to of the open one, of which there is but the content.
func (s *series) goOn() {
	old := s.open.Iterator(nil)
	for s.begin(); old.Next() != chunkenc.ValNone; {
		t, v := old.At()
		s.appender.Append(0, t, v)
	}
}

// drop deletes the chunks that end before horizon, and reports whether nothing is left.
func (s *series) drop(horizon int64) (empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := after(s.cold, horizon); len(kept) < len(s.cold) {
		s.cold = slices.Clone(kept)
	}
	if kept := after(s.full, horizon); len(kept) < len(s.full) {
		s.full = slices.Clone(kept)
	}
	if s.pending > 0 || s.last >= horizon {
		return false
	}
	s.open, s.appender, s.gone = nil, nil, true
	return true
}

// within reports whether there may be samples from one time to another.
func (s *series) within(from, to int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open != nil && s.last >= from && s.begins() <= to
}

// begins returns the time of the first sample.
func (s *series) begins() int64 {
	switch {
	case len(s.cold) > 0:
		return s.cold[0].first
	case len(s.full) > 0:
		return s.full[0].first
	}
	return s.first
}
