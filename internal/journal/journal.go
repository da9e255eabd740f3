package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Options of a journal. Of MaxAge and MaxBytes, the one that is reached first removes the oldest segments. An entry takes
// about 25 octets, so that 256 MiB have about 11 million: where more than four a second are added all the time, they are
// reached before 30 days are over.
type Options struct {
	Dir      string        // empty: the last entries are kept in memory
	MaxAge   time.Duration // of entries; 0 means 30 days
	MaxBytes int64         // of all segments; 0 means 256 MiB
	Logger   *slog.Logger
	Now      func() time.Time     // nil means time.Now
	Elapsed  func() time.Duration // by a clock that nobody sets; nil means since Open
}

const (
	defaultMaxAge   = 30 * 24 * time.Hour
	defaultMaxBytes = 256 << 20

	maxSegment  = 8 << 20 // octets of the active segment
	maxInMemory = 10_000  // entries without a directory
	maxPending  = 200_000 // entries that cannot be written
)

// Journal is a journal. Its methods may be called concurrently.
type Journal struct {
	options Options
	decoder *zstd.Decoder
	encoder *zstd.Encoder

	writing sync.Mutex // held while segments change; taken before mu
	uptime  uptime     // guarded by writing

	// os.Remove and syncDirectory, or those of a test. They may take long, and are called with writing held, without mu:
	// an outbox adds entries with its own mutex held.
	remove, syncDir func(path string) error

	mu      sync.Mutex    // closed and active change with writing held too
	closed  []*segment    // the oldest first
	active  *segment      // nil before the first entry
	pending []waiting     // not yet in a segment, or all without a directory
	last    uint64        // the greatest number
	stored  uint64        // the greatest that is on the disk
	lost    int           // entries that were dropped from pending
	changed chan struct{} // closed by the next entry
}

// waiting is an entry that is not yet in a segment, and its line, if that is made already.
type waiting struct {
	entry Event
	line  []byte
}

