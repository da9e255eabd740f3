package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// An engine that is full is reported, a commit has an error and not a doubt, and the shards stay. Space is free again once what
// is deleted has been compacted, and not before.
func TestFullEngine(t *testing.T) {
	const quota = 4 << 20
	s, b := newSiteOf(t, quota), newBooks()
	m, _ := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	full := func(want bool) {
		t.Helper()
		for timeout := time.After(time.Minute); m.space.Full() != want; {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-timeout:
				t.Fatalf("full is not %v", want)
			}
		}
	}
	var err error
	for i := 0; err == nil && i < 200; i++ {
		_, err = s.client.Put(t.Context(), fmt.Sprint("/other/", i), strings.Repeat("x", 100<<10))
	}
	if !errors.Is(err, rpctypes.ErrNoSpace) {
		t.Fatal(err)
	}
	if err := m.Commit(t.Context(), []Write{{Shard: "7", Key: "alarm/x", Value: []byte("x")}}); !errors.Is(err, rpctypes.ErrNoSpace) || len(m.InDoubt()) > 0 {
		t.Errorf("commit: %v, in doubt %v", err, m.InDoubt())
	}
	full(true)
	if err := s.engine.Free(t.Context()); err == nil {
		t.Error("space is free although all of it is in use")
	}
	deleted, err := s.client.Delete(t.Context(), "/other/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Compact(t.Context(), deleted.Header.Revision); err != nil {
		t.Fatal(err)
	}
	for timeout := time.After(time.Minute); s.engine.Free(t.Context()) != nil; {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-timeout:
			t.Fatal("no space can be freed")
		}
	}
	full(false)
	if err := m.Commit(t.Context(), []Write{{Shard: "7", Key: "alarm/x", Value: []byte("x")}}); err != nil {
		t.Errorf("with space: %v", err)
	}
	if b.lost > 0 || len(b.owners) != all {
		t.Errorf("%d shards are lost, %d owned", b.lost, len(b.owners))
	}
}
