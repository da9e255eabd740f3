package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"

	"trapline/internal/mute"
)

// Query selects entries. Empty fields select all.
type Query struct {
	Alarm    string // ID
	Rule     string
	Target   string
	Receiver string
	Kind     string
	Since    time.Time         // not before
	Until    time.Time         // before
	After    uint64            // only greater numbers
	Before   uint64            // only smaller numbers; 0 means all
	Matchers mute.Matchers     // of Event.Label; all must match
	Match    func(*Event) bool // nil: all
	Limit    int               // 0 means 100
	Forward  bool              // the oldest first; else the newest
}

const defaultLimit = 100

// fields returns the fields that have a value.
func (q *Query) fields() (list [][2]string) {
	for _, f := range [][2]string{{fieldAlarm, q.Alarm}, {fieldRule, q.Rule}, {fieldTarget, q.Target}, {fieldReceiver, q.Receiver}, {fieldKind, q.Kind}} {
		if f[1] != "" {
			list = append(list, f)
		}
	}
	return list
}

// search is a running query.
type search struct {
	query      *Query
	limit      int
	keys       []uint64
	needles    [][]byte // substrings that a line must contain
	conditions []*condition
	oldest     int64 // in milliseconds
	newest     int64
	found      []Event
	octets     int    // of the lines of found
	at         uint64 // the last entry that was looked at
	blocks     int    // that were read
	buffer     []byte // for the lines of a block
	ends       []int  // of its lines
}

