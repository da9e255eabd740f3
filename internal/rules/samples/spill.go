package samples

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// spillTime is the age at which full chunks leave the memory. Rules look that far back at every evaluation, and rarely
// farther.
const spillTime = epochTime * 2

// coldSpan is a chunk in a file.
type coldSpan struct {
	first, last int64
	file        *spill
	at, size    uint32
}

// spill is a file of chunks. It is of use to this process alone: the next one has the log.
type spill struct {
	*os.File
	size uint32
	last int64 // time of the last sample in it
}

// maxSpill bounds the size of a file, which is removed as a whole.
const maxSpill = 64 << 20

// spillDir is where they are.
const spillDir = "chunks"

// read reads a chunk into a buffer. A chunk that was deleted meanwhile is empty.
func (c *coldSpan) read(buffer []byte) ([]byte, error) {
	buffer = append(buffer[:0], make([]byte, c.size)...)
	_, err := c.file.ReadAt(buffer, int64(c.at))
	if errors.Is(err, os.ErrClosed) {
		return nil, nil
	}
	return buffer, err
}

// spillBefore moves the chunks that end before a time from memory into files. The caller holds tending.
func (s *Store) spillBefore(t int64) error {
	s.mu.RLock()
	list := slices.Collect(maps.Values(s.byRef))
	s.mu.RUnlock()
	for _, one := range list {
		if err := one.spill(s, t); err != nil {
			return fmt.Errorf("old samples stay in memory: %w", err)
		}
	}
	return nil
}

func (one *series) spill(s *Store, t int64) error {
	for {
		one.mu.Lock()
		if len(one.full) == 0 || one.full[0].last >= t {
			one.mu.Unlock()
			return nil
		}
		next := one.full[0]
		one.mu.Unlock()
		cold, err := s.spill(next) // to which others append at most
		if err != nil {
			return err
		}
		one.mu.Lock()
		one.cold = slices.Concat(one.cold, []coldSpan{cold}) // queries may have the old list
		one.full = slices.Clone(one.full[1:])
		one.mu.Unlock()
	}
}

// spill writes a chunk.
func (s *Store) spill(c span) (coldSpan, error) {
	if len(s.spills) == 0 || s.spills[len(s.spills)-1].size >= maxSpill {
		if err := os.MkdirAll(filepath.Join(s.dir, spillDir), 0o700); err != nil {
			return coldSpan{}, err
		}
		s.spilled++
		file, err := os.Create(filepath.Join(s.dir, spillDir, fmt.Sprintf("%08d", s.spilled)))
		if err != nil {
			return coldSpan{}, err
		}
		s.spills = append(s.spills, &spill{File: file})
	}
	file := s.spills[len(s.spills)-1]
	if _, err := file.WriteAt(c.data, int64(file.size)); err != nil {
		return coldSpan{}, err
	}
	cold := coldSpan{c.first, c.last, file, file.size, uint32(len(c.data))}
	file.size += uint32(len(c.data))
	file.last = max(file.last, c.last)
	return cold, nil
}

// removeSpills removes the files whose chunks end before a time. The caller holds tending.
func (s *Store) removeSpills(before int64) (err error) {
	kept := s.spills[:0]
	for _, file := range s.spills {
		if file.last >= before {
			kept = append(kept, file)
			continue
		}
		err = errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	clear(s.spills[len(kept):])
	s.spills = kept
	return err
}
