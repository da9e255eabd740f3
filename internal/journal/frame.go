package journal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
)

// A segment is a file that zstd decompresses to lines of JSON. Before each frame of lines stands a skippable frame
// (RFC 8878 section 3.1.2) with the length and the checksum of that frame, by which a frame that was torn by a crash
// shows. A closed segment ends in a skippable frame with its index.

const (
	headMagic  = 0x184D2A50
	indexMagic = 0x184D2A51
	headSize   = 8 + 8 // magic and size of the skippable frame, length and checksum of the frame of lines
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxFrame is how many octets a frame of lines may be decompressed to.
const maxFrame = 64 << 20

// window bounds the memory of encoders.
const window = 512 << 10

func newEncoder(level zstd.EncoderLevel) *zstd.Encoder {
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true)) // whose options are valid
	return e
}

func newDecoder() *zstd.Decoder {
	d, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxFrame)) // likewise
	return d
}

// appendFrame appends lines as a frame, and the head of it.
func appendFrame(b []byte, e *zstd.Encoder, lines []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, headSize)...)
	b = e.EncodeAll(lines, b)
	frame := b[start+headSize:]
	binary.LittleEndian.PutUint32(b[start:], headMagic)
	binary.LittleEndian.PutUint32(b[start+4:], headSize-8)
	binary.LittleEndian.PutUint32(b[start+8:], uint32(len(frame)))
	binary.LittleEndian.PutUint32(b[start+12:], crc32.Checksum(frame, castagnoli))
	return b
}

// cutFrame returns the frame of lines that b begins with, without its head. It reports false where there is no
// whole one.
func cutFrame(b []byte) (frame, rest []byte, ok bool) {
	if len(b) < headSize || binary.LittleEndian.Uint32(b) != headMagic || binary.LittleEndian.Uint32(b[4:]) != headSize-8 {
		return nil, b, false
	}
	length, sum := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	if uint64(length) > uint64(len(b)-headSize) {
		return nil, b, false
	}
	frame = b[headSize : headSize+length]
	return frame, b[headSize+length:], crc32.Checksum(frame, castagnoli) == sum
}
