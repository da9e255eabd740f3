package samples

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/prometheus/prometheus/tsdb/encoding"
	"github.com/prometheus/prometheus/tsdb/fileutil"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// A snapshot is a file that has all series, with the chunks in memory as they are and the places of the others. It takes the
// place of the log until then. Two are kept: if the newer one is damaged, the older one and the log since then have the same.
//
// It consists of blocks: a head, series, and an end. Each block is preceded by its size and a checksum.
type snapshot struct {
	number  uint32
	segment int // of the log that follows it
	size    int64
}

// snapshotDir is the directory of the snapshots.
const snapshotDir = "snapshots"

// keptSnapshots is the number of snapshots that are kept.
const keptSnapshots = 2

// leastLog is the size of the log from which on a snapshot is worth it.
const leastLog = 1 << 20

// The types of blocks.
const (
	headBlock = 1 + iota
	seriesBlock
	endBlock
)

const (
	blockSize    = 256 << 10 // after which one ends
	maxBlockSize = 64 << 20
	blockHead    = 8
)

func (s *Store) snapshotName(number uint32) string {
	return filepath.Join(s.dir, snapshotDir, fmt.Sprintf("%08d", number))
}

// saved returns the segment of the log that follows the newest snapshot, -1 if there is none.
func (s *Store) saved() int {
	if len(s.snapshots) == 0 {
		return -1
	}
	return s.snapshots[len(s.snapshots)-1].segment
}

// worthSaving reports whether the log from the newest snapshot to a segment is as large as that.
func (s *Store) worthSaving(segment int) bool {
	least := s.leastLog
	if len(s.snapshots) > 0 {
		least = max(least, s.snapshots[len(s.snapshots)-1].size)
	}
	for i := max(s.saved(), 0); i < segment; i++ {
		if info, err := os.Stat(wlog.SegmentName(s.log.Dir(), i)); err == nil {
			least -= info.Size()
		}
	}
	return least <= 0
}

// saveLast writes a snapshot, unless the newest one has all samples. The caller holds tending and writing.
func (s *Store) saveLast() error {
	if !slices.ContainsFunc(s.epochs, func(e epoch) bool { return e.segment >= s.saved() && e.last != math.MinInt64 }) {
		return nil
	}
	segment, err := s.log.NextSegment()
	if err != nil {
		return err
	}
	if err := s.save(segment); err != nil {
		return err
	}
	return s.cut(s.last.Load() - s.retention)
}

// catchUp writes a snapshot if the log ends before the newest one, because the log was deleted: later records have to
// be read from it.
func (s *Store) catchUp() error {
	begin := s.epochs[len(s.epochs)-1].segment
	if s.saved() <= begin {
		return nil
	}
	s.damaged(s.log.Dir(), fmt.Errorf("it ends with segment %d: a snapshot precedes segment %d", begin, s.saved()))
	if err := s.save(begin); err != nil {
		return err
	}
	for ; len(s.snapshots) > 1; s.snapshots = s.snapshots[1:] {
		if err := os.Remove(s.snapshotName(s.snapshots[0].number)); err != nil {
			return err
		}
	}
	return nil
}

// save writes a snapshot that precedes a segment of the log, and removes old ones. The caller holds tending.
func (s *Store) save(segment int) error {
	s.snapshotNumber++
	name := s.snapshotName(s.snapshotNumber)
	if err := errors.Join(s.files.sync(), os.MkdirAll(filepath.Dir(name), 0o700)); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	file, err := os.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	w := blockWriter{number: s.snapshotNumber, to: bufio.NewWriterSize(file, blockSize)}
	s.writeTo(&w, segment)
	if err := errors.Join(w.err, w.to.Flush(), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("snapshot: %w", errors.Join(err, os.Remove(file.Name())))
	}
	if err := fileutil.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	s.snapshots = append(s.snapshots, snapshot{s.snapshotNumber, segment, w.size})
	for ; len(s.snapshots) > keptSnapshots; s.snapshots = s.snapshots[1:] {
		if err := os.Remove(s.snapshotName(s.snapshots[0].number)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("old snapshot: %w", err)
		}
	}
	return nil
}

// writeTo writes the blocks of a snapshot. Samples that are appended meanwhile are in it or not: the log has them too.
func (s *Store) writeTo(w *blockWriter, segment int) {
	s.mu.RLock()
	list := slices.SortedFunc(maps.Values(s.byRef), func(a, b *series) int { return cmp.Compare(a.ref, b.ref) })
	s.mu.RUnlock()
	w.content.PutByte(headBlock)
	w.content.PutUvarint(segment)
	files := s.files.list()
	w.content.PutUvarint(len(files))
	for _, f := range files {
		w.content.PutUvarint32(f.number)
		w.content.PutUvarint32(f.size)
		w.content.PutVarint64(f.first)
		w.content.PutVarint64(f.last)
	}
	w.flush()
	for _, one := range list {
		if w.content.Len() == 0 {
			w.content.PutByte(seriesBlock)
		}
		one.encode(&w.content)
		if w.content.Len() >= blockSize {
			w.flush()
		}
	}
	w.flush()
	w.content.PutByte(endBlock)
	w.flush()
}

// encode writes a series, unless it has no sample yet.
func (s *series) encode(to *encoding.Encbuf) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return
	}
	record.EncodeLabels(to, s.labels)
	to.PutUvarint(len(s.cold))
	for _, g := range s.cold {
		to.PutVarint64(g.first)
		to.PutUvarint64(uint64(g.last - g.first))
		to.PutUvarint64(uint64(g.newest))
		to.PutByte(g.chunks)
	}
	to.PutUvarint(len(s.full))
	for _, c := range s.full {
		to.PutVarint64(c.first)
		to.PutUvarint64(uint64(c.last - c.first))
		to.PutUvarintBytes(c.data)
	}
	to.PutVarint64(s.first)
	to.PutUvarint64(uint64(s.last - s.first))
	to.PutBE64(math.Float64bits(s.value))
	to.PutUvarintBytes(s.open.Bytes())
}

// blockWriter writes the blocks of a snapshot.
type blockWriter struct {
	number  uint32 // of the snapshot
	blocks  uint32
	size    int64
	to      *bufio.Writer
	content encoding.Encbuf // of the next block
	err     error
}

// flush ends a block.
func (w *blockWriter) flush() {
	if w.content.Len() == 0 || w.err != nil {
		return
	}
	var head [blockHead]byte
	binary.BigEndian.PutUint32(head[:], uint32(w.content.Len()))
	binary.BigEndian.PutUint32(head[4:], blockChecksum(w.number, w.blocks, w.content.B))
	_, err := w.to.Write(head[:])
	_, again := w.to.Write(w.content.B)
	w.err = errors.Join(err, again)
	w.size += int64(len(head) + w.content.Len())
	w.blocks++
	w.content.Reset()
}

// blockChecksum is of a block at its place, so that a block elsewhere is none.
func blockChecksum(snapshot, block uint32, content []byte) uint32 {
	var where [8]byte
	binary.BigEndian.PutUint32(where[:], snapshot)
	binary.BigEndian.PutUint32(where[4:], block)
	return crc32.Update(crc32.Checksum(where[:], castagnoli), castagnoli, content)
}
