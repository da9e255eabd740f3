package samples

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// epoch is a part of the log that can be read without the preceding ones.
type epoch struct {
	segment     int   // in which it begins
	first, last int64 // times of samples
}

// epochTime is how much time an epoch covers.
const epochTime = 15 * time.Minute

// segmentSize is that of a file of the log.
const segmentSize = 4 << 20

// rotate begins an epoch where the current one is full, and deletes epochs of the log that are not needed, which may require a snapshot.
// The caller holds tending.
func (s *Store) rotate(horizon int64) error {
	segment, err := s.nextEpoch(horizon)
	if err != nil || segment < 0 {
		return err
	}
	if s.worthSaving(segment) {
		if err := s.save(segment); err != nil {
			return errors.Join(err, s.truncate(horizon))
		}
	}
	return s.truncate(horizon)
}

// nextEpoch begins an epoch where the current one is full, and returns its segment, or -1.
func (s *Store) nextEpoch(horizon int64) (segment int, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.first = max(s.first, horizon)
	if !s.epochs[len(s.epochs)-1].full() {
		return -1, nil
	}
	if segment, err = s.log.NextSegment(); err != nil {
		return -1, err
	}
	return segment, s.beginEpoch()
}

// truncate deletes the epochs of the log that end before horizon, and those that all snapshots have. The caller holds tending.
func (s *Store) truncate(horizon int64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.cut(horizon)
}

// cut is truncate for who holds writing.
func (s *Store) cut(horizon int64) error {
	from := 0
	if len(s.snapshots) >= keptSnapshots {
		from = min(s.snapshots[0].segment, s.saved()) // the older one may be of a log that is gone
	}
	for i, next := range s.epochs[1:] {
		if last := s.epochs[i].last; last != math.MinInt64 && last < horizon {
			from = max(from, next.segment)
		}
	}
	for len(s.epochs) > 1 && s.epochs[1].segment <= from {
		s.epochs = s.epochs[1:]
	}
	s.epochs = slices.Clone(s.epochs)
	return s.log.Truncate(from)
}

// beginEpoch begins an epoch with the current segment, which is empty.
func (s *Store) beginEpoch() error {
	segment, _, err := s.log.LastSegmentAndOffset()
	if err != nil {
		return err
	}
	if err := s.log.Log(s.encoder.MinValidTime(0, nil)); err != nil {
		return fmt.Errorf("begin of an epoch: %w", err)
	}
	s.epoch++
	s.epochs = append(s.epochs, newEpoch(segment))
	return nil
}

func newEpoch(segment int) epoch {
	return epoch{segment: segment, first: math.MaxInt64, last: math.MinInt64}
}

// note extends the current epoch to a time.
func (e *epoch) note(t int64) { e.first, e.last = min(e.first, t), max(e.last, t) }

func (e *epoch) full() bool { return e.last > e.first && e.last-e.first >= epochTime.Milliseconds() }

// replay reads the log since the last snapshot.
func (s *Store) replay() error {
	files, err := wlog.NewSegmentsRangeReader(wlog.SegmentRange{Dir: s.log.Dir(), First: s.saved(), Last: -1})
	if err != nil {
		return err
	}
	defer files.Close()
	r := replayer{store: s, decoder: record.NewDecoder(nil, s.logger), reader: wlog.NewReader(files), known: map[chunks.HeadSeriesRef]*series{}}
	for r.reader.Next() {
		if err := r.take(r.reader.Record()); err != nil {
			return &wlog.CorruptionErr{Dir: s.log.Dir(), Segment: r.reader.Segment(), Offset: r.reader.Offset(), Err: err}
		}
	}
	return r.reader.Err()
}

// replayer reads a log into a store.
type replayer struct {
	store   *Store
	decoder record.Decoder
	reader  *wlog.Reader
	known   map[chunks.HeadSeriesRef]*series // by the reference that the log has
	series  []record.RefSeries
	samples []record.RefSample
}

func (r *replayer) take(text []byte) (err error) {
	switch r.decoder.Type(text) {
	case record.MinValidTime:
		r.store.epochs = append(r.store.epochs, newEpoch(r.reader.Segment()))
		_ = r.store.spillBefore(r.store.last.Load() - spillTime.Milliseconds()) // or at the next Maintain
	case record.Series:
		r.series, err = r.decoder.Series(text, r.series[:0])
		for _, one := range r.series {
			r.known[one.Ref] = r.store.series(one.Labels)
		}
	case record.Samples:
		r.samples, err = r.decoder.Samples(text, r.samples[:0])
		for _, one := range r.samples {
			if known := r.known[one.Ref]; known != nil && one.T > known.last && len(r.store.epochs) > 0 {
				r.store.insert(known, one.T, one.V)
			}
		}
	}
	return err
}

// insert appends to a series in memory. The caller is the only one that writes.
func (s *Store) insert(one *series, t int64, v float64) {
	one.append(t, v)
	s.epochs[len(s.epochs)-1].note(t)
	s.note(t, t)
}

// note extends the time that the store covers.
func (s *Store) note(first, last int64) {
	s.first = min(s.first, first)
	if last > s.last.Load() {
		s.last.Store(last)
	}
}
