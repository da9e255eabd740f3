package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/engine/enginetest"
	"trapline/internal/cluster/fence"
	"trapline/internal/cluster/settings"
	"trapline/internal/cluster/snapshot"
)

func (s *site) admin(t *testing.T) *Admin {
	t.Helper()
	a, err := NewAdmin(Settings{Insecure: true, Etcd: &Etcd{Endpoints: []string{s.url}}}, "", quiet())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A snapshot of random keys is restored as it was, but for keys of sessions, which are left out, and numbers of events, of
// which none is given twice. One that is not whole, or of another cluster, is refused before anything is written.
func TestSnapshotIsRestored(t *testing.T) {
	s := newSite(t)
	random := rand.New(rand.NewPCG(1, 2))
	k := keysOf(settings.DefaultName)
	put := func(key, value string, o ...clientv3.OpOption) {
		t.Helper()
		if _, err := s.client.Put(t.Context(), key, value, o...); err != nil {
			t.Fatal(err)
		}
	}
	lease, err := s.client.Grant(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin(t).Snapshot(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "no cluster") {
		t.Errorf("snapshot of nothing: %v", err)
	}
	put(k.format(), `{"writes":1,"id":"12345678"}`)
	put(k.member("a"), "{}", clientv3.WithLease(lease.ID))
	put("/trapline/other/x", "of another cluster")
	for i := range 2*pageRows + 7 {
		value := make([]byte, random.IntN(200))
		for j := range value {
			value[j] = byte(random.IntN(256))
		}
		put(k.row(fmt.Sprint(random.IntN(9)), fmt.Sprintf("alarm/%d", i)), string(value))
	}
	put(k.row("7", "large"), strings.Repeat("x", 1<<20))
	put(k.seq("7"), encode(fence.Register{Number: 41, Mark: "m"}))
	var file bytes.Buffer
	rows, err := s.admin(t).Snapshot(t.Context(), &file)
	if err != nil || rows != 2*pageRows+10 {
		t.Fatalf("%d rows: %v", rows, err)
	}

	const host = "127.0.68.92"
	ports := enginetest.Ports(t, host)
	one := Settings{Members: []string{host, "127.0.68.93", "127.0.68.94"}, Member: host, Ports: Ports{Engine: ports[0], Peers: ports[1]}}
	a, err := NewAdmin(one, t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Recover(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "has no data") {
		t.Errorf("without data: %v", err)
	}
	for range 50 {
		damaged := bytes.Clone(file.Bytes())
		if random.IntN(2) == 0 {
			damaged = damaged[:random.IntN(len(damaged))]
		} else {
			damaged[random.IntN(len(damaged))] ^= 1 << random.IntN(8)
		}
		if err := verify(bytes.NewReader(damaged), settings.DefaultName); err == nil {
			t.Fatal("a damaged snapshot is taken for a whole one")
		}
	}
	if err := verify(bytes.NewReader(file.Bytes()), "x"); err == nil || !strings.Contains(err.Error(), "of the cluster trapline") {
		t.Errorf("of another cluster: %v", err)
	}
	if _, err := a.Recover(t.Context(), strings.NewReader("x")); !errors.Is(err, snapshot.ErrNotWhole) || a.config.HasData() {
		t.Errorf("no snapshot: %v", err)
	}
	recovered, err := a.Recover(t.Context(), bytes.NewReader(file.Bytes()))
	if err != nil || recovered != (Recovered{"12345678", rows}) {
		t.Fatalf("%+v, %v", recovered, err)
	}
	if _, err := a.Recover(t.Context(), bytes.NewReader(file.Bytes())); err == nil || !strings.Contains(err.Error(), "has data") {
		t.Errorf("twice: %v", err)
	}
	e, err := engine.New(a.config)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Run(t, e)
	own, err := e.Own()
	if err != nil {
		t.Fatal(err)
	}
	want, got := contents(t, s.client, k), contents(t, own, k)
	delete(want, k.member("a"))
	var r fence.Register
	if err := json.Unmarshal([]byte(got[k.seq("7")]), &r); err != nil || r.Number != 41+fence.Skipped {
		t.Errorf("number %d, %v", r.Number, err)
	}
	got[k.seq("7")] = want[k.seq("7")]
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("%s differs", key)
		}
	}
	if _, err := a.Recover(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "a majority of the voters answers") {
		t.Errorf("while a cluster runs: %v", err)
	}
}

func contents(t *testing.T, c *clientv3.Client, k keys) map[string]string {
	t.Helper()
	r, err := c.Get(context.Background(), k.root, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, kv := range r.Kvs {
		all[string(kv.Key)] = string(kv.Value)
	}
	return all
}

// Replace wants the configuration to name the new voter, and only that.
func TestReplaceWantsTheConfigurationToAgree(t *testing.T) {
	a, err := NewAdmin(Settings{Members: []string{"127.0.68.95", "127.0.68.96", "127.0.68.97"}, Member: "127.0.68.95"}, "", quiet())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, by, want string }{
		{"old", "new", "has no new: write it there in the place of old"},
		{"127.0.68.95", "127.0.68.96", "still has 127.0.68.95: write the name of another in its place"},
		{"old", "127.0.68.96", "no majority of the voters answers: 127.0.68.95: dial tcp"},
		{"old", "", "no majority of the voters answers: 127.0.68.95: dial tcp"},
	} {
		if err := a.Replace(t.Context(), c.old, c.by); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("replace %s %s: %v, want %s", c.old, c.by, err, c.want)
		}
	}
}