// Open opens the journal of a directory, which is made if need be. A frame that a crash has torn is cut off.
func Open(o Options) (*Journal, error) {
	if o.MaxAge <= 0 {
		o.MaxAge = defaultMaxAge
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	j := &Journal{options: o, changed: make(chan struct{}), uptime: newUptime(o.Elapsed), remove: os.Remove, syncDir: syncDirectory}
	if o.Dir == "" {
		return j, nil
	}
	j.decoder, j.encoder = newDecoder(), newEncoder(zstd.SpeedFastest)
	if err := j.open(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return j, nil
}

func (j *Journal) open() error {
	if err := os.MkdirAll(j.options.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(j.options.Dir)
	if err != nil {
		return err
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(j.options.Dir, e.Name())
		switch {
		case strings.HasSuffix(e.Name(), temporary): // of a process that died
			err = errors.Join(err, os.Remove(path))
		case strings.HasSuffix(e.Name(), suffix):
			files = append(files, path)
		}
	}
	if err != nil {
		return err
	}
	slices.Sort(files) // which are named by their first entries
	for i, path := range files {
		if err := j.openFile(path, i == len(files)-1); err != nil {
			return err
		}
	}
	j.stored = j.last
	j.uptime.load(j.options.Dir, j.options.Logger)
	return nil
}

// openFile opens a segment. The newest one stays active, unless it is closed.
func (j *Journal) openFile(path string, newest bool) error {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return j.moveAside(path)
	}
	o, err := openSegment(path, j.decoder)
	if err != nil {
		return err
	}
	s := o.segment
	if len(s.blocks) == 0 {
		return j.putAside(path, o.size)
	}
	if o.bad > 0 {
		j.options.Logger.Warn("a segment of the journal is torn or damaged: what can be read is kept", "of", path, "octets", o.bad)
	}
	j.last = max(j.last, s.last())
	j.uptime.rolled = max(j.uptime.rolled, time.Duration(s.blocks[len(s.blocks)-1].Uptime)*time.Millisecond)
	if o.closed || !newest {
		j.closed = append(j.closed, s)
		return nil
	}
	s.file, err = os.OpenFile(path, os.O_RDWR, 0o600)
	if err == nil && o.size > s.size {
		err = errors.Join(s.file.Truncate(s.size), s.file.Sync())
	}
	j.active = s
	return err
}

// Durable reports whether entries outlive the process.
func (j *Journal) Durable() bool { return j.options.Dir != "" }

// Last returns the greatest number that an entry has, 0 without any.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// Stored returns the greatest number of an entry that is on the disk.
func (j *Journal) Stored() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stored
}

// Changed returns a channel that the next entry closes.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// Add adds entries with numbers that are greater than those before. They are on the disk after the next Flush. Lines are
// theirs, or none where nobody has made them.
func (j *Journal) Add(entries []Event, lines [][]byte) {
	if len(entries) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(entries, lines)
}

func (j *Journal) add(entries []Event, lines [][]byte) {
	for i := range entries {
		w := waiting{entry: entries[i]}
		if i < len(lines) {
			w.line = lines[i]
		}
		j.pending = append(j.pending, w)
	}
	j.last = entries[len(entries)-1].Seq
	limit := maxPending
	if !j.Durable() {
		limit, j.stored = maxInMemory, j.last
	}
	if over := len(j.pending) - limit; over > limit/4 { // seldom: the others are copied
		j.pending = append([]waiting(nil), j.pending[over:]...)
		if j.Durable() {
			j.lost += over
		}
	}
	close(j.changed)
	j.changed = make(chan struct{})
}

// Note adds an entry, and numbers it. It is for a journal that nobody else numbers entries of.
func (j *Journal) Note(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Seq = j.last + 1
	if e.At.IsZero() {
		e.At = j.options.Now()
	}
	j.add([]Event{e}, nil)
}

// The limits of a frame: it has so many entries at most, and so many octets of lines, or one entry: it must not exceed
// the maximum size for decompression.
const maxFlush, maxLines = 50_000, 4 << 20

// Flush writes the pending events to the disk, and removes old segments.
func (j *Journal) Flush() error {
	if !j.Durable() {
		return nil
	}
	j.writing.Lock()
	defer j.writing.Unlock()
	for more := true; more; {
		j.mu.Lock()
		entries := slices.Clone(j.pending[:min(maxFlush, len(j.pending))])
		lost := j.lost
		j.lost = 0
		j.mu.Unlock()
		if lost > 0 {
			j.options.Logger.Error("entries of the journal were dropped because it cannot be written", "entries", lost)
		}
		if len(entries) == 0 {
			break
		}
		written, err := j.append(entries)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		more = written < len(entries) || written == maxFlush
	}
	if err := errors.Join(j.removeOld(), j.uptime.save(j.options.Dir, saveTime)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// append writes entries as a frame, and returns how many of them the frame has.
func (j *Journal) append(list []waiting) (written int, err error) {
	if err := j.begin(&list[0].entry); err != nil {
		return 0, err
	}
	s := j.active
	var lines []byte
	var entries []Event
	var sizes []int
	for i := range list {
		line := list[i].line
		if line == nil {
			line = list[i].entry.AppendLine(nil)
		}
		if i > 0 && len(lines)+len(line) > maxLines {
			break
		}
		entries, sizes = append(entries, list[i].entry), append(sizes, len(line))
		lines = append(lines, line...)
	}
	frame := appendFrame(nil, j.encoder, lines)
	_, err = s.file.WriteAt(frame, s.size)
	if err = errors.Join(err, s.file.Sync()); err != nil {
		return 0, errors.Join(err, s.file.Truncate(s.size))
	}
	s.grown.add(entries)
	j.mu.Lock()
	defer j.mu.Unlock()
	s.grow(entries, sizes, int64(len(frame)))
	j.stored = entries[len(entries)-1].Seq
	done := 0 // some may have been dropped from pending meanwhile
	for done < len(j.pending) && j.pending[done].entry.Seq <= j.stored {
		done++
	}
	j.pending = append([]waiting(nil), j.pending[done:]...)
	return len(entries), nil
}

// begin opens the active segment if there is none, or the present one is full.
func (j *Journal) begin(first *Event) error {
	if s := j.active; s != nil {
		if s.size < maxSegment && j.uptime.now()-j.uptime.rolled < j.options.MaxAge/30 || len(s.blocks) == 0 {
			return nil
		}
		if err := j.rollOver(); err != nil {
			return err
		}
	}
	path := filepath.Join(j.options.Dir, fmt.Sprintf("%020d%s", first.Seq, suffix))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := j.syncDir(j.options.Dir); err != nil {
		return errors.Join(err, f.Close())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.active = &segment{path: path, file: f}
	return nil
}

// rollOver closes the active segment, without its damaged frames. The file stays open until no query reads it.
func (j *Journal) rollOver() error {
	now := j.uptime.now()
	s, damage, err := j.active.close(j.decoder, now)
	if err != nil {
		return err
	}
	if damage != nil {
		j.options.Logger.Error("a part of the journal cannot be read", "err", damage)
	}
	if len(s.blocks) == 0 {
		err = j.putAside(s.path, j.active.size)
	}
	j.uptime.rolled = now
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.active = nil; len(s.blocks) > 0 {
		j.closed = append(j.closed, s)
	}
	return err
}

// removeOld removes the oldest segments while the journal exceeds MaxBytes, and those older than MaxAge. Queries leave out
// a segment whose file is gone.
func (j *Journal) removeOld() (err error) {
	total := int64(0)
	for _, s := range j.closed {
		total += s.size
	}
	if j.active != nil {
		total += j.active.size
	}
	left := j.closed
	for len(left) > 0 && (total > j.options.MaxBytes || j.outlived(left[0])) {
		if err = j.remove(left[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
			break
		}
		err = nil
		total -= left[0].size
		left = left[1:]
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = left
	return err
}

// Close flushes and closes the journal.
func (j *Journal) Close() error {
	err := j.Flush()
	if j.Durable() {
		j.writing.Lock()
		err = errors.Join(err, j.uptime.save(j.options.Dir, 0))
		j.writing.Unlock()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.active != nil {
		err = errors.Join(err, j.active.file.Close())
	}
	return err
}

// reader returns the file of a segment. A closed segment may have been removed.
func (s *segment) reader() (io.ReaderAt, func() error, error) {
	if s.file != nil {
		return s.file, func() error { return nil }, nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}
