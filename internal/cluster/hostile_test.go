package cluster

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"trapline/internal/cluster/fence"
	"trapline/internal/cluster/plan"
)

func (s *site) put(key, value string) {
	s.t.Helper()
	if _, err := s.client.Put(context.Background(), key, value); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) get(key string) string {
	s.t.Helper()
	r, err := s.client.Get(context.Background(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(r.Kvs) == 0 {
		return ""
	}
	return string(r.Kvs[0].Value)
}

// number returns the number of an owned shard, 0 if it is not owned.
func (c *Cluster) number(shard string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, _ := c.fence.Number(shard)
	return n
}

// Whatever a plan says, a member owns shards of its zone and of none. Others would have the numbers and the places of its own.
func TestPlansOfForeignShards(t *testing.T) {
	v := newView(keysOf("x"))
	v.loaded, v.planned = true, true
	v.plan.Owners = map[string]string{}
	for _, shard := range []string{"", "0", "1023", "1024", "-1", "01", "x", "x/y", "scan/list", "global", "global@berlin", "5@berlin", "5@paris", "0@", "7@ber/lin", strings.Repeat("9", 1<<20)} {
		v.plan.Owners[shard] = "a"
	}
	for zone, want := range map[string]string{"": "0 1023 global", "berlin": "0 1023 5@berlin global"} {
		d := v.duties("a", zone, 1)
		slices.Sort(d.free)
		if got := strings.Join(d.free, " "); got != want || len(d.planned) != len(d.free) {
			t.Errorf("zone %q: %s, want %s", zone, got, want)
		}
	}
}

// The plan that the engine has is that of the coordinator, whoever removes it or puts another one there.
func TestPlanIsWrittenAgain(t *testing.T) {
	s, b := newSite(t), newBooks()
	m, _ := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return b.count("a") == all })
	k := m.keys
	right := s.get(k.plan())
	for _, wrong := range []string{"", encode(plan.Plan{Members: []string{"gone"}, Owners: map[string]string{"1": "gone", "global": "a"}}), "{"} {
		if s.put(k.plan(), wrong); wrong == "" {
			if _, err := s.client.Delete(t.Context(), k.plan()); err != nil {
				t.Fatal(err)
			}
		}
		if wrong == "{" { // of a newer version, it may be
			continue
		}
		for until := time.Now().Add(time.Minute); s.get(k.plan()) != right; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("the plan stays %.40q", s.get(k.plan()))
			}
		}
	}
}

// What members attach to their sessions and has none keeps nobody from joining, coordinating and taking: it was copied from another engine.
// A register that cannot be read, or has a number that nobody gave, has no number given twice.
func TestRowsWithoutSession(t *testing.T) {
	s, b := newSite(t), newBooks()
	k := keysOf("trapline")
	s.put(k.member("a"), encode(Member{Name: "a"}))
	s.put(k.member("ghost"), encode(Member{Name: "ghost", Weight: 1, URL: "http://127.0.0.1:1"}))
	s.put(k.coordinator(), "ghost")
	s.put(k.own("7"), "ghost")
	s.put(k.seq("8"), "garbage")
	s.put(k.seq("9"), `{"n":18446744073709551615,"by":"x"}`)
	s.put(k.seq("10"), `{"n":18446744073709551616,"by":"x"}`)
	s.put(k.seq("11"), `{"n":41,"by":"x"}`)
	m, _ := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return b.count("a") == all })
	if list := m.Members(); len(list) != 1 || list[0].Name != "a" {
		t.Errorf("members: %+v", list)
	}
	for shard, is := range map[string]func(uint64) bool{
		"7": func(n uint64) bool { return n == 0 }, "11": func(n uint64) bool { return n == 41 },
		"8": beyond, "9": beyond, "10": beyond,
	} {
		if n := m.number(shard); !is(n) {
			t.Errorf("shard %s goes on with number %d", shard, n)
		}
	}
}

func beyond(n uint64) bool { return n >= fence.Skipped && n < math.MaxInt64 }

// Names that no member can have are none.
func TestNamesOfMembers(t *testing.T) {
	v := newView(keysOf("x"))
	for _, name := range []string{"a", "", "a/b", "a\x00b", "a b", "ä", strings.Repeat("a", 1<<20), "a,b", "<script>"} {
		v.put(&mvccpb.KeyValue{Key: []byte(v.keys.member(name)), Value: []byte(`{"weight":1}`), Lease: 1}, true)
	}
	if members := v.livingMembers(); len(members) != 1 || members[0].Name != "a" {
		t.Errorf("%d members", len(members))
	}
}

// The cost of a shard is what its owner has measured, whatever others say.
func TestCostsAreThoseOfTheOwner(t *testing.T) {
	v := newView(keysOf("x"))
	v.owners = map[string]ownership{"1": {"b", 1}, "2": {"c", 1}}
	v.costs = map[string]map[string]float64{"a": {"1": 1e300, "2": 5}, "b": {"1": 3}, "z": {"1": -1}}
	for range 20 {
		if all := v.costsOf(); all["1"] != 3 || all["2"] != 5 {
			t.Fatal(all)
		}
	}
}

// Sessions may go on where nothing is stored.
func TestEngineThatStoresNothing(t *testing.T) {
	m, err := New(Config{Settings: Settings{Member: "a", Insecure: true, Etcd: &Etcd{Endpoints: []string{"http://127.0.68.99:1"}}}, Shards: func() []plan.Shard { return nil }, Log: quiet()}, worker{"a", newBooks()})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Hour
	m.clock = func() time.Duration { return now }
	m.space.Note(now, nil)
	if now += storeWait - 1; !m.Stores() {
		t.Error("it stores nothing at once")
	}
	if now++; m.Stores() {
		t.Error("it still stores")
	}
	if m.space.Note(now, rpctypes.ErrNoSpace); m.Stores() {
		t.Error("an engine that is full stores")
	}
	if m.space.Note(now, nil); !m.Stores() {
		t.Error("it does not store again")
	}
}

// After the engine has gone back to an earlier state, as after the restore of a backup, members join again and take all shards, and no
// number is given twice.
func TestEngineThatGoesBack(t *testing.T) {
	before, b := newSite(t), newBooks()
	r, url := newRelay(t, before.url)
	s := &site{t: t, url: url}
	m, _ := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return b.count("a") == all })
	if err := m.Commit(t.Context(), []Write{{Shard: "7", Key: NumberKey, Value: []byte("41")}}); err != nil {
		t.Fatal(err)
	}
	b.note(func() { b.takes = nil })
	r.lead(newSite(t).url)
	b.await(t, "all shards are owned again", func() bool { return len(b.takes) >= all && b.count("a") == all })
	if n := m.number("7"); n <= 41 {
		t.Errorf("shard 7 goes on with number %d", n)
	}
	if len(b.faults) > 0 {
		t.Error(b.faults)
	}
}

// The last word about an alarm is repeated once, also if the engine does not forget it at once.
func TestLastWordsAreRepeatedOnce(t *testing.T) {
	s, b := newSite(t), newBooks()
	var repeats atomic.Int64
	b.repeat = func() { repeats.Add(1) }
	m, _ := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return b.count("a") == all })
	key := m.keys.late("7", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the engine does not answer
	m.repeat(ctx, worker{"a", b}, key, late{})
	if n := repeats.Load(); n != 1 {
		t.Errorf("%d times", n)
	}
	s.put(key, "text")
	for until := time.Now().Add(time.Minute); s.get(key) != ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it is not forgotten")
		}
	}
	if n := repeats.Load(); n != 2 {
		t.Errorf("%d times", n)
	}
}
