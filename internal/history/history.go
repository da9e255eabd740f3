// Package history holds, for each target, rates of counters between its last two polls and short histories of some
// numbers, for pages that show the present state of a device. It is no time series database: values are coarse, bounded
// by a setting, and lost with the process.
package history

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/series"
)

// Store bounds the histories of all targets. It is safe for concurrent use.
type Store struct {
	perPoint atomic.Int64 // octets that one point more of all histories takes
	fixed    atomic.Int64 // octets of rates

	mu      sync.Mutex
	points  int // wanted
	memory  int64
	columns []string
	kinds   atomic.Pointer[[]*kind]
	chosen  atomic.Pointer[[]string] // columns; never nil
	length  atomic.Int64             // of each history, at present
}

// NewStore returns a Store with the default settings.
func NewStore() *Store {
	k := &Store{}
	k.Configure(&Settings{})
	return k
}

// Configure sets the columns and limits. Histories change with the next poll of each target.
func (k *Store) Configure(s *Settings) {
	k.mu.Lock()
	k.points, k.memory = DefaultPoints, DefaultMemory
	if s.Points != nil {
		k.points = *s.Points
	}
	if s.Memory.N > 0 {
		k.memory = s.Memory.N
	}
	if k.kinds.Load() == nil || !slices.Equal(k.columns, s.Columns) { // the histories of a kind end with it
		kinds := kindsOf(s.Columns)
		k.columns = slices.Clone(s.Columns)
		chosen := k.columns
		k.chosen.Store(&chosen)
		k.kinds.Store(&kinds)
	}
	k.mu.Unlock()
	k.resize(0, 0)
}

// resize notes memory that is allocated or released, and sets the length of the histories.
func (k *Store) resize(perPoint, fixed int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	each := k.perPoint.Add(perPoint)
	free := k.memory - k.fixed.Add(fixed)
	length := int64(k.points)
	if each > 0 {
		length = min(length, max(free, 0)/each)
	}
	k.length.Store(length)
}

// Bytes returns the size of rates and histories in octets.
func (k *Store) Bytes() int64 { return k.fixed.Load() + k.perPoint.Load()*k.length.Load() }

// Length returns the capacity of each history in points.
func (k *Store) Length() int { return int(k.length.Load()) }

// fits reports whether a history of some length may stay as it is. One that is too long may not; one that could be
// longer waits until it is worth the copying.
func (k *Store) fits(length int) bool {
	now := int(k.length.Load())
	return length == now || length < now && now-length < now/8
}

// Target holds the histories of one target.
type Target struct {
	store *Store

	mu      sync.Mutex
	groups  []group
	neutral measures
	columns int // of the last poll
	kinds   *[]*kind
	closed  bool
}

// Target returns an empty Target.
func (k *Store) Target() *Target {
	return &Target{store: k, neutral: measures{group: group{kind: measuresKind}}}
}

// Poll is the result of a poll that was answered.
type Poll struct {
	Before     []*series.Set // of the last poll that was answered; nil before the first
	After      []*series.Set
	Elapsed    time.Duration // between the two
	Comparable bool          // counters went on from Before to After
	Steps      int           // intervals since the last point; 0 replaces it
}

// Answered adds the samples of a poll. It keeps the tables of p.After; p.Before must be p.After of the previous call.
func (t *Target) Answered(p *Poll) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	kinds := t.store.kinds.Load()
	columns := 0
	for _, s := range p.After {
		columns += len(s.Columns)
	}
	moved := columns != t.columns || kinds != t.kinds || !t.unmoved(p.After)
	if moved {
		t.find(p.After, *kinds)
		t.columns, t.kinds = columns, kinds
	}
	var known comparison
	for i := range t.groups {
		g := &t.groups[i]
		before := g.at
		if moved {
			before, _ = g.kind.find(p.Before)
		}
		g.answered(t.store, p, &before, &known)
	}
	t.neutral.answered(t.store, p)
}

// Silent notes intervals without an answer.
func (t *Target) Silent(steps int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.groups {
		t.groups[i].advance(steps)
	}
	t.neutral.group.advance(steps)
}

// Close releases the memory, and ignores further polls.
func (t *Target) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.groups {
		t.groups[i].close(t.store)
	}
	t.neutral.close(t.store)
	t.groups, t.closed = nil, true
}

// unmoved reports whether all columns are at the same places.
func (t *Target) unmoved(sets []*series.Set) bool {
	for i := range t.groups {
		if !t.groups[i].unmoved(sets) {
			return false
		}
	}
	return true
}

// find finds the columns of all kinds. A group whose columns are missing stays until all its points are gaps.
func (t *Target) find(sets []*series.Set, kinds []*kind) {
	var groups []group
	for _, k := range kinds {
		at, found := k.find(sets)
		g := t.group(k)
		if found || g.table != nil && !g.allGaps() {
			g.at = at
			groups = append(groups, *g)
		}
	}
	for i := range t.groups {
		if g := &t.groups[i]; !contains(groups, g.kind) {
			g.close(t.store)
		}
	}
	t.groups = groups
}

func (t *Target) group(k *kind) *group {
	for i := range t.groups {
		if t.groups[i].kind == k {
			return &t.groups[i]
		}
	}
	return &group{kind: k}
}

func contains(groups []group, k *kind) bool {
	for i := range groups {
		if groups[i].kind == k {
			return true
		}
	}
	return false
}
