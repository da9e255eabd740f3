package samples

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/encoding"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/prometheus/prometheus/tsdb/record"
)

// restore reads the newest snapshot that is whole. Those that are damaged are removed.
func (s *Store) restore() error {
	numbers, err := s.listSnapshots()
	if err != nil {
		return err
	}
	var files []keptFile
	for _, number := range slices.Backward(numbers) {
		r := restorer{store: s, blocks: blockReader{number: number}, headOnly: len(s.snapshots) > 0}
		err := r.read()
		if errors.Is(err, errDamaged) {
			s.damaged(s.snapshotName(number), err)
			if !r.headOnly {
				s.clear()
			}
			if err := os.Remove(s.snapshotName(number)); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if !r.headOnly {
			files = r.files
		}
		s.snapshots = slices.Insert(s.snapshots, 0, snapshot{number, r.segment, r.blocks.size})
	}
	return s.files.open(files)
}

// listSnapshots returns the numbers of the snapshots in order, and removes other files.
func (s *Store) listSnapshots() (numbers []uint32, err error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, snapshotDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		number, parseErr := strconv.ParseUint(entry.Name(), 10, 32)
		if name := s.snapshotName(uint32(number)); parseErr == nil && filepath.Base(name) == entry.Name() && entry.Type().IsRegular() {
			numbers = append(numbers, uint32(number))
			s.snapshotNumber = max(s.snapshotNumber, uint32(number))
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, snapshotDir, entry.Name())))
	}
	slices.Sort(numbers)
	return numbers, err
}

// clear forgets all series.
func (s *Store) clear() {
	s.byRef, s.byHash, s.postings = map[storage.SeriesRef]*series{}, map[uint64]*series{}, index.NewMemPostings()
	s.last.Store(math.MinInt64)
	s.first = math.MaxInt64
}

// restorer reads a snapshot into a store.
type restorer struct {
	store    *Store
	blocks   blockReader
	headOnly bool // no series
	decoder  record.Decoder
	segment  int
	files    []keptFile
}

func (r *restorer) read() error {
	file, err := os.Open(r.store.snapshotName(r.blocks.number))
	if err != nil {
		return err
	}
	defer file.Close()
	r.blocks.from = bufio.NewReaderSize(file, blockSize)
	r.decoder = record.NewDecoder(nil, nil)
	if err := r.blocks.next(); err != nil {
		return err
	}
	if err := r.head(); err != nil || r.headOnly {
		return err
	}
	for {
		if err := r.blocks.next(); err != nil {
			return err
		}
		switch r.blocks.content.Byte() {
		case endBlock:
			return nil
		case seriesBlock:
			for r.blocks.content.Len() > 0 && r.blocks.content.Err() == nil {
				r.take()
			}
		default:
			return fmt.Errorf("%w: a block of no kind", errDamaged)
		}
		if r.blocks.content.Err() != nil {
			return fmt.Errorf("%w: a series: %w", errDamaged, r.blocks.content.Err())
		}
	}
}

// head reads the first block.
func (r *restorer) head() error {
	d := &r.blocks.content
	if d.Byte() != headBlock {
		return fmt.Errorf("%w: no head", errDamaged)
	}
	r.segment = d.Uvarint()
	for n := d.Uvarint(); n > 0 && d.Err() == nil; n-- {
		r.files = append(r.files, keptFile{number: d.Uvarint32(), size: d.Uvarint32(), first: d.Varint64(), last: d.Varint64()})
	}
	if d.Err() != nil {
		return fmt.Errorf("%w: head: %w", errDamaged, d.Err())
	}
	return nil
}

// take reads a series.
func (r *restorer) take() {
	d := &r.blocks.content
	one := r.store.series(r.decoder.DecodeLabels(d))
	for n := d.Uvarint(); n > 0 && d.Err() == nil; n-- {
		g := group{first: d.Varint64()}
		g.last, g.newest, g.chunks = g.first+int64(d.Uvarint64()), place(d.Uvarint64()), d.Byte()
		one.cold = append(one.cold, g)
	}
	for n := d.Uvarint(); n > 0 && d.Err() == nil; n-- {
		c := span{first: d.Varint64()}
		c.last, c.data = c.first+int64(d.Uvarint64()), chunk(d)
		one.full = append(one.full, c)
	}
	one.first = d.Varint64()
	one.last = one.first + int64(d.Uvarint64())
	one.value = math.Float64frombits(d.Be64())
	one.open, one.appender = &chunkenc.XORChunk{}, nil
	one.open.Reset(chunk(d))
	r.store.note(one.begins(), one.last)
}

// chunk reads a chunk.
func chunk(d *encoding.Decbuf) []byte {
	data := d.UvarintBytes()
	if len(data) < leastChunk && d.Err() == nil {
		d.E = encoding.ErrInvalidSize
	}
	return slices.Clone(data)
}

// blockReader reads the blocks of a snapshot.
type blockReader struct {
	number  uint32
	blocks  uint32
	size    int64
	from    *bufio.Reader
	buffer  []byte
	content encoding.Decbuf // of the block
}

func (r *blockReader) next() error {
	var head [blockHead]byte
	if _, err := io.ReadFull(r.from, head[:]); err != nil {
		return torn(err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > maxBlockSize {
		return fmt.Errorf("%w: a block of %d octets", errDamaged, size)
	}
	r.buffer = slices.Grow(r.buffer[:0], int(size))[:size]
	if _, err := io.ReadFull(r.from, r.buffer); err != nil {
		return torn(err)
	}
	if binary.BigEndian.Uint32(head[4:]) != blockChecksum(r.number, r.blocks, r.buffer) {
		return errDamaged
	}
	r.content = encoding.Decbuf{B: r.buffer}
	r.size += int64(len(head)) + int64(size)
	r.blocks++
	return nil
}

// torn is the error of a file that ends too early.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", errDamaged)
	}
	return err
}
