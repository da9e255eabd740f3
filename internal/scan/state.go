package scan

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"trapline/internal/statedir"
)

// The state of a scan is a journal of JSON lines, which each whole sweep replaces by its sum. A login is noted before it
// is sent, which costs one write here and would cost a transaction with its fsync in a database; the last line of an
// address counts, and one that was torn by a crash does not. Beside it lies a file with the position, which is written
// in place.

// header is how far the sweep is.
type header struct {
	Salt        []byte    `json:"salt"` // of digests of credentials
	Seed        uint64    `json:"seed"` // of the order; 0 between sweeps
	Of          string    `json:"of,omitempty"`
	Begun       time.Time `json:"begun,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`       // of the last whole sweep
	Communities time.Time `json:"communities,omitzero"` // when silent addresses were last asked with communities
	Rotation    int       `json:"rotation,omitempty"`   // the community that begins, of more than may be tried in a day
	Devices     int       `json:"devices,omitempty"`    // highest number of a device
}

// Record is an address that answered.
type Record struct {
	Address netip.Addr `json:"address"`
	Engine  string     `json:"engine,omitempty"` // of the answer to an engine discovery
	Boots   int32      `json:"boots,omitempty"`
	Booted  time.Time  `json:"booted,omitzero"`
	Heard   time.Time  `json:"heard,omitzero"` // when it answered that last

	Auth   string        `json:"auth,omitempty"`   // that it accepts
	Digest string        `json:"digest,omitempty"` // of its credential
	Took   time.Duration `json:"took,omitempty"`   // of an answer
	Seen   time.Time     `json:"seen,omitzero"`    // when it accepted that last
	Asked  time.Time     `json:"asked,omitzero"`   // when nothing was left to ask it
	Probed time.Time     `json:"probed,omitzero"`  // of one that others name: when it was asked last whether it is there
	Missed int           `json:"missed,omitempty"` // whole sweeps without an answer since
	Facts  Facts         `json:"facts,omitzero"`
	Guard  Guard         `json:"guard,omitzero"`

	Device int    `json:"device,omitempty"` // number, which stays
	Name   string `json:"name,omitempty"`   // of the device, which stays, too
}

// EngineID returns the octets of the engine ID.
func (r *Record) EngineID() []byte {
	id, _ := hex.DecodeString(r.Engine)
	return id
}

// line is one of the journal.
type line struct {
	Header *header `json:"header,omitempty"`
	Record *Record `json:"record,omitempty"`
	Guard  *Guard  `json:"guard,omitempty"` // of the addresses of a device

	Of []netip.Addr `json:"of,omitempty"`
}

// state is kept for a restart.
type state struct {
	file string // empty: nothing is kept

	mu       sync.Mutex
	header   header
	records  map[netip.Addr]*Record
	journal  *os.File
	position *os.File
	failed   error  // of the first write that failed: there are no more
	broken   func() // is called then; may be nil
	size     int64  // octets of the journal
	base     int64  // of it, when it was last compacted
}

const maxLine = 1 << 20

