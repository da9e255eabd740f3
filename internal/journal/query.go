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
	Match    func(*Event) bool // nil: all
	Limit    int               // 0 means 100
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
	query   *Query
	limit   int
	keys    []uint64
	needles [][]byte // substrings that a line must contain
	oldest  int64    // in milliseconds
	newest  int64
	found   []Event
}

func (j *Journal) newSearch(q *Query) *search {
	s := &search{query: q, limit: cmp.Or(q.Limit, defaultLimit), newest: 1<<63 - 1}
	for _, f := range q.fields() {
		s.keys = append(s.keys, hashOf(f[0], f[1]))
		value, _ := json.Marshal(f[1])
		s.needles = append(s.needles, append([]byte(`"`+f[0]+`":`), value...))
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

// Query returns the entries that q selects, the newest first. If ctx is done before, it returns the events found so far
// and the error of ctx.
func (j *Journal) Query(ctx context.Context, q Query) ([]Event, error) {
	s := j.newSearch(&q)
	j.mu.Lock()
	pending := j.pending[:len(j.pending):len(j.pending)] // which is appended to, and not changed
	segments := slices.Clone(j.closed)
	if j.active != nil {
		a := *j.active
		a.blocks = slices.Clone(a.blocks)
		segments = append(segments, &a)
	}
	j.mu.Unlock()
	for i := len(pending) - 1; i >= 0; i-- {
		if s.add(&pending[i].entry) {
			return s.found, nil
		}
	}
	for i := len(segments) - 1; i >= 0; i-- {
		done, err := j.searchSegment(ctx, s, segments[i])
		if done || err != nil {
			return s.found, err
		}
	}
	return s.found, nil
}

// searchSegment reports whether the search is over.
func (j *Journal) searchSegment(ctx context.Context, s *search, segment *segment) (done bool, err error) {
	if segment.last() <= s.query.After {
		return true, nil
	}
	wanted := func(b *block) bool {
		return b.Last > s.query.After && (s.query.Before == 0 || b.First < s.query.Before) && b.To >= s.oldest && b.From < s.newest && b.mayHave(s.keys)
	}
	if !slices.ContainsFunc(segment.blocks, func(b block) bool { return wanted(&b) }) {
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
	for i := len(segment.blocks) - 1; i >= 0; i-- {
		b := &segment.blocks[i]
		if !wanted(b) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		lines, err := segment.read(file, b, j.decoder)
		if err != nil {
			j.options.Logger.Error("a part of the journal cannot be read", "err", err)
			continue
		}
		if s.lines(lines) {
			return true, nil
		}
	}
	return false, nil
}

// lines searches the lines of a block from its end, and reports whether the search is over.
func (s *search) lines(text []byte) bool {
	for text = bytes.TrimSuffix(text, []byte("\n")); len(text) > 0; {
		start := bytes.LastIndexByte(text, '\n') + 1
		line := text[start:]
		text = text[:max(0, start-1)]
		if slices.ContainsFunc(s.needles, func(n []byte) bool { return !bytes.Contains(line, n) }) {
			continue
		}
		var e Event
		if json.Unmarshal(line, &e) == nil && s.add(&e) {
			return true
		}
	}
	return false
}

// add adds an event if it is selected, and reports whether the limit is reached.
func (s *search) add(e *Event) bool {
	at := e.At.UnixMilli()
	if e.Seq > s.query.After && (s.query.Before == 0 || e.Seq < s.query.Before) && at >= s.oldest && at < s.newest && s.matches(e) {
		s.found = append(s.found, *e)
	}
	return len(s.found) >= s.limit
}

func (s *search) matches(e *Event) bool {
	for _, f := range [...][2]string{{s.query.Alarm, e.Alarm}, {s.query.Rule, e.Rule}, {s.query.Target, e.Target}, {s.query.Receiver, e.Receiver}, {s.query.Kind, e.Kind}} {
		if f[0] != "" && f[0] != f[1] {
			return false
		}
	}
	return s.query.Match == nil || s.query.Match(e)
}
