package samples

import (
	"errors"
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/record"
)

// Appender collects samples that are stored together. It is for use by one goroutine, and must not be used after Commit or
// Rollback.
type Appender struct {
	store   *Store
	pending []pending
}

type pending struct {
	series *series
	t      int64
	v      float64
}

// Appender returns a new Appender.
func (s *Store) Appender() *Appender { return &Appender{store: s} }

// ErrUnknownSeries is the error that Append returns for an invalid reference, or that of a deleted series.
var ErrUnknownSeries = errors.New("unknown series")

// Append adds a sample at a time in milliseconds to a series, and returns a reference to the series, which takes the place
// of its labels from then on. A reference of 0 is none. A sample that is not later than the last of its series is an error of
// storage, unless it is the same sample.
func (a *Appender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	one, err := a.series(ref, l)
	if err != nil {
		return 0, err
	}
	again, err := one.check(t, v)
	switch {
	case errors.Is(err, ErrUnknownSeries) && !l.IsEmpty(): // deleted meanwhile
		return a.Append(0, l, t, v)
	case errors.Is(err, storage.ErrOutOfOrderSample):
		a.store.refused.Add(1)
		return 0, err
	case err != nil:
		return 0, err
	case !again:
		a.pending = append(a.pending, pending{one, t, v})
	}
	return one.ref, nil
}

func (a *Appender) series(ref storage.SeriesRef, l labels.Labels) (*series, error) {
	if ref != 0 {
		a.store.mu.RLock()
		one := a.store.byRef[ref]
		a.store.mu.RUnlock()
		if one != nil {
			return one, nil
		}
	}
	if l.IsEmpty() {
		return nil, ErrUnknownSeries
	}
	if name, twice := l.HasDuplicateLabelNames(); twice {
		return nil, fmt.Errorf("the label %q is there twice", name)
	}
	return a.store.series(l), nil
}

// Has reports whether the store has the series of these labels.
func (a *Appender) Has(l labels.Labels) bool {
	a.store.mu.RLock()
	defer a.store.mu.RUnlock()
	return a.store.find(l.Hash(), l) != nil
}

// Commit stores the samples, or none of them. It omits samples of a series that are not later than the one before.
func (a *Appender) Commit() error {
	if len(a.pending) == 0 {
		return nil
	}
	defer a.end()
	s := a.store
	s.writing.Lock()
	defer s.writing.Unlock()
	s.newSeries, s.newSamples = s.newSeries[:0], s.newSamples[:0]
	for _, p := range a.pending {
		if p.series.epoch != s.epoch {
			s.newSeries = append(s.newSeries, record.RefSeries{Ref: chunks.HeadSeriesRef(p.series.ref), Labels: p.series.labels})
		}
		s.newSamples = append(s.newSamples, record.RefSample{Ref: chunks.HeadSeriesRef(p.series.ref), T: p.t, V: p.v})
	}
	if err := s.write(); err != nil {
		s.unwritten.Add(1)
		return fmt.Errorf("write to WAL: %w", err)
	}
	for _, p := range a.pending {
		p.series.epoch = s.epoch
		if p.t <= p.series.last {
			s.refused.Add(1)
			continue
		}
		s.insert(p.series, p.t, p.v)
	}
	return nil
}

// write logs the series and the samples of a commit.
func (s *Store) write() error {
	s.buffers[0] = s.encoder.Series(s.newSeries, s.buffers[0][:0])
	s.buffers[1] = s.encoder.Samples(s.newSamples, s.buffers[1][:0])
	if len(s.newSeries) == 0 {
		return s.log.Log(s.buffers[1])
	}
	return s.log.Log(s.buffers[0], s.buffers[1])
}

// Rollback drops the samples.
func (a *Appender) Rollback() { a.end() }

func (a *Appender) end() {
	for _, p := range a.pending {
		p.series.settle()
	}
	a.pending = nil
}