// openState reads the state of a file, if there is one.
func openState(file string) (*state, error) {
	s := &state{file: file, records: map[netip.Addr]*Record{}}
	s.header.Salt = make([]byte, 16)
	for i := range s.header.Salt {
		s.header.Salt[i] = byte(rand.Uint32())
	}
	if file == "" {
		return s, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open opens the files, which no other process has open, and reads them.
func (s *state) open() (err error) {
	if s.position, err = os.OpenFile(s.file+".position", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := syscall.Flock(int(s.position.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another process scans the same networks: %s: %w", s.position.Name(), err)
	}
	if err := s.load(); err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	return s.compact()
}

// fail notes a write that failed. Guarded by the mutex.
func (s *state) fail(err error) {
	if err == nil || s.failed != nil {
		return
	}
	s.failed = err
	if s.broken != nil {
		s.broken()
	}
}

// failure returns the error of the first write that failed.
func (s *state) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// notAfter takes times of a clock that was ahead for those just before now: they would bind for as long as it was ahead.
func (s *state) notAfter(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	past := func(limit time.Duration, times ...*time.Time) {
		for _, at := range times {
			if latest := now.Add(limit - 1); at.After(latest) {
				*at = latest
			}
		}
	}
	past(0, &s.header.Begun, &s.header.Ended, &s.header.Communities)
	for _, r := range s.records {
		past(0, &r.Booted, &r.Heard, &r.Seen, &r.Asked, &r.Probed)
		past(maxHandsOff, &r.Guard.Until)
		for i := range r.Guard.Failed {
			past(0, &r.Guard.Failed[i])
		}
		for credential, t := range r.Guard.Tried {
			past(refusalMemory, &t.Until)
			r.Guard.Tried[credential] = t
		}
	}
}

func (s *state) load() error {
	f, err := os.Open(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = readLines(f, func(l *line) {
		if l.Header != nil {
			devices := s.header.Devices
			s.header = *l.Header
			s.header.Devices = max(s.header.Devices, devices)
		}
		if l.Guard != nil {
			s.guardLocked(l.Of, l.Guard)
		}
		if l.Record != nil && l.Record.Address.IsValid() {
			s.records[l.Record.Address] = l.Record
			s.header.Devices = max(s.header.Devices, l.Record.Device)
		}
	})
	return err
}

// readLines reads the lines of a journal, and returns how many octets these have. Whatever has no end was torn, or is yet to
// be written.
func readLines(r io.Reader, take func(*line)) (whole int64, err error) {
	lines := bufio.NewReaderSize(r, 1<<16)
	for {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		whole += int64(len(text))
		var l line
		if len(text) <= maxLine && json.Unmarshal(text, &l) == nil {
			take(&l)
		}
	}
}

// compact replaces the journal by one line of each address, and opens it.
func (s *state) compact() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == "" {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	if err := e.Encode(line{Header: &s.header}); err != nil {
		return err
	}
	for _, r := range s.sorted() {
		if err := e.Encode(line{Record: r}); err != nil {
			return err
		}
	}
	if err := statedir.ReplaceFile(s.file, b.Bytes()); err != nil {
		return err
	}
	if s.journal != nil {
		_ = s.journal.Close()
	}
	s.size, s.base = int64(b.Len()), int64(b.Len())
	var err error
	s.journal, err = os.OpenFile(s.file, os.O_WRONLY|os.O_APPEND, 0o600)
	return err
}

func (s *state) sorted() []*Record {
	list := make([]*Record, 0, len(s.records))
	for _, r := range s.records {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *Record) int { return compareAddresses(a.Address, b.Address) })
	return list
}

func (s *state) append(l line) {
	if s.journal == nil || s.failed != nil {
		return
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, err = s.journal.Write(append(text, '\n'))
	}
	s.size += int64(len(text))
	s.fail(err)
}

// The journal is replaced by its sum when it is so many times as large as the last one, and has so many octets.
const journalGrowth, minJournal = 4, 16 << 20

// grown reports whether the journal is to be compacted.
func (s *state) grown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size > minJournal+journalGrowth*s.base
}

// update changes the record of an address, and writes it before it returns.
func (s *state) update(a netip.Addr, change func(*Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[a]
	if r == nil {
		r = &Record{Address: a}
		s.records[a] = r
	}
	change(r)
	s.append(line{Record: r})
}

// setGuard sets the guard of all addresses of a device, and writes it before it returns.
func (s *state) setGuard(of []netip.Addr, g *Guard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guardLocked(of, g)
	s.append(line{Guard: g, Of: of})
}

func (s *state) guardLocked(of []netip.Addr, g *Guard) {
	for _, a := range of {
		if s.records[a] == nil {
			s.records[a] = &Record{Address: a}
		}
		s.records[a].Guard = g.clone()
	}
}

// updateIf changes the record of an address, and writes it if the change says so.
func (s *state) updateIf(a netip.Addr, change func(*Record) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[a]
	if r == nil {
		r = &Record{Address: a}
	}
	if !change(r) {
		return false
	}
	s.records[a] = r
	s.append(line{Record: r})
	return true
}

// record returns a copy of the record of an address.
func (s *state) record(a netip.Addr) (r Record, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.records[a]; at != nil {
		return *at, true
	}
	return r, false
}

func (s *state) setHeader(change func(*header)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.header)
	s.append(line{Header: &s.header})
}

// setPosition notes the place of the sweep: in which pass, and before which position all is done.
func (s *state) setPosition(pass, position int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.position != nil && s.failed == nil {
		_, err := s.position.WriteAt(fmt.Appendf(nil, "%020d %10d %10d\n", s.header.Seed, pass, position), 0)
		s.fail(err)
	}
	return s.failed
}

// lastPosition returns the place where the sweep goes on.
func (s *state) lastPosition() (pass, position int) {
	text := make([]byte, 64)
	if s.position == nil {
		return 0, 0
	}
	n, _ := s.position.ReadAt(text, 0)
	first, _, _ := strings.Cut(string(text[:n]), "\n")
	fields := strings.Fields(first)
	if len(fields) != 3 {
		return 0, 0
	}
	if seed, err := strconv.ParseUint(fields[0], 10, 64); err != nil || seed != s.header.Seed {
		return 0, 0
	}
	pass, errPass := strconv.Atoi(fields[1])
	position, errPosition := strconv.Atoi(fields[2])
	if errors.Join(errPass, errPosition) != nil || pass < 0 || position < 0 {
		return 0, 0
	}
	return pass, position
}

// beatPlace is where the file of the position has the time at which the process was there last.
const beatPlace = 64

func (s *state) setBeat(now time.Time) {
	if s.position != nil {
		_, _ = s.position.WriteAt(fmt.Appendf(nil, "%020d\n", now.UnixNano()), beatPlace)
	}
}

// lastBeat returns the time of the last beat, zero if there was none.
func (s *state) lastBeat() time.Time {
	text := make([]byte, 20)
	if s.position == nil {
		return time.Time{}
	}
	if _, err := s.position.ReadAt(text, beatPlace); err != nil {
		return time.Time{}
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// sync makes finds outlive a crash of the system.
func (s *state) sync() error {
	s.mu.Lock()
	journal, position, failed := s.journal, s.position, s.failed
	s.mu.Unlock()
	if journal == nil {
		return failed
	}
	return errors.Join(failed, journal.Sync(), position.Sync())
}

func (s *state) close() {
	for _, f := range []*os.File{s.journal, s.position} {
		if f != nil {
			_ = f.Close()
		}
	}
}
