package samples

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/tsdb/encoding"
)

// place is where a chunk is: in a file, at an offset, with a size. 0 is nowhere.
type place uint64

const (
	offsetBits = 27
	sizeBits   = 15
)

func newPlace(file, offset uint32, size int) place {
	return place(file)<<(offsetBits+sizeBits) | place(offset)<<sizeBits | place(size)
}

func (p place) file() uint32   { return uint32(p >> (offsetBits + sizeBits)) }
func (p place) offset() uint32 { return uint32(p>>sizeBits) & (1<<offsetBits - 1) }
func (p place) size() int      { return int(p & (1<<sizeBits - 1)) }

// group is some chunks of a series in files, which follow each other. Each of them has the place of the one before it, so that
// the place of the newest one is all that is kept of them.
type group struct {
	first, last int64
	newest      place
	chunks      uint8
}

// groupSize is how many chunks are a group. If one cannot be read, those before it in its group are lost with it.
const groupSize = 8

// chunkFiles are files of chunks. They grow at their end only, and are removed as a whole. Its methods may be called
// concurrently, except that those which write are for one goroutine.
type chunkFiles struct {
	dir    string
	span   int64 // milliseconds of chunks with which a file is full
	damage func(what string, err error)

	mu       sync.RWMutex // guards byNumber
	byNumber map[uint32]*chunkFile
	newest   *chunkFile // nil if it is gone
	number   uint32     // of the newest one there was
	missing  []keptFile // that could not be found
	buffer   []byte     // of the record that is written
}

type chunkFile struct {
	file     *os.File
	number   uint32
	size     uint32
	first    int64 // end of the first chunk in it
	last     int64 // time of the last sample
	unsynced bool
	damaged  atomic.Bool // which was reported
}

// maxFileSize is the size with which a file is full. Offsets have to fit into a place.
const maxFileSize = 64 << 20

// filesDir is the directory of the files.
const filesDir = "chunks"

