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

	wake    chan struct{}
	whole   chan struct{} // closed once all keys were delivered
	once    sync.Once
	mu      sync.Mutex
	loaded  bool
	known   map[string]bool
	changed map[string][]byte // nil values are deleted
}

// NewCopy returns a copy without keys. row says which row of a shard a key is of; deliver is called with changes of rows, and once more after
// an error.
func NewCopy(row func(key string) (shard, row string), deliver func([]ledger.Write) error) *Copy {
	return &Copy{row: row, deliver: deliver, wake: make(chan struct{}, 1), whole: make(chan struct{}), known: map[string]bool{}, changed: map[string][]byte{}}
}

// Load is for Range.
func (c *Copy) Load(_ int64, keys []*mvccpb.KeyValue) {
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
	c.loaded = true
	c.notify()
}

// Apply is for Range.
func (c *Copy) Apply(_ int64, changes []*clientv3.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range changes {
		if e.Type == clientv3.EventTypeDelete {
			c.put(string(e.Kv.Key), nil)
		} else {
			c.put(string(e.Kv.Key), e.Kv.Value)
		}
	}
	c.notify()
}

func (c *Copy) put(key string, value []byte) {
	if c.changed[key] = value; value == nil {
		delete(c.known, key)
	} else {
		c.known[key] = true
	}
}

func (c *Copy) notify() {
	select {
	case c.wake <- struct{}{}:
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
	changed, loaded := c.changed, c.loaded
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
	}
	if loaded {
		c.once.Do(func() { close(c.whole) })
	}
	return true
}

// keep has changes delivered later, unless there are newer ones of the same keys.
func (c *Copy) keep(changed map[string][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(changed, c.changed)
	c.changed = changed
}

// Await waits until all keys were delivered once, for a bounded time. A nil copy has none.
func (c *Copy) Await(ctx context.Context) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, Stale)
	defer cancel()
	select {
	case <-c.whole:
	case <-ctx.Done():
	}
}
