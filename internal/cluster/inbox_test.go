package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/desk"
	"trapline/internal/cluster/plan"
	"trapline/internal/ledger"
	"trapline/internal/transfer"
)

// receiving is a worker that takes over batches before it goes on with a shard.
type receiving struct {
	worker
	cluster *atomic.Pointer[Cluster]
}

func (w receiving) Take(ctx context.Context, shard string, alive time.Time) error {
	c := w.cluster.Load()
	now := time.Now()
	r := transfer.Receiver{Store: c, Shard: shard, Alive: cmp.Or(alive, now), Now: now, Logger: quiet()}
	if err := r.Receive(ctx, c.Arrived(shard)); err != nil {
		return err
	}
	return w.worker.Take(ctx, shard, alive)
}

// looks returns the names of the looks that a shard has.
func (c *Cluster) looks(t *testing.T, shard string) (names []string) {
	t.Helper()
	err := c.Load(t.Context(), shard, func(key string, _ []byte) error {
		if name, is := strings.CutPrefix(key, ledger.Look); is {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return names
}

// stage has a desk take a look of each of some shards.
func stage(t *testing.T, d *desk.Desk, batch, look string, shards ...string) {
	t.Helper()
	for _, shard := range shards {
		err := d.Stage(t.Context(), batch, []ledger.Write{
			{Shard: shard, Key: ledger.Inbox + batch + "/" + ledger.Look + look, Value: []byte("{}")},
			{Shard: shard, Key: ledger.Inbox + batch, Value: []byte(`{"from": "a"}`)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A first plan waits for the records of a single process, which the owners of shards take over once; those that come later are taken over
// as well. Whatever was staged by a try that was not completed is never seen.
func TestInboxes(t *testing.T) {
	s, b := newSite(t), newBooks()
	var gives atomic.Bool
	gives.Store(true)
	var one atomic.Pointer[Cluster]
	m := s.member("a", func(c *Config) { c.Gives = gives.Load }, receiving{worker{"a", b}, &one})
	one.Store(m)
	s.run(m)
	for m.ID() == "" || !m.MaySend() {
		time.Sleep(10 * time.Millisecond)
	}
	const batch = "process-1"
	first, second := &desk.Desk{Cluster: m}, &desk.Desk{Cluster: m}
	if completed, err := first.Begin(t.Context(), batch, []string{"1", "2"}); completed || err != nil {
		t.Fatal(completed, err)
	}
	stage(t, first, batch, "old", "1", "2")
	if completed, err := second.Begin(t.Context(), batch, []string{"2", "3"}); completed || err != nil {
		t.Fatal(completed, err)
	}
	if err := first.Complete(t.Context(), batch); !errors.Is(err, desk.ErrElsewhere) {
		t.Errorf("the first try: %v", err)
	}
	stage(t, second, batch, "new", "2", "3")
	if err := second.Complete(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if completed, err := first.Begin(t.Context(), batch, []string{"2"}); !completed || err != nil {
		t.Error(completed, err)
	}
	b.mu.Lock()
	if len(b.owners) > 0 {
		t.Errorf("%d shards are owned before the records are there", len(b.owners))
	}
	b.mu.Unlock()
	gives.Store(false)
	if err := m.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	for shard, want := range map[string][]string{"1": nil, "2": {"new"}, "3": {"new"}, "4": nil} {
		if got := m.looks(t, shard); !slices.Equal(got, want) {
			t.Errorf("shard %s has %v, want %v", shard, got, want)
		}
	}

	third := &desk.Desk{Cluster: m}
	if completed, err := third.Begin(t.Context(), "process-2", []string{"3", "4"}); completed || err != nil {
		t.Fatal(completed, err)
	}
	stage(t, third, "process-2", "late", "3", "4")
	if err := third.Complete(t.Context(), "process-2"); err != nil {
		t.Fatal(err)
	}
	again := func(shard string) bool { return slices.Index(b.takes, "a "+shard) != lastIndex(b.takes, "a "+shard) }
	b.await(t, "the shards are taken again", func() bool { return again("3") && again("4") && len(b.owners) == all })
	for shard, want := range map[string][]string{"3": {"late", "new"}, "4": {"late"}} {
		if got := m.looks(t, shard); !slices.Equal(got, want) {
			t.Errorf("shard %s has %v, want %v", shard, got, want)
		}
	}
	for _, prefix := range []string{m.keys.root + "to/", m.keys.root + "arrivals/"} {
		r, err := s.client.Get(t.Context(), prefix, clientv3.WithPrefix())
		if err != nil || len(r.Kvs) > 0 {
			t.Error(fmt.Sprint(r.Kvs), err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.takes) > all+2 || b.lost > 0 {
		t.Errorf("%d shards were taken, and %d lost", len(b.takes), b.lost)
	}
}

func lastIndex(list []string, of string) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == of {
			return i
		}
	}
	return -1
}

// The records of a target that has another zone are found where they are, and moved by the owner of their new shard if nobody else is there
// to do so.
func TestRecordsOfAZoneWithoutMembers(t *testing.T) {
	s, b := newSite(t), newBooks()
	join := func(name, zone string) (*Cluster, func() error) {
		var one atomic.Pointer[Cluster]
		m := s.member(name, func(c *Config) {
			c.Settings.Zone, c.Shards = zone, func() []plan.Shard { return AllShards("", "berlin") }
		}, receiving{worker{name, b}, &one})
		one.Store(m)
		return m, s.run(m)
	}
	paris, _ := join("paris", "")
	berlin, stop := join("berlin-1", "berlin")
	b.await(t, "both zones are owned", func() bool { return len(b.owners) == all+plan.Shards })
	for _, shard := range []string{"5@berlin", "6@berlin"} {
		if err := berlin.Commit(t.Context(), []Write{{Shard: shard, Key: ledger.Look + "moved", Value: []byte("{}")}, {Shard: shard, Key: ledger.Look + "other", Value: []byte("{}")}}); err != nil {
			t.Fatal(err)
		}
	}
	if siblings := paris.Siblings("5"); !slices.Equal(siblings, []string{"5@berlin"}) {
		t.Errorf("the siblings are %v", siblings)
	}
	peek := func() (found []string, arriving bool) {
		arriving, err := desk.Peek(t.Context(), paris, paris.Siblings("5"), "5", func(shard, key string, _ []byte) { found = append(found, shard+" "+key) })
		if err != nil {
			t.Fatal(err)
		}
		return found, arriving
	}
	if found, arriving := peek(); !slices.Equal(found, []string{"5@berlin look/moved", "5@berlin look/other"}) || arriving {
		t.Errorf("%v, %t", found, arriving)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	changed := make(chan struct{}, 1)
	paris.Subscribe(changed)
	for paris.Planned("5@berlin") {
		<-changed
	}
	move := func(ctx context.Context, alive time.Time) error {
		homes := transfer.Homes{Target: func(name string) string {
			if name == "moved" {
				return "5"
			}
			return "5@berlin"
		}}
		return (&transfer.Sender{Store: paris, Shard: "5@berlin", Homes: homes, Alive: alive, Now: time.Now(), Logger: quiet()}).Send(ctx)
	}
	if err := paris.Borrow(t.Context(), "5", move); err == nil {
		t.Error("a shard that is owned is borrowed")
	}
	if err := paris.Borrow(t.Context(), "5@berlin", move); err != nil {
		t.Fatal(err)
	}
	b.await(t, "the shard is taken again", func() bool {
		return slices.Index(b.takes, "paris 5") != lastIndex(b.takes, "paris 5") && len(b.owners) == all
	})
	if looks := paris.looks(t, "5"); !slices.Equal(looks, []string{"moved"}) {
		t.Errorf("it has %v", looks)
	}
	if found, arriving := peek(); !slices.Equal(found, []string{"5@berlin look/other"}) || arriving {
		t.Errorf("%v, %t", found, arriving)
	}
	paris.Retake("7")
	b.await(t, "another is taken again", func() bool {
		return slices.Index(b.takes, "paris 7") != lastIndex(b.takes, "paris 7") && len(b.owners) == all
	})
}
