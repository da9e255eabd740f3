// Package samples stores the samples of time series for as long as rules look back at them: compressed in memory, and in a
// log from which they are read again after a restart or a crash. It is a storage.Queryable of Prometheus' engine.
//
// The log is Prometheus' write-ahead log. It is divided into epochs: each epoch names a series before its first sample, so
// that old epochs can be deleted as they are. Old chunks are in files. A stop, and now and then the end of an epoch, leaves a
// snapshot of the series and their chunks, so that a start reads but the log since then.
package samples

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
)

// Store holds the samples of series. Its methods may be called concurrently.
type Store struct {
	dir       string
	retention int64 // milliseconds before the last sample
	logger    *slog.Logger

	refused, corrupted, unwritten atomic.Uint64 // for Faults

	mu       sync.RWMutex // guards the maps and next
	byRef    map[storage.SeriesRef]*series
	byHash   map[uint64]*series // of labels; others with the same hash follow by series.next
	next     storage.SeriesRef
	postings *index.MemPostings
	last     atomic.Int64 // time of the last sample

	// tending is held while samples are moved or deleted, writing while the log is written. Mutexes are locked in this
	// order: tending, writing, mu, that of a series.
	tending        sync.Mutex
	files          *chunkFiles // tending guards the methods that write
	snapshots      []snapshot  // the oldest first, guarded by tending
	snapshotNumber uint32      // of the newest one there was
	leastLog       int64       // size of the log that makes a snapshot worth it

	writing sync.Mutex // guards the rest
	first   int64      // time before which there is no sample
	log     *wlog.WL
	encoder record.Encoder
	epoch   uint32  // number of the current one
	epochs  []epoch // the last is the current one

	newSeries  []record.RefSeries // of a commit
	newSamples []record.RefSample
	buffers    [2][]byte
}

// Open reads the samples in a directory, and creates it if there is none. Samples are kept for at least retention.
// Records behind a damaged one of the log are lost, and so are the samples of a damaged file of chunks, which is
// logged.
func Open(dir string, retention time.Duration, logger *slog.Logger) (*Store, error) {
	if err := removeBlocks(dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, retention: retention.Milliseconds(), logger: logger, leastLog: leastLog}
	s.files = &chunkFiles{
		dir: filepath.Join(dir, filesDir), byNumber: map[uint32]*chunkFile{}, damage: s.damaged,
		span: max(s.retention/8, epochTime.Milliseconds()),
	}
	s.clear()
	var err error
	if s.log, err = wlog.NewSize(logger, nil, filepath.Join(dir, "wal"), segmentSize, compression.Snappy); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.log.Close(), s.files.close())
	}
	return s, nil
}

// load reads the newest snapshot and the log that follows it.
func (s *Store) load() error {
	if err := s.restore(); err != nil {
		return err
	}
	err := s.replay()
	if damage := (*wlog.CorruptionErr)(nil); errors.As(err, &damage) {
		s.logger.Warn("the log is damaged: what follows is lost", "segment", damage.Segment, "offset", damage.Offset, "err", damage.Err)
		s.corrupted.Add(1)
		err = s.log.Repair(damage)
	}
	if err == nil {
		err = s.beginEpoch()
	}
	if err != nil {
		return err
	}
	s.files.reportMissing(s.last.Load() - s.retention)
	return s.catchUp()
}

// damaged reports a damaged file.
func (s *Store) damaged(name string, err error) {
	s.corrupted.Add(1)
	s.logger.Warn("a file is damaged: what it has is lost, unless another has it", "file", name, "err", err)
}

// removeBlocks removes the blocks of Prometheus' own storage in the directory, whose samples cannot be read here.
func removeBlocks(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "chunks_head")); err != nil {
		return nil
	}
	return os.RemoveAll(dir)
}

// Close leaves a snapshot and ends the log. Nothing may be appended after that.
func (s *Store) Close() error {
	s.tending.Lock()
	defer s.tending.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	return errors.Join(s.saveLast(), s.log.Close(), s.files.close())
}

// NumSeries returns how many series have samples.
func (s *Store) NumSeries() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byRef)
}

// MaxTime returns the time of the last sample in milliseconds, math.MinInt64 if there is none.
func (s *Store) MaxTime() int64 { return s.last.Load() }

// MinTime returns the time of the first sample in milliseconds, which may be deleted already, or math.MaxInt64.
func (s *Store) MinTime() int64 {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.first
}

// Faults returns how many samples were refused, how often a file was damaged, and how often it could not be written.
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
	return errors.Join(s.files.remove(horizon), s.spillBefore(last-spillTime.Milliseconds()), s.rotate(horizon))
}

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

// find returns the series of these labels, or nil. The caller holds mu.
func (s *Store) find(hash uint64, l labels.Labels) *series {
	for one := s.byHash[hash]; one != nil; one = one.next {
		if labels.Equal(one.labels, l) {
			return one
		}
	}
	return nil
}

// series returns the series of these labels, and creates it if there is none.
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
