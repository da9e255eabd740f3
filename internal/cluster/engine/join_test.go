package engine

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"trapline/internal/cluster/engine/enginetest"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// voters are three servers in one process, each of which may stop and start.
type voters struct {
	t       *testing.T
	configs []Config
	engines []*Engine
	stops   []func()
}

func newVoters(t *testing.T, network string) *voters {
	t.Helper()
	v := &voters{t: t, engines: make([]*Engine, 3), stops: make([]func(), 3)}
	var names []string
	for i := range 3 {
		names = append(names, fmt.Sprintf("127.0.%s%d", network, i+1))
	}
	ports := enginetest.Ports(t, names[0])
	for _, name := range names {
		v.configs = append(v.configs, Config{Cluster: "test", Member: name, Voters: names, Engine: ports[0], Peers: ports[1], Dir: t.TempDir(), Lease: 2 * time.Second, Log: quiet(), Key: "/members/" + name})
	}
	return v
}

func (v *voters) start(i int) {
	v.t.Helper()
	e, err := New(v.configs[i])
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	v.engines[i] = e
	v.stops[i] = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			v.t.Error(err)
		}
	})
	v.t.Cleanup(v.stops[i])
}

// await waits until a condition holds.
func (v *voters) await(text string, condition func() bool) {
	v.t.Helper()
	for timeout := time.After(time.Minute); !condition(); {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-timeout:
			v.t.Fatalf("not within a minute: %s", text)
		}
	}
}

// vote is the condition that these servers run and vote, and that the cluster has no other.
func (v *voters) vote(of ...int) func() bool {
	return func() bool {
		for _, i := range of {
			if !v.engines[i].Up() || v.engines[i].server.running().Server.IsLearner() {
				return false
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		known, err := v.engines[of[0]].Servers(ctx)
		return err == nil && len(known.Voters) == len(of) && len(known.Others) == 0
	}
}

// put writes a key by the server itself, and get reads it there.
func (v *voters) put(i int, key string) {
	v.t.Helper()
	v.await("a majority stores "+key, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := Ask(ctx, v.engines[i], func(ctx context.Context, c *clientv3.Client) (*clientv3.PutResponse, error) {
			return c.Put(ctx, key, key)
		})
		return err == nil
	})
}

func (v *voters) has(i int, keys ...string) {
	v.t.Helper()
	own, err := v.engines[i].Own()
	if err != nil {
		v.t.Fatal(err)
	}
	for _, key := range keys {
		if r, err := own.Get(v.t.Context(), key); err != nil || r.Count != 1 {
			v.t.Errorf("%s: %v, %v", key, r, err)
		}
	}
}

// A voter that lost its disk does not vote under its old ID: it joins as another one, and votes once it has all data. While a
// process has its name nobody is removed.
func TestVoterWithoutItsDataJoinsAgain(t *testing.T) {
	v := newVoters(t, "68.11")
	for i := range 3 {
		v.start(i)
	}
	v.await("all vote", v.vote(0, 1, 2))
	v.put(0, "before")
	before := v.engines[2].server.running().Server.MemberID()
	v.stops[2]()
	if err := os.RemoveAll(v.configs[2].Dir); err != nil {
		t.Fatal(err)
	}
	v.put(0, v.configs[2].Key)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	other, err := New(v.configs[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.enter(ctx); err == nil {
		t.Error("a second process with the name of a voter takes its place")
	}
	other.Close()
	if own, err := v.engines[0].Own(); err != nil {
		t.Fatal(err)
	} else if _, err := own.Delete(ctx, v.configs[2].Key); err != nil {
		t.Fatal(err)
	}
	v.start(2)
	v.await("it votes again", v.vote(0, 1, 2))
	if after := v.engines[2].server.running().Server.MemberID(); after == before {
		t.Error("it votes under its old ID")
	}
	v.stops[0]()
	v.put(2, "after")
	v.has(2, "before", "after")
}

// A majority is gone for good: one voter goes on alone with all data, and others without data join it.
func TestRecoverFromOneVoter(t *testing.T) {
	v := newVoters(t, "68.12")
	for i := range 3 {
		v.start(i)
	}
	v.await("all vote", v.vote(0, 1, 2))
	v.put(0, "before")
	for i := range 3 {
		v.stops[i]()
	}
	for _, c := range v.configs[1:] {
		if err := os.RemoveAll(c.Dir); err != nil {
			t.Fatal(err)
		}
	}
	e, err := New(v.configs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Recover(t.Context(), func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Put(ctx, "meanwhile", "")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	e.Close()
	v.start(0)
	v.await("it votes alone", v.vote(0))
	v.start(1)
	v.start(2)
	v.await("all vote", v.vote(0, 1, 2))
	v.stops[0]()
	v.put(1, "after")
	v.has(2, "before", "meanwhile", "after")
}
