package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
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

// A majority is gone for good: one voter goes on alone with all data, and others without data join it, one after the other.
func TestRecoverFromOneVoter(t *testing.T) {
	v := newVoters(t, "68.12")
	for i := range 3 {
		v.start(i)
	}
	v.await("all vote", v.vote(0, 1, 2))
	v.put(0, "before")
	for i := range 3 {
		if e, err := New(v.configs[i]); err != nil {
			t.Fatal(err)
		} else if err := e.Recover(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "stop Trapline here first") {
			t.Errorf("a server that runs is recovered: %v", err)
		}
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
	for i, want := range []error{nil, errOneByOne} {
		if e, err := New(v.configs[i+1]); err != nil {
			t.Fatal(err)
		} else if _, err := e.enter(t.Context()); !errors.Is(err, want) {
			t.Errorf("voter %d joins: %v, want %v", i+1, err, want)
		} else {
			e.Close()
		}
	}
	v.start(1)
	v.start(2)
	v.await("all vote", v.vote(0, 1, 2))
	v.stops[0]()
	v.put(1, "after")
	v.has(2, "before", "meanwhile", "after")
}

// A member whose configuration alone has it vote does not vote: with it a cluster of three would have four voters, and end
// with two that fail. Once one of the three was taken out it does.
func TestOneConfigurationMakesNoVoter(t *testing.T) {
	v := newVoters(t, "68.13")
	stranger := v.configs[2]
	for i := range v.configs {
		v.configs[i].Voters = slices.Clone(v.configs[i].Voters)
	}
	stranger.Member, stranger.Dir, stranger.Voters = "127.0.68.134", t.TempDir(), append(slices.Clone(v.configs[0].Voters[:2]), "127.0.68.134")
	for i := range 3 {
		v.start(i)
	}
	v.await("all vote", v.vote(0, 1, 2))
	v.configs, v.engines, v.stops = append(v.configs, stranger), append(v.engines, nil), append(v.stops, nil)
	v.start(3)
	v.await("it says why", func() bool {
		err := v.engines[3].Silent(t.Context())[stranger.Member]
		return err != nil && strings.Contains(err.Error(), "127.0.68.131, 127.0.68.132, 127.0.68.133, and not 127.0.68.134: write these")
	})
	if !v.vote(0, 1, 2)() {
		t.Error("it votes")
	}
	v.put(3, "asked as by a member without a vote")
	v.stops[2]()
	servers, err := v.engines[0].Servers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := v.engines[0].Remove(t.Context(), servers.Voters[v.configs[2].Member]); err != nil {
		t.Fatal(err)
	}
	v.await("it votes in the place of another", v.vote(0, 1, 3))
}

// A voter that starts with data of before a recovery, from which the others went on without it, says what to do.
func TestDataFromBeforeRecovery(t *testing.T) {
	v := newVoters(t, "68.14")
	for i := range 3 {
		v.start(i)
	}
	v.await("all vote", v.vote(0, 1, 2))
	for i := range 3 {
		v.stops[i]()
	}
	e, err := New(v.configs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Recover(t.Context(), func(context.Context, *clientv3.Client) error { return nil }); err != nil {
		t.Fatal(err)
	}
	e.Close()
	v.start(0)
	v.await("it votes alone", v.vote(0))
	v.start(1)
	v.await("it says what to do", func() bool {
		err := v.engines[1].Silent(t.Context())[v.configs[1].Member]
		return err != nil && strings.Contains(err.Error(), "remove that directory")
	})
	v.put(1, "asked as by a member without a vote")
}

// A voter in the place of another begins no cluster of its own while the others have no majority. If it did so while none of
// them ran, it says what to do.
func TestReplacingVoterBeginsNoCluster(t *testing.T) {
	v := newVoters(t, "68.16")
	other := v.configs[2]
	other.Member, other.Dir, other.Voters = "127.0.68.164", t.TempDir(), append(slices.Clone(other.Voters[:2]), "127.0.68.164")
	v.configs, v.engines, v.stops = append(v.configs, other), append(v.engines, nil), append(v.stops, nil)
	for i := range 3 {
		v.start(i)
	}
	v.await("all vote", v.vote(0, 1, 2))
	v.stops[1]()
	v.stops[2]()
	v.start(3)
	v.await("it asks again", func() bool { return v.engines[3].Silent(t.Context())[other.Member] == errExcluded })
	v.start(1)
	v.await("it is refused", func() bool {
		err := v.engines[3].Silent(t.Context())[other.Member]
		return err != nil && strings.Contains(err.Error(), "and not 127.0.68.164")
	})
	for i := range 4 {
		v.stops[i]()
	}
	v.start(3)
	v.await("it begins", other.HasData)
	v.start(0)
	v.start(1)
	v.await("it says what to do", func() bool {
		err := v.engines[3].Silent(t.Context())[other.Member]
		return err != nil && strings.Contains(err.Error(), "of another cluster")
	})
}
