// Package archive keeps the files that are built in compressed as one, and reads each without all others.
package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"weak"

	"github.com/klauspost/compress/zstd"
)

// An archive is a sequence of Zstandard frames (RFC 8878), which zstd -d can read: first a skippable frame of 4 octets,
// the size of the next one; then the directory; then blocks of files, one behind the other and sorted by name. The
// directory has a line for each file, its name and its size, and behind those of a block a line with the size of its
// frame and no name.

// blockSize is how many octets of files a block has unless it is a single file. Whoever reads a file decompresses its
// block, in about two milliseconds; blocks of a quarter would take 4 % more.
const blockSize = 1 << 20

// maxSize is a bound for the octets of a frame that is decompressed.
const maxSize = 64 << 20

const (
	skippable  = 0x184D2A50 // magic number (RFC 8878 section 3.1.2)
	headerSize = 12
)

// Compress returns an archive of files by name, always the same for the same files.
func Compress(files map[string][]byte) ([]byte, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	var directory strings.Builder
	var block, frames []byte
	end := func() {
		if len(block) > 0 {
			before := len(frames)
			frames = z.EncodeAll(block, frames)
			fmt.Fprintf(&directory, "\t%d\n", len(frames)-before)
			block = block[:0]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == "" || strings.ContainsAny(name, "\t\n") {
			return nil, fmt.Errorf("%q is no name for a file in an archive", name)
		}
		if len(block)+len(files[name]) > blockSize {
			end()
		}
		fmt.Fprintf(&directory, "%s\t%d\n", name, len(files[name]))
		block = append(block, files[name]...)
	}
	end()
	head := z.EncodeAll([]byte(directory.String()), nil)
	text := binary.LittleEndian.AppendUint32(nil, skippable)
	text = binary.LittleEndian.AppendUint32(text, headerSize-8)
	text = binary.LittleEndian.AppendUint32(text, uint32(len(head)))
	return slices.Concat(text, head, frames), nil
}

// Archive reads files. It is safe for concurrent use.
type Archive struct {
	names []string
	files map[string]file

	mu     sync.Mutex
	blocks []block
}

type file struct{ block, start, size int }

// block is a part of an archive. What it decompresses to is kept until memory is collected.
type block struct {
	frame  []byte
	opened weak.Pointer[[]byte]
}

var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSize))
})

func decompress(frame []byte) ([]byte, error) {
	d, err := decoder()
	if err != nil {
		return nil, err
	}
	return d.DecodeAll(frame, nil)
}

var errDamaged = errors.New("the archive is damaged")

// Open reads the directory of an archive.
func Open(text []byte) (*Archive, error) {
	if len(text) < headerSize || binary.LittleEndian.Uint32(text) != skippable {
		return nil, errDamaged
	}
	head, frames := int64(binary.LittleEndian.Uint32(text[8:])), text[headerSize:]
	if head > int64(len(frames)) {
		return nil, errDamaged
	}
	directory, err := decompress(frames[:head])
	if err != nil {
		return nil, err
	}
	a, start := &Archive{files: map[string]file{}}, 0
	frames = frames[head:]
	for line := range strings.Lines(string(directory)) {
		name, number, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		size, err := strconv.Atoi(number)
		switch {
		case err != nil || size < 0 || name == "" && size > len(frames):
			return nil, errDamaged
		case name == "":
			a.blocks = append(a.blocks, block{frame: frames[:size]})
			frames, start = frames[size:], 0
			continue
		}
		a.names = append(a.names, name)
		a.files[name] = file{len(a.blocks), start, size}
		start += size
	}
	return a, nil
}

// Names returns the names of all files, sorted.
func (a *Archive) Names() []string { return slices.Clip(a.names) }

// Read returns a copy of a file.
func (a *Archive) Read(name string) ([]byte, error) {
	text, err := a.view(name)
	return slices.Clone(text), err
}

// All returns the files by name, as far as they can be read. They must be neither changed nor kept.
func (a *Archive) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, name := range a.names {
			if text, err := a.view(name); err != nil || !yield(name, text) {
				return
			}
		}
	}
}

func (a *Archive) view(name string) ([]byte, error) {
	f, known := a.files[name]
	switch {
	case !known:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case f.size == 0:
		return []byte{}, nil
	}
	text, err := a.open(f.block)
	if err == nil && f.start+f.size > len(text) {
		err = errDamaged
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text[f.start:][:f.size:f.size], nil
}

// open returns the octets of a block, decompressed.
func (a *Archive) open(i int) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i >= len(a.blocks) {
		return nil, errDamaged
	}
	b := &a.blocks[i]
	if text := b.opened.Value(); text != nil {
		return *text, nil
	}
	text, err := decompress(b.frame)
	if err == nil {
		b.opened = weak.Make(&text)
	}
	return text, err
}
