package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// block is a run of frames that is read as a whole.
type block struct {
	Offset int64  `json:"offset"` // in the file
	Length int64  `json:"length"`
	Raw    int    `json:"raw"` // octets of its lines
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	From   int64  `json:"from"` // least and greatest time, in milliseconds
	To     int64  `json:"to"`
	Uptime int64  `json:"uptime,omitempty"` // of the journal when the segment was closed, in milliseconds
	Bloom  bloom  `json:"bloom"`            // of the keys of its entries; nil while the block grows

	keys map[uint64]struct{} // the same, while it grows
}

// blockSize is how many octets of lines a block has, or more where one frame has.
const blockSize = 256 << 10

func (b *block) add(e *Event, raw int) {
	at := e.At.UnixMilli()
	if b.Raw == 0 {
		b.First, b.From, b.To, b.keys = e.Seq, at, at, map[uint64]struct{}{}
	}
	b.Last, b.From, b.To = e.Seq, min(b.From, at), max(b.To, at)
	b.Raw += raw
	for _, k := range e.keys() {
		b.keys[k] = struct{}{}
	}
}

// freeze ends the growth of a block.
func (b *block) freeze() {
	b.Bloom, b.keys = newBloom(b.keys), nil
}

// mayHave reports whether the block may have an entry with all those keys.
func (b *block) mayHave(keys []uint64) bool {
	for _, k := range keys {
		if b.Bloom != nil && !b.Bloom.mayHave(k) {
			return false
		}
	}
	return true
}

// segment is a file. Blocks are in the order of the file, and so of their entries.
type segment struct {
	path   string
	size   int64
	blocks []block
	values map[string][]string // of a closed segment: see values.index; nil where they are not known
	grown  values              // of the active segment; guarded by Journal.writing
	file   *os.File            // of the active segment; closed ones are opened for each query
}

const (
	suffix    = ".jsonl.zst"
	temporary = ".new" // behind the name of a file that is being written
)

func (s *segment) last() uint64 {
	if len(s.blocks) == 0 {
		return 0
	}
	return s.blocks[len(s.blocks)-1].Last
}

func (s *segment) to() (to int64) {
	for i := range s.blocks {
		to = max(to, s.blocks[i].To)
	}
	return to
}

// grow notes a frame of entries at the end of the file.
func (s *segment) grow(entries []Event, sizes []int, length int64) {
	n := len(s.blocks)
	if n == 0 || s.blocks[n-1].keys == nil {
		s.blocks = append(s.blocks, block{Offset: s.size})
		n++
	}
	b := &s.blocks[n-1]
	for i := range entries {
		b.add(&entries[i], sizes[i])
	}
	b.Length += length
	s.size += length
	if b.Raw >= blockSize {
		b.freeze()
	}
}

// skip notes octets at the end of the file that are no frame.
func (s *segment) skip(length int64) {
	if n := len(s.blocks); length > 0 && n > 0 && s.blocks[n-1].keys != nil {
		s.blocks[n-1].freeze()
	}
	s.size += length
}

// opened is a file as it was found.
type opened struct {
	segment *segment
	closed  bool
	bad     int64 // octets that are of no frame
	size    int64 // of the file; no frame is behind segment.size
}

// openSegment reads the index of a segment, or its frames.
func openSegment(path string, d *zstd.Decoder) (*opened, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	o := &opened{segment: &segment{path: path}, size: info.Size()}
	if o.closed = o.segment.readIndex(f, o.size); o.closed {
		return o, nil
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSegment*2+maxFrame))
	if err != nil {
		return nil, err
	}
	o.scan(content, d)
	return o, nil
}

// scan finds the frames of a file. Between them may be octets that are damaged.
func (o *opened) scan(content []byte, d *zstd.Decoder) {
	magic := binary.LittleEndian.AppendUint32(nil, headMagic)
	for skipped := int64(0); len(content) > 0; {
		frame, behind, whole := cutFrame(content)
		var entries []Event
		var sizes []int
		var err error
		if whole {
			entries, sizes, err = entriesOf(d, frame)
		}
		if !whole || err != nil {
			next := bytes.Index(content[1:], magic)
			if next < 0 {
				next = len(content) - 1
			}
			skipped += int64(next + 1)
			content = content[next+1:]
			continue
		}
		o.segment.skip(skipped)
		o.bad += skipped
		skipped = 0
		o.segment.grow(entries, sizes, int64(len(content)-len(behind)))
		o.segment.grown.add(entries)
		content = behind
	}
	o.bad += o.size - o.segment.size
}

