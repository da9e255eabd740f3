// Package samples stores the samples of time series for as long as rules look back at them: compressed in memory, and in a
// log from which they are read again after a restart or a crash. It is a storage.Queryable of Prometheus' engine.
//
// The log is Prometheus' write-ahead log. It is divided into epochs: each epoch names a series before its first sample, so
// that old epochs can be deleted as they are.
package samples

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
)

// Store holds the samples of series. Its methods may be called concurrently.
type Store struct {
	dir       string
	retention int64 // milliseconds before the last sample

	refused, corrupted, unwritten atomic.Uint64 // for Faults

	mu       sync.RWMutex // guards the maps and next
	byRef    map[storage.SeriesRef]*series
	byHash   map[uint64]*series // of labels; others with the same hash follow by series.next
	next     storage.SeriesRef
	postings *index.MemPostings
	last     atomic.Int64 // time of the last sample

	// tending is held while samples are moved or deleted, writing while the log is written. Mutexes are locked in this
	// order: tending, writing, mu, that of a series.
	tending sync.Mutex
	spills  []*spill // tending guards it
	spilled int      // files there have been, guarded by tending

	writing sync.Mutex // guards the rest
	log     *wlog.WL
	encoder record.Encoder
	epoch   uint32  // number of the current one
	epochs  []epoch // the last is the current one

	newSeries  []record.RefSeries // of a commit
	newSamples []record.RefSample
	buffers    [2][]byte
}

// epoch is a part of the log that can be read without what precedes it.
type epoch struct {
	segment     int   // in which it begins
	first, last int64 // times of samples
}

// epochTime is how much time an epoch covers.
const epochTime = 15 * time.Minute

// segmentSize is that of a file of the log.
const segmentSize = 4 << 20

// Open reads the samples in a directory, which it makes if there is none. Samples are kept for at least retention. What
// follows a damaged record of the log is lost, which is logged.
func Open(dir string, retention time.Duration, logger *slog.Logger) (*Store, error) {
	if err := removeBlocks(dir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Join(dir, spillDir)); err != nil {
		return nil, err
	}
	s := &Store{
		dir: dir, retention: retention.Milliseconds(), byRef: map[storage.SeriesRef]*series{}, byHash: map[uint64]*series{},
		postings: index.NewMemPostings(),
	}
	s.last.Store(math.MinInt64)
	var err error
	if s.log, err = wlog.NewSize(logger, nil, filepath.Join(dir, "wal"), segmentSize, compression.Snappy); err != nil {
		return nil, err
	}
	err = s.replay(logger)
	if damage := (*wlog.CorruptionErr)(nil); errors.As(err, &damage) {
		logger.Warn("the log is damaged: what follows is lost", "segment", damage.Segment, "offset", damage.Offset, "err", damage.Err)
		s.corrupted.Add(1)
		err = s.log.Repair(damage)
	}
	if err == nil {
		err = s.beginEpoch()
	}
	if err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	return s, nil
}

// removeBlocks removes what Prometheus' own storage left in the directory, whose samples cannot be read here.
func removeBlocks(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "chunks_head")); err != nil {
		return nil
	}
	return os.RemoveAll(dir)
}

// Close ends the log. Nothing may be appended after that.
func (s *Store) Close() error {
	s.tending.Lock()
	defer s.tending.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	return errors.Join(s.log.Close(), s.removeSpills(math.MaxInt64))
}

// NumSeries returns how many series have samples.
func (s *Store) NumSeries() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byRef)
}

// MaxTime returns the time of the last sample in milliseconds, math.MinInt64 if there is none.
func (s *Store) MaxTime() int64 { return s.last.Load() }

// MinTime returns the time of the first sample in milliseconds, or math.MaxInt64.
func (s *Store) MinTime() int64 {
	s.writing.Lock()
	defer s.writing.Unlock()
	first := int64(math.MaxInt64)
	for _, e := range s.epochs {
		first = min(first, e.first)
	}
	return first
}

// Faults returns how many samples were refused, how often the log was damaged, and how often it could not be written.
func (s *Store) Faults() (refused, corrupted, unwritten uint64) {
	return s.refused.Load(), s.corrupted.Load(), s.unwritten.Load()
}

// Maintain deletes samples that are older than the retention, and moves old ones from memory into files.
func (s *Store) Maintain() error {
	s.tending.Lock()
	defer s.tending.Unlock()
	last := s.last.Load()
	if last == math.MinInt64 {
		return nil
	}
	horizon := last - s.retention
	s.drop(horizon)
	return errors.Join(s.removeSpills(horizon), s.spillBefore(last-spillTime.Milliseconds()), s.truncate(horizon))
}

// truncate begins an epoch where the current one is full, and deletes those that end before horizon.
func (s *Store) truncate(horizon int64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if !s.epochs[len(s.epochs)-1].full() {
		return nil
	}
	if _, err := s.log.NextSegment(); err != nil {
		return err
	}
	if err := s.beginEpoch(); err != nil {
		return err
	}
	kept := s.epochs
	for len(kept) > 1 && kept[0].last < horizon {
		kept = kept[1:]
	}
	s.epochs = slices.Clone(kept)
	return s.log.Truncate(kept[0].segment)
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

// drop deletes samples before horizon, and series that have no others.
func (s *Store) drop(horizon int64) {
	deleted, affected := map[storage.SeriesRef]struct{}{}, map[labels.Label]struct{}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ref, one := range s.byRef {
		if !one.drop(horizon) {
			continue
		}
		s.forget(one)
		deleted[ref] = struct{}{}
		one.labels.Range(func(l labels.Label) { affected[l] = struct{}{} })
	}
	if len(deleted) > 0 {
		s.postings.Delete(deleted, affected)
	}
}

// forget takes a series out of the maps.
func (s *Store) forget(one *series) {
	delete(s.byRef, one.ref)
	hash := one.labels.Hash()
	if first := s.byHash[hash]; first != one {
		for ; first.next != one; first = first.next {
		}
		first.next = one.next
		return
	}
	if delete(s.byHash, hash); one.next != nil {
		s.byHash[hash] = one.next
	}
}

// find returns the series of that labels, or nil. The caller holds mu.
func (s *Store) find(hash uint64, l labels.Labels) *series {
	for one := s.byHash[hash]; one != nil; one = one.next {
		if labels.Equal(one.labels, l) {
			return one
		}
	}
	return nil
}

// series returns the series of that labels, which it makes if there is none.
func (s *Store) series(l labels.Labels) *series {
	hash := l.Hash()
	s.mu.RLock()
	one := s.find(hash, l)
	s.mu.RUnlock()
	if one != nil {
		return one
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one = s.find(hash, l); one != nil {
		return one
	}
	s.next++
	one = &series{ref: s.next, labels: l, next: s.byHash[hash], last: math.MinInt64}
	s.byRef[one.ref], s.byHash[hash] = one, one
	s.postings.Add(one.ref, l)
	return one
}

// replay reads the log.
func (s *Store) replay(logger *slog.Logger) error {
	files, err := wlog.NewSegmentsReader(s.log.Dir())
	if err != nil {
		return err
	}
	defer files.Close()
	r := replayer{store: s, decoder: record.NewDecoder(nil, logger), reader: wlog.NewReader(files), known: map[chunks.HeadSeriesRef]*series{}}
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
		_ = r.store.spillBefore(r.store.last.Load() - spillTime.Milliseconds()) // or at the next Tend
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
	if t > s.last.Load() {
		s.last.Store(t)
	}
}
