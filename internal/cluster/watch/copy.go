package watch

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/ledger"
)

// Copy has others know keys of the engine, and their changes.
type Copy struct {
	row     func(key string) (shard, row string)
	deliver func([]ledger.Write) error

	wake chan struct{}
	asks chan struct{} // see Range.Asks

	mu        sync.Mutex
	known     map[string]bool
	changed   map[string][]byte // nil values are deleted
	reads     int               // how often all keys were read
	revision  int64             // of the engine, up to which the changes are complete
	delivered int64             // of these, up to which all were delivered
	progress  chan struct{}     // closed when anything was delivered
}

// NewCopy returns a copy without keys. row says which row of a shard a key is of; deliver is called with changes of rows, and once more after
// an error.
func NewCopy(row func(key string) (shard, row string), deliver func([]ledger.Write) error) *Copy {
	return &Copy{
		row: row, deliver: deliver, wake: make(chan struct{}, 1), asks: make(chan struct{}, 1), known: map[string]bool{}, changed: map[string][]byte{}, progress: make(chan struct{}),
	}
}

// Range returns the range that has these keys followed.
func (c *Copy) Range(first, end string) Range {
	return Range{First: first, End: end, Load: c.load, Apply: c.apply, Asks: c.asks}
}

func (c *Copy) load(revision int64, keys []*mvccpb.KeyValue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := maps.Clone(c.known)
	for _, kv := range keys {
		delete(gone, string(kv.Key))
		c.put(string(kv.Key), kv.Value)
	}
	for key := range gone {
		c.put(key, nil)
	}
	c.reads++
	c.revision, c.delivered = revision, min(c.delivered, revision-1) // the engine may have gone back to an earlier state
	notice(c.wake)
}

func (c *Copy) apply(revision int64, changes []*clientv3.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range changes {
		if e.Type == clientv3.EventTypeDelete {
			c.put(string(e.Kv.Key), nil)
		} else {
			c.put(string(e.Kv.Key), e.Kv.Value)
		}
	}
	if len(changes) > 0 || revision > c.revision {
		notice(c.wake)
	}
	c.revision = max(c.revision, revision)
}

func (c *Copy) put(key string, value []byte) {
	if c.changed[key] = value; value == nil {
		delete(c.known, key)
	} else {
		c.known[key] = true
	}
}

func notice(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

const (
	atOnce    = 1000 // changes that are delivered together
	retryTime = time.Second
)

// Run delivers changes until ctx is canceled.
func (c *Copy) Run(ctx context.Context) error {
	for {
		var retry <-chan time.Time
		if !c.deliverAll() {
			retry = time.After(retryTime)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		case <-retry:
		}
	}
}

// deliverAll delivers all changes, and reports whether it has.
func (c *Copy) deliverAll() bool {
	c.mu.Lock()
	changed, reads, revision := c.changed, c.reads, c.revision
	c.changed = map[string][]byte{}
	c.mu.Unlock()
	for some := range slices.Chunk(slices.Sorted(maps.Keys(changed)), atOnce) {
		var rows []ledger.Write
		for _, key := range some {
			w := ledger.Write{Value: changed[key]}
			w.Shard, w.Key = c.row(key)
			rows = append(rows, w)
		}
		if c.deliver(rows) != nil {
			c.keep(changed)
			return false
		}
		for _, key := range some {
			delete(changed, key)
		}
		c.advance(reads, 0, len(some))
	}
	c.advance(reads, revision, 0)
	return true
}

// advance notes that some changes were delivered, and all up to a revision, if there were this many reads then.
func (c *Copy) advance(reads int, revision int64, some int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if reads == c.reads && revision > c.delivered {
		c.delivered = revision
	} else if some == 0 {
		return // a server that has no more is not to be asked again at once
	}
	close(c.progress)
	c.progress = make(chan struct{})
}

// keep has changes delivered later, unless there are newer ones of the same keys.
func (c *Copy) keep(changed map[string][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(changed, c.changed)
	c.changed = changed
}

// Await waits until all changes up to a revision were delivered, and for as long as some are, at most Stale after one another. It reports
// whether they were. A nil copy has none.
func (c *Copy) Await(ctx context.Context, revision int64) bool {
	if c == nil {
		return true
	}
	silent := time.NewTimer(Stale)
	defer silent.Stop()
	for {
		c.mu.Lock()
		delivered, reached, progress := c.delivered, c.revision, c.progress
		c.mu.Unlock()
		if delivered >= revision {
			return true
		}
		if reached < revision {
			notice(c.asks)
		}
		select {
		case <-progress:
			silent.Reset(Stale)
		case <-silent.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