// A chunk is preceded by a checksum, the place of the one before it in its group, and the time of its first sample.
const (
	checksumSize = 4
	maxChunkSize = 1<<sizeBits - 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is of a chunk at a place of a series, so that a chunk elsewhere or of another is none.
func checksum(file, offset uint32, series uint64, content []byte) uint32 {
	var where [16]byte
	binary.BigEndian.PutUint32(where[:], file)
	binary.BigEndian.PutUint32(where[4:], offset)
	binary.BigEndian.PutUint64(where[8:], series)
	return crc32.Update(crc32.Checksum(where[:], castagnoli), castagnoli, content)
}

// extend writes a chunk of a series behind those of a group, and returns the group that they are then. If the group is full,
// or the zero group, that is another one.
func (f *chunkFiles) extend(g group, series uint64, c span) (group, error) {
	if g.chunks == 0 || g.chunks == groupSize {
		g = group{first: c.first}
	}
	file, err := f.writable()
	if err != nil {
		return group{}, err
	}
	b := encoding.Encbuf{B: append(f.buffer[:0], make([]byte, checksumSize)...)}
	b.PutUvarint64(uint64(g.newest))
	b.PutVarint64(c.first)
	b.PutBytes(c.data)
	f.buffer = b.B
	if len(b.B) > maxChunkSize {
		return group{}, fmt.Errorf("a chunk of %d octets", len(b.B))
	}
	binary.BigEndian.PutUint32(b.B, checksum(file.number, file.size, series, b.B[checksumSize:]))
	if _, err := file.file.WriteAt(b.B, int64(file.size)); err != nil {
		return group{}, err
	}
	g.newest, g.last = newPlace(file.number, file.size, len(b.B)), c.last
	g.chunks++
	file.size += uint32(len(b.B))
	file.first, file.last = min(file.first, c.last), max(file.last, c.last)
	file.unsynced = true
	return g, nil
}

// writable returns the file to write to.
func (f *chunkFiles) writable() (*chunkFile, error) {
	if n := f.newest; n != nil && n.size < maxFileSize && (n.size == 0 || n.last-n.first < f.span) {
		return n, nil
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(f.name(f.number+1), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	f.add(&chunkFile{file: file, number: f.number + 1, first: math.MaxInt64, last: math.MinInt64})
	return f.newest, nil
}

func (f *chunkFiles) name(number uint32) string {
	return filepath.Join(f.dir, fmt.Sprintf("%08d", number))
}

func (f *chunkFiles) add(file *chunkFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byNumber[file.number] = file
	if file.number > f.number {
		f.newest, f.number = file, file.number
	}
}

func (f *chunkFiles) get(number uint32) *chunkFile {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.byNumber[number]
}

// stored is a chunk that was read: the buffer, and the part of it that is the chunk.
type stored struct{ buffer, data []byte }

// read reads the chunks of a group of a series that have samples from a time on, the newest first, into a list that it uses
// again. Chunks that were deleted meanwhile are left out, and so are, after a report, those that are damaged.
func (f *chunkFiles) read(g group, series uint64, from int64, list []stored) ([]stored, error) {
	list = list[:0]
	next, first := g.newest, int64(math.MaxInt64)
	for n := uint8(0); n < g.chunks && next != 0 && first > from; n++ {
		file := f.get(next.file())
		if file == nil {
			break
		}
		if len(list) < cap(list) {
			list = list[:len(list)+1]
		} else {
			list = append(list, stored{})
		}
		one := &list[len(list)-1]
		before, begin, err := file.read(one, next, series)
		if err != nil {
			list = list[:len(list)-1]
			return list, f.lost(file, err)
		}
		next, first = before, begin
	}
	return list, nil
}

// lost returns the error of a chunk that cannot be read, unless it was deleted or is damaged, which is reported once for a file.
func (f *chunkFiles) lost(file *chunkFile, err error) error {
	switch {
	case errors.Is(err, os.ErrClosed):
		return nil
	case errors.Is(err, errDamaged) || errors.Is(err, io.EOF):
		if !file.damaged.Swap(true) {
			f.damage(file.file.Name(), err)
		}
		return nil
	}
	return err
}

var errDamaged = errors.New("the checksum is not that of the content")

// read reads a chunk, and returns the place of the one before it and the time of its first sample.
func (file *chunkFile) read(to *stored, p place, series uint64) (before place, first int64, err error) {
	if p.size() < checksumSize {
		return 0, 0, errDamaged
	}
	if cap(to.buffer) < p.size() {
		to.buffer = make([]byte, p.size())
	}
	to.buffer = to.buffer[:p.size()]
	if _, err := file.file.ReadAt(to.buffer, int64(p.offset())); err != nil {
		return 0, 0, err
	}
	content := to.buffer[checksumSize:]
	if binary.BigEndian.Uint32(to.buffer) != checksum(p.file(), p.offset(), series, content) {
		return 0, 0, errDamaged
	}
	d := encoding.Decbuf{B: content}
	before, first = place(d.Uvarint64()), d.Varint64()
	if to.data = d.B; d.Err() != nil || len(to.data) < leastChunk {
		return 0, 0, errDamaged
	}
	return before, first, nil
}

// remove removes the files whose chunks end before a time.
func (f *chunkFiles) remove(before int64) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, file := range f.byNumber {
		if file.last >= before {
			continue
		}
		delete(f.byNumber, number)
		if file == f.newest {
			f.newest = nil
		}
		err = errors.Join(err, file.file.Close(), os.Remove(file.file.Name()))
	}
	return err
}

// sync syncs the files that were written last.
func (f *chunkFiles) sync() error {
	for _, file := range f.byNumber {
		if !file.unsynced {
			continue
		}
		if err := file.file.Sync(); err != nil {
			return err
		}
		file.unsynced = false
	}
	return nil
}

func (f *chunkFiles) close() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range f.byNumber {
		err = errors.Join(err, file.file.Close())
	}
	return err
}

// keptFile is a file in a snapshot.
type keptFile struct {
	number, size uint32
	first, last  int64
}

func (f *chunkFiles) list() (list []keptFile) {
	for _, file := range f.byNumber {
		list = append(list, keptFile{file.number, file.size, file.first, file.last})
	}
	return list
}

// reportMissing reports the files that were not found and have samples of a time or later ones: others were removed by age.
func (f *chunkFiles) reportMissing(from int64) {
	for _, k := range f.missing {
		if k.last >= from {
			f.damage(f.name(k.number), os.ErrNotExist)
		}
	}
	f.missing = nil
}

// open opens the files of a snapshot, and removes the others. Samples behind the snapshot are cut off: the log has them.
func (f *chunkFiles) open(kept []keptFile) error {
	for _, k := range kept {
		file, err := os.OpenFile(f.name(k.number), os.O_RDWR, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			f.missing = append(f.missing, k)
			continue
		}
		if err != nil {
			return err
		}
		f.add(&chunkFile{file: file, number: k.number, size: k.size, first: k.first, last: k.last})
		if info, err := file.Stat(); err != nil || info.Size() < int64(k.size) {
			continue // which is reported by who reads it
		}
		if err := file.Truncate(int64(k.size)); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		number, parseErr := strconv.ParseUint(entry.Name(), 10, 32)
		if parseErr == nil && f.byNumber[uint32(number)] != nil && entry.Name() == filepath.Base(f.name(uint32(number))) {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(f.dir, entry.Name())))
	}
	return err
}