func entriesOf(d *zstd.Decoder, frame []byte) (entries []Event, sizes []int, err error) {
	lines, err := d.DecodeAll(frame, nil)
	if err != nil {
		return nil, nil, err
	}
	for line := range bytes.Lines(lines) {
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, nil, err
		}
		entries, sizes = append(entries, e), append(sizes, len(line))
	}
	return entries, sizes, nil
}

// trailer is behind the index: its length and its checksum, and a word by which it is known.
const trailerSize = 12

var trailerWord = []byte("TLJX")

// index is the last frame of a closed segment.
func (s *segment) index() []byte {
	text, _ := json.Marshal(contents{s.blocks, s.values}) // which has nothing in it that could fail
	b := binary.LittleEndian.AppendUint32(nil, indexMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)+trailerSize))
	b = append(b, text...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(text, castagnoli))
	return append(b, trailerWord...)
}

// readIndex reads the index of a file. It reports false where there is no whole one.
func (s *segment) readIndex(f io.ReaderAt, size int64) bool {
	var trailer [trailerSize]byte
	if _, err := f.ReadAt(trailer[:], size-trailerSize); err != nil || !bytes.Equal(trailer[8:], trailerWord) {
		return false
	}
	length, sum := int64(binary.LittleEndian.Uint32(trailer[:])), binary.LittleEndian.Uint32(trailer[4:])
	if length > size-trailerSize {
		return false
	}
	text := make([]byte, length)
	if _, err := f.ReadAt(text, size-trailerSize-length); err != nil || crc32.Checksum(text, castagnoli) != sum {
		return false
	}
	c, err := readContents(text)
	if err != nil || len(c.Blocks) == 0 {
		return false
	}
	for _, b := range c.Blocks {
		if len(b.Bloom) == 0 || b.Offset < 0 || b.Length < 0 || b.Length > size-b.Offset {
			return false
		}
	}
	s.size, s.blocks, s.values = size, c.Blocks, c.Values
	return true
}

// close writes the segment anew, in large frames and with its index, in the place of the active one. Queries that
// are under way go on with the old file. Blocks that are damaged are left out: otherwise there could be no segment
// after this one. Where all are, the file stays as it is.
func (s *segment) close(d *zstd.Decoder, uptime time.Duration) (next *segment, damage, err error) {
	next = &segment{path: s.path, values: s.grown.index()}
	f, err := os.OpenFile(s.path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, damage, err
	}
	defer f.Close()
	encoder := newEncoder(zstd.SpeedBetterCompression)
	defer encoder.Close()
	for i := range s.blocks {
		b := s.blocks[i]
		lines, err := s.read(s.file, &b, d, nil)
		if err != nil {
			damage = errors.Join(damage, err)
			continue
		}
		frame := appendFrame(nil, encoder, lines)
		if b.keys != nil {
			b.freeze()
		}
		b.Offset, b.Length, b.Uptime = next.size, int64(len(frame)), uptime.Milliseconds()
		next.blocks = append(next.blocks, b)
		next.size += b.Length
		if _, err := f.Write(frame); err != nil {
			return nil, damage, err
		}
	}
	if len(next.blocks) == 0 {
		return next, damage, errors.Join(f.Close(), os.Remove(s.path+temporary))
	}
	index := next.index()
	next.size += int64(len(index))
	if _, err := f.Write(index); err != nil {
		return nil, damage, err
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(s.path+temporary, s.path)); err != nil {
		return nil, damage, err
	}
	return next, damage, syncDirectory(filepath.Dir(s.path))
}

// read returns the lines of a block. They are in buffer if that has room for them.
func (s *segment) read(f io.ReaderAt, b *block, d *zstd.Decoder, buffer []byte) ([]byte, error) {
	content := make([]byte, b.Length)
	if _, err := f.ReadAt(content, b.Offset); err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	lines, err := d.DecodeAll(content, slices.Grow(buffer[:0], b.Raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return lines, nil
}

func syncDirectory(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