func (j *Journal) newSearch(q *Query) *search {
	s := &search{query: q, limit: cmp.Or(q.Limit, defaultLimit), newest: 1<<63 - 1}
	for _, f := range q.fields() {
		s.require(f[0], f[1], true)
	}
	for _, m := range q.Matchers {
		if field := fieldOf(m.Name); mute.IsExact(m) && (field == "" || slices.Contains(keyFields[:], field)) {
			s.require(cmp.Or(field, m.Name), m.Value, true)
		} else if mute.IsExact(m) {
			s.require(field, m.Value, false)
		} else {
			s.conditions = append(s.conditions, newCondition(m))
		}
	}
	s.oldest = j.options.Now().Add(-j.options.MaxAge).UnixMilli()
	if !q.Since.IsZero() {
		s.oldest = max(s.oldest, q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		s.newest = q.Until.UnixMilli()
	}
	return s
}

// require has lines contain a field or a label with a value, and blocks its key if they have one.
func (s *search) require(name, value string, key bool) {
	if key {
		s.keys = append(s.keys, hashOf(name, value))
	}
	text, _ := json.Marshal(map[string]string{name: value}) // which is always possible
	s.needles = append(s.needles, text[1:len(text)-1])
}

// Page is a part of the answer to a query.
type Page struct {
	Entries []Event
	// Next is Query.Before of the next page, or with Forward its Query.After; 0 if this page is the last one. The next page
	// may be empty.
	Next uint64
	Last uint64 // the newest entry that there was
}

// Query returns the entries that q selects, the newest first. If ctx is done before, it returns the events found so far
// and the error of ctx.
func (j *Journal) Query(ctx context.Context, q Query) ([]Event, error) {
	var found []Event
	for limit := cmp.Or(q.Limit, defaultLimit); ; {
		q.Limit = limit - len(found)
		page, err := j.Page(ctx, q)
		found = append(found, page.Entries...)
		if err != nil || page.Next == 0 || len(found) >= limit {
			return found, err
		}
		if err := ctx.Err(); err != nil {
			return found, err
		}
		q.turn(page.Next)
	}
}

// turn has the query select the page after another one.
func (q *Query) turn(next uint64) {
	if q.Forward {
		q.After = next
	} else {
		q.Before = next
	}
}

// Page returns the entries that q selects, up to its limit or maxPage octets, or those found when ctx is done. Together the
// pages have each entry once, whatever is added and removed meanwhile, but for entries that are removed before they are
// reached. At least one block is looked at, so that whoever reads on comes to an end.
func (j *Journal) Page(ctx context.Context, q Query) (Page, error) {
	s := j.newSearch(&q)
	parts, last := j.parts()
	if !q.Forward {
		slices.Reverse(parts)
	}
	for _, part := range parts {
		done, err := part(ctx, s)
		if err != nil {
			return Page{Entries: s.found}, err
		}
		if done {
			return Page{s.found, s.at, last}, nil
		}
	}
	return Page{Entries: s.found, Last: last}, nil
}

// parts returns searches of the segments and of the pending entries at this moment, the oldest first, and the newest entry.
func (j *Journal) parts() (list []func(context.Context, *search) (done bool, err error), last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	segments := slices.Clone(j.closed)
	if a := j.active; a != nil {
		segments = append(segments, &segment{path: a.path, blocks: slices.Clone(a.blocks), file: a.file})
	}
	for _, one := range segments {
		list = append(list, func(ctx context.Context, s *search) (bool, error) { return j.searchSegment(ctx, s, one) })
	}
	pending := j.pending[:len(j.pending):len(j.pending)] // which is appended to, and not changed
	return append(list, func(_ context.Context, s *search) (bool, error) { return s.waiting(pending), nil }), j.last
}

// waiting searches pending entries, and reports whether the search is over.
func (s *search) waiting(pending []waiting) bool {
	for i := range pending {
		if !s.query.Forward {
			i = len(pending) - 1 - i
		}
		if s.add(&pending[i].entry, len(pending[i].line)) {
			return true
		}
	}
	return false
}

// wants reports whether a block may have entries that are selected.
func (s *search) wants(b *block) bool {
	return b.Last > s.query.After && (s.query.Before == 0 || b.First < s.query.Before) && b.To >= s.oldest && b.From < s.newest && b.mayHave(s.keys)
}

// searchSegment reports whether the search is over.
func (j *Journal) searchSegment(ctx context.Context, s *search, segment *segment) (done bool, err error) {
	if lack(segment.values, s.conditions) || !slices.ContainsFunc(segment.blocks, func(b block) bool { return s.wants(&b) }) {
		return false, nil
	}
	file, close, err := segment.reader()
	if errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile, for its age
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer close()
	for i := range segment.blocks {
		if !s.query.Forward {
			i = len(segment.blocks) - 1 - i
		}
		b := &segment.blocks[i]
		if !s.wants(b) {
			continue
		}
		if s.blocks > 0 && ctx.Err() != nil {
			return true, nil
		}
		s.blocks++
		lines, err := segment.read(file, b, j.decoder, s.buffer)
		if err != nil {
			j.options.Logger.Error("a part of the journal cannot be read", "err", err)
		} else if s.buffer = lines; s.lines(lines) {
			return true, nil
		}
		s.at = b.First
		if s.query.Forward {
			s.at = b.Last
		}
	}
	return false, nil
}

// lines searches the lines of a block, and reports whether the search is over.
func (s *search) lines(text []byte) bool {
	s.ends = append(s.ends[:0], -1)
	for at := 0; at < len(text); {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		at += end + 1
		s.ends = append(s.ends, at-1)
	}
	for i := range len(s.ends) - 1 {
		if !s.query.Forward {
			i = len(s.ends) - 2 - i
		}
		line := text[s.ends[i]+1 : s.ends[i+1]]
		if !s.mayMatch(line) {
			continue
		}
		var e Event
		if json.Unmarshal(line, &e) == nil && s.add(&e, len(line)) {
			return true
		}
	}
	return false
}

// mayMatch reports whether the entry of a line may be selected. It is exact for the matchers, and cheap.
func (s *search) mayMatch(line []byte) bool {
	return !slices.ContainsFunc(s.needles, func(n []byte) bool { return !bytes.Contains(line, n) }) &&
		!slices.ContainsFunc(s.conditions, func(c *condition) bool { return !c.matches(line) })
}

// maxPage is how many octets the lines of a page have, or those of one entry.
const maxPage = 16 << 20

// add adds an event if it is selected, and reports whether the page is full.
func (s *search) add(e *Event, octets int) bool {
	at := e.At.UnixMilli()
	s.at = e.Seq
	if e.Seq > s.query.After && (s.query.Before == 0 || e.Seq < s.query.Before) && at >= s.oldest && at < s.newest && s.matches(e) {
		s.found = append(s.found, *e)
		s.octets += octets
	}
	return len(s.found) >= s.limit || s.octets >= maxPage
}

func (s *search) matches(e *Event) bool {
	for _, f := range [...][2]string{{s.query.Alarm, e.Alarm}, {s.query.Rule, e.Rule}, {s.query.Target, e.Target}, {s.query.Receiver, e.Receiver}, {s.query.Kind, e.Kind}} {
		if f[0] != "" && f[0] != f[1] {
			return false
		}
	}
	return e.matchesAll(s.query.Matchers) && (s.query.Match == nil || s.query.Match(e))
}
