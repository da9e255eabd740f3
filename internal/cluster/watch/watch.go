// Package watch follows keys of the engine.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Engine has the servers. Client returns the n-th of those that are there, and whether it still may be watched.
type Engine interface {
	Client(n int) (client *clientv3.Client, watchable func() bool, err error)
}

// Range are the keys from First to End, without End.
type Range struct {
	First, End string

	// Load is called with all keys, whenever they are read anew.
	Load func(revision int64, keys []*mvccpb.KeyValue)
	// Apply is called with their changes since then, which are complete up to the revision.
	Apply func(revision int64, changes []*clientv3.Event)
	// Asks has Apply called soon with the revision of the engine, also without a change. It may be nil.
	Asks <-chan struct{}
}

const (
	// Stale is how long a server may be silent before another one is asked: progress is requested every second.
	Stale    = 3 * time.Second
	pageKeys = 2000 // that are read at once
	pause    = 100 * time.Millisecond
)

var errSilent = errors.New("the server of the engine is silent")

// Follow follows keys until ctx is canceled.
func Follow(ctx context.Context, e Engine, r Range, log *slog.Logger) error {
	for n := 0; ctx.Err() == nil; n++ {
		if err := r.follow(ctx, e, n); err != nil && ctx.Err() == nil {
			log.Debug("keys of the engine are watched anew", "first", r.First, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// follow reads the keys from a server, and follows them until it fails or is silent.
func (r *Range) follow(ctx context.Context, e Engine, n int) error {
	client, watchable, err := e.Client(n)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	revision, keys, err := r.read(ctx, client)
	if err != nil {
		return err
	}
	r.Load(revision, keys)
	events := client.Watch(ctx, r.First, clientv3.WithRange(r.End), clientv3.WithRev(revision+1))
	ask := time.NewTicker(time.Second)
	defer ask.Stop()
	silent := time.NewTimer(Stale)
	defer silent.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-silent.C:
			return errSilent
		case <-ask.C:
			if !watchable() {
				return errSilent
			}
			askProgress(ctx, client)
		case <-r.Asks:
			askProgress(ctx, client)
		case e, ok := <-events:
			if !ok {
				return errSilent
			}
			if err := e.Err(); err != nil {
				return err
			}
			silent.Reset(Stale)
			r.Apply(reached(&e), e.Events)
		}
	}
}

// askProgress does not wait: the client blocks while it connects anew, which it may do for ever. Without an answer the server is left.
func askProgress(ctx context.Context, client *clientv3.Client) {
	go func() { _ = client.RequestProgress(ctx) }()
}

// reached returns the revision up to which a watch is complete. With changes, the revision in the header may be ahead of them.
func reached(w *clientv3.WatchResponse) int64 {
	if n := len(w.Events); n > 0 {
		return w.Events[n-1].Kv.ModRevision
	}
	return w.Header.Revision
}

// read reads all keys, of one revision.
func (r *Range) read(ctx context.Context, client *clientv3.Client) (revision int64, keys []*mvccpb.KeyValue, err error) {
	for from := r.First; ; {
		reading, stop := context.WithTimeout(ctx, Stale)
		page, err := client.Get(reading, from, clientv3.WithRange(r.End), clientv3.WithLimit(pageKeys), clientv3.WithRev(revision))
		stop()
		if err != nil {
			return 0, nil, err
		}
		if revision == 0 {
			revision = page.Header.Revision
		}
		if keys = append(keys, page.Kvs...); !page.More || len(page.Kvs) == 0 {
			return revision, keys, nil
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}
