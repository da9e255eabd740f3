package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/fence"
	"trapline/internal/cluster/plan"
	"trapline/internal/cluster/settings"
)

// A leader of the engine that was paused may revoke the sessions of all: everybody has its own shards back, and nothing moves.
func TestMassRevocationMovesNothing(t *testing.T) {
	s, b := newSite(t), newBooks()
	names := []string{"a", "b", "c"}
	var members []*Cluster
	for _, name := range names {
		m, _ := s.join(name, b, nil)
		members = append(members, m)
	}
	b.await(t, "all shards are owned, by all", func() bool {
		return len(b.owners) == all && b.count("a") > 250 && b.count("b") > 250 && b.count("c") > 250
	})
	b.mu.Lock()
	before := maps.Clone(b.owners)
	b.takes = nil
	b.mu.Unlock()
	leases, err := s.client.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases.Leases {
		if _, err := s.client.Revoke(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	b.await(t, "all shards were lost and are owned again", func() bool { return b.lost >= all && len(b.owners) == all })
	b.mu.Lock()
	defer b.mu.Unlock()
	if !maps.Equal(before, b.owners) {
		t.Error("shards moved")
	}
	for _, take := range b.takes {
		if member, shard, _ := strings.Cut(take, " "); before[shard] != member {
			t.Errorf("%s took shard %s of %s", member, shard, before[shard])
		}
	}
	if len(b.faults) > 0 {
		t.Error(b.faults[:min(5, len(b.faults))])
	}
	for _, m := range members {
		if !m.MaySend() {
			t.Error("a member may not send")
		}
	}
}

// Shards go to members of their zone by weight; a member that only votes has none; who leaves hands over, who is gone does not
// keep them, and up to when its targets were polled is known.
func TestZonesWeightsAndLeaving(t *testing.T) {
	s, b := newSite(t), newBooks()
	shards := func() []plan.Shard { return AllShards("", "berlin") }
	with := func(zone string, weight float64) func(*Config) {
		return func(c *Config) { c.Settings.Zone, c.Settings.Weight, c.Shards = zone, &weight, shards }
	}
	m, _ := s.join("paris", b, with("", 1))
	s.join("witness", b, with("", 0))
	_, stop := s.join("berlin-1", b, with("berlin", 1))
	b.await(t, "both zones are owned", func() bool { return b.count("paris") == all && b.count("berlin-1") == plan.Shards })
	s.join("berlin-2", b, with("berlin", 3))
	b.await(t, "berlin is shared by weight", func() bool { return b.count("berlin-2") > plan.Shards*6/10 })
	stop()
	b.await(t, "berlin has one member", func() bool { return b.count("berlin-2") == plan.Shards })
	b.mu.Lock()
	for shard, owner := range b.owners {
		if _, of := plan.Zone(shard); of && (owner == "paris") != !strings.Contains(shard, "@") {
			t.Errorf("shard %s is owned by %s", shard, owner)
		}
	}
	if b.lost > 0 || b.count("witness") > 0 {
		t.Errorf("%d shards were lost, the witness has %d", b.lost, b.count("witness"))
	}
	moved := 0
	for _, at := range b.alive {
		if !at.IsZero() && time.Since(at) < 30*time.Second {
			moved++
		}
	}
	b.mu.Unlock()
	if moved < plan.Shards {
		t.Errorf("of %d shards it is known up to when they were polled", moved)
	}
	seen := make(chan struct{}, 1)
	m.view.subscribe(seen)
	for status := m.Status(t.Context()); !status.Whole() || len(status.Members) != 3; status = m.Status(t.Context()) {
		select {
		case <-seen:
		case <-time.After(time.Minute):
			t.Fatalf("status: %+v", status)
		}
	}
	if owner, ok := m.Owner(plan.Of("berlin", "switch-1")); !ok || owner.Name != "berlin-2" || owner.Zone != "berlin" {
		t.Errorf("owner: %+v, %v", owner, ok)
	}
}

// Until all is forgotten that belongs to the shards of a session that has ended, the next session is no consent to send: others may
// have taken those.
func TestNothingIsSentForShardsOfTheLastSession(t *testing.T) {
	s, b := newSite(t), newBooks()
	forgotten := make(chan struct{})
	forget := sync.OnceFunc(func() { close(forgotten) })
	t.Cleanup(forget)
	b.forget = func() { <-forgotten }
	m, _ := s.join("a", b, func(c *Config) { c.Shards = func() []plan.Shard { return []plan.Shard{{Name: "1", Cost: 1}} } })
	b.await(t, "the shard is owned", func() bool { return b.owners["1"] != "" })
	if !m.MaySend() {
		t.Fatal("it may not send")
	}
	before := m.session.lease()
	if _, err := s.client.Revoke(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	next := before
	for timeout := time.After(time.Minute); next == before || next == 0; next = m.session.lease() {
		select {
		case <-time.After(time.Millisecond):
		case <-timeout:
			t.Fatal("there is no other session")
		}
	}
	if !m.session.valid() || m.MaySend() {
		t.Errorf("the session is valid: %v, it may send: %v", m.session.valid(), m.MaySend())
	}
	forget()
	b.await(t, "the shard is owned again", func() bool { return b.lost == 1 && b.owners["1"] != "" })
	if !m.MaySend() {
		t.Error("it may not send for the shard that it has taken again")
	}
}

// A late send is repeated by the owner of the shard. So is another one of the same event that comes while that is done.
func TestLateSendsAreRepeated(t *testing.T) {
	s, b := newSite(t), newBooks()
	begun, more := make(chan struct{}, 1000), make(chan struct{})
	b.repeat = func() {
		begun <- struct{}{}
		<-more
	}
	m, _ := s.join("a", b, func(c *Config) { c.Shards = func() []plan.Shard { return []plan.Shard{{Name: "1", Cost: 1}} } })
	b.await(t, "the shard is owned", func() bool { return b.owners["1"] != "" })
	goOn := sync.OnceFunc(func() { close(more) })
	t.Cleanup(goOn)
	known := func() (revision int64) {
		m.view.mu.Lock()
		defer m.view.mu.Unlock()
		return m.view.lates["1"]["x@nms"].revision
	}
	changed := make(chan struct{}, 1)
	m.view.subscribe(changed)
	await := func(is func() bool) {
		t.Helper()
		for timeout := time.After(time.Minute); !is(); {
			select {
			case <-changed:
			case <-timeout:
				t.Fatal("the engine does not have it")
			}
		}
	}
	m.Late("1", "x@nms", []byte("raise"))
	<-begun
	first := known()
	m.Late("1", "x@nms", []byte("raise"))
	await(func() bool { return known() > first })
	goOn()
	select {
	case <-begun:
	case <-time.After(time.Minute):
		t.Fatal("it was not repeated again")
	}
	await(func() bool { return known() == 0 })
}

// Committed rows are loaded, over several pages; the number never decreases; a shard that another took is lost.
func TestCommitAndLoad(t *testing.T) {
	s, b := newSite(t), newBooks()
	m, _ := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	ctx := t.Context()
	want := map[string]string{}
	for at := 0; at < 1300; {
		var writes []Write
		for range 100 {
			key := fmt.Sprintf("out/r/%05d", at)
			want[key] = strconv.Itoa(at)
			writes = append(writes, Write{Shard: "1", Key: key, Value: []byte(want[key])})
			at++
		}
		writes = append(writes, Write{Shard: "1", Key: NumberKey, Value: strconv.AppendInt(nil, int64(at), 10)}, Write{Shard: "10", Key: "alarm/x", Value: []byte("other")})
		if err := m.Commit(ctx, writes); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Commit(ctx, []Write{{Shard: "1", Key: "out/r/00007"}}); err != nil {
		t.Fatal(err)
	}
	delete(want, "out/r/00007")
	want[NumberKey] = "1300"
	got := map[string]string{}
	if err := m.Load(ctx, "1", func(key string, value []byte) error { got[key] = string(value); return nil }); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("loaded %d rows, want %d", len(got), len(want))
	}
	var tens []string // each the prefix of ten rows
	for i := range 130 {
		tens = append(tens, fmt.Sprintf("out/r/%04d", i))
	}
	for _, prefixes := range [][]string{{"out/r/000", "out/r/01", "out/s", "out/r/009"}, {"out/r/00", "out/r/012"}, tens} {
		var loaded, wanted []string
		for _, p := range prefixes {
			wanted = append(wanted, slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(key string) bool { return !strings.HasPrefix(key, p) })...)
		}
		if err := m.LoadOf(ctx, "1", prefixes, func(key string, _ []byte) error { loaded = append(loaded, key); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(loaded, wanted) {
			t.Errorf("%.3v: loaded %d rows, want %d", prefixes, len(loaded), len(wanted))
		}
	}
	var large *fence.TooLarge
	if err := m.Commit(ctx, make([]Write, 0)); err != nil {
		t.Errorf("nothing: %v", err)
	}
	var many []Write
	for i := range fence.MaxWrites + 1 {
		many = append(many, Write{Shard: "1", Key: strconv.Itoa(i)})
	}
	if err := m.Commit(ctx, many); !errors.As(err, &large) {
		t.Errorf("too many rows: %v", err)
	}
	// Somebody else writes the register, as a take does.
	if _, err := s.client.Put(ctx, m.keys.seq("1"), `{"n":1300,"by":"x"}`); err != nil {
		t.Fatal(err)
	}
	var lost *Lost
	err := m.Commit(ctx, []Write{{Shard: "1", Key: "late", Value: []byte("1")}, {Shard: "2", Key: "a", Value: []byte("1")}})
	if !errors.As(err, &lost) || !slices.Equal(lost.Shards, []string{"1"}) {
		t.Errorf("a shard that another took: %v", err)
	}
	if r, _ := s.client.Get(ctx, m.keys.row("1", "late")); len(r.Kvs) > 0 {
		t.Error("a commit was applied after another had taken the shard")
	}
	if r, _ := s.client.Get(ctx, m.keys.row("2", "a")); len(r.Kvs) != 1 {
		t.Error("the commit of another shard was not applied")
	}
	b.await(t, "the shard is taken again", func() bool { return b.lost == 1 && b.owners["1"] == "a" })
}

// A commit that was applied and whose answer is lost is repeated, and found to be applied, once.
func TestAnswerIsLost(t *testing.T) {
	s, b := newSite(t), newBooks()
	r, url := newRelay(t, s.url)
	m, _ := s.join("a", b, func(c *Config) {
		c.Settings.Etcd.Endpoints, c.Settings.Lease.Duration = []string{url}, 10*time.Second
	})
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	for i := range 3 {
		row, n := fmt.Sprint("out/r/", i), strconv.Itoa(i+1)
		applied := s.client.Watch(t.Context(), m.keys.row("5", row))
		r.set(true)
		done := make(chan error, 1)
		go func() {
			done <- m.Commit(t.Context(), []Write{{Shard: "5", Key: row, Value: []byte(n)}, {Shard: "5", Key: NumberKey, Value: []byte(n)}})
		}()
		<-applied
		r.set(false)
		if err := <-done; err != nil {
			t.Fatalf("commit %d: %v", i, err)
		}
		if got, _ := s.client.Get(t.Context(), m.keys.row("5", row)); len(got.Kvs) != 1 || got.Kvs[0].Version != 1 {
			t.Errorf("commit %d was applied more than once: %v", i, got.Kvs)
		}
	}
	if doubts := testutil.ToFloat64(m.metrics.commits.WithLabelValues("doubt")); doubts < 3 {
		t.Errorf("%v times in doubt", doubts)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost > 0 {
		t.Errorf("%d shards were lost", b.lost)
	}
}

// The coordinator removes the engine's history, but not the last half minute of it.
func TestHistoryIsRemoved(t *testing.T) {
	s, b := newSite(t), newBooks()
	m, _ := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	last := m.view.lastRevision()
	k := &coordinator{compacted: m.clock() - compactEvery, revision: last}
	m.compact(t.Context(), k)
	if _, err := s.client.Get(t.Context(), "x", clientv3.WithRev(last-1)); !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("before the last compaction: %v", err)
	}
	if _, err := s.client.Get(t.Context(), "x", clientv3.WithRev(last)); err != nil {
		t.Errorf("after it: %v", err)
	}
	revision := k.revision
	if m.compact(t.Context(), k); k.revision != revision {
		t.Error("history is removed again at once")
	}
}

// A shard that was taken by a request without an answer is taken again by the same session, and the register tells them apart.
func TestTakeIsRepeated(t *testing.T) {
	s, b := newSite(t), newBooks()
	m, _ := s.join("a", b, func(c *Config) { c.Shards = func() []plan.Shard { return nil } })
	seen := make(chan struct{}, 1)
	m.view.subscribe(seen)
	lease, ok := m.session.usable()
	for ; !ok; lease, ok = m.session.usable() {
		<-seen // its own members/M
	}
	m.mu.Lock()
	m.shards["7"] = &shard{state: taking, cancel: func() {}} // else it is left at once: it is not planned
	m.mu.Unlock()
	defer m.forget("7")
	claim := func(lease clientv3.LeaseID) *claim {
		claims, err := m.claim(t.Context(), []string{"7"}, lease, false)
		if err != nil {
			t.Fatal(err)
		}
		return claims[0]
	}
	if _, err := s.client.Put(t.Context(), m.keys.held("7"), "z"); err != nil {
		t.Fatal(err)
	}
	first, again := claim(lease), claim(lease)
	if first == nil || again == nil || again.register.Revision <= first.register.Revision || again.register.Mark == first.register.Mark {
		t.Fatalf("taken again: %+v after %+v", again, first)
	}
	if first.before != "z" || again.before != "z" {
		t.Errorf("the last owner is %q, then %q", first.before, again.before)
	}
	if other := claim(lease + 1); other != nil {
		t.Errorf("another session: %+v", other)
	}
}

// A second process with the same name waits until the session of the first has ended.
func TestTwoProcessesWithOneName(t *testing.T) {
	s, b := newSite(t), newBooks()
	_, stop := s.join("a", b, nil)
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	second := newBooks()
	m, _ := s.join("a", second, nil)
	for m.session.lease() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	if err := m.session.join(t.Context()); err == nil || !strings.Contains(err.Error(), "another process is the member a") {
		t.Errorf("joined: %v", err)
	}
	stop()
	second.await(t, "the second owns all", func() bool { return len(second.owners) == all })
}

// That all members have the same configuration is known, and ends when one has another.
func TestConfigAgreed(t *testing.T) {
	s, b := newSite(t), newBooks()
	dir := t.TempDir()
	m, stopFirst := s.join("a", b, func(c *Config) { c.Dir = dir })
	var hash atomic.Pointer[string]
	old, changed := "h", "i"
	hash.Store(&old)
	other, _ := s.join("b", b, func(c *Config) { c.Hash = func() string { return *hash.Load() } })
	until := func(agreed bool) {
		t.Helper()
		seen := make(chan struct{}, 1)
		m.view.subscribe(seen)
		for timeout := time.After(time.Minute); m.ConfigAgreed() > 0 != agreed; {
			m.compare()
			select {
			case <-seen:
			case <-time.After(10 * time.Millisecond):
			case <-timeout:
				t.Fatalf("agreed is not %v", agreed)
			}
		}
	}
	b.await(t, "all shards are owned, by both", func() bool { return len(b.owners) == all && b.count("b") > 400 })
	until(true)
	started := other.self().Started
	hash.Store(&changed)
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(false)
	hash.Store(&old)
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(true)
	if again := other.self().Started; !again.Equal(started) {
		t.Errorf("a member that publishes another configuration has started at %v and %v", started, again)
	}
	// The shards that it owned are known after a start without quorum.
	var names []string
	for timeout := time.After(time.Minute); len(names) == 0; {
		select {
		case <-time.After(10 * time.Millisecond):
			names, _ = m.lastOwned()
		case <-timeout:
			t.Fatal("nothing is remembered")
		}
	}
	stopFirst()
	again, err := New(m.config, worker{"a", b})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := again.lastOwned(); len(names) < 300 || err != nil {
		t.Errorf("%d shards are remembered: %v", len(names), err)
	}
}

// A member that starts without the engine polls the shards that it had, and nothing else is done for them. When the engine is
// back it takes shards as ever, and polls no more than those.
func TestShardsOfTheLastRunArePolledWithoutEngine(t *testing.T) {
	s, b := newSite(t), newBooks()
	wire, url := newRelay(t, s.url)
	dir := t.TempDir()
	var polled []string
	calls := 0
	through := func(c *Config) {
		c.Dir, c.Settings.Etcd.Endpoints = dir, []string{url}
		c.Poll = func(shards []string) { b.note(func() { polled, calls = shards, calls+1 }) }
	}
	m, stop := s.join("a", b, through)
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	for names, timeout := []string(nil), time.After(time.Minute); len(names) < all; names, _ = m.lastOwned() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-timeout:
			t.Fatalf("%d shards are remembered", len(names))
		}
	}
	stop()
	if calls > 0 {
		t.Error("shards are polled without an owner although the engine answers")
	}
	_, stopOther := s.join("b", b, nil)
	b.await(t, "the other owns all shards", func() bool { return b.count("b") == all })
	wire.set(true)
	_, _ = s.join("a", b, through)
	b.await(t, "the shards of the last run are polled", func() bool { return len(polled) == all && b.count("a") == 0 })
	wire.set(false)
	b.await(t, "both own shards, and nothing else is polled", func() bool { return len(polled) == 0 && b.count("a") > 400 && b.count("b") > 400 })
	stopOther()
}

// A format that a newer program writes ends this one.
func TestNewerFormatIsRefused(t *testing.T) {
	s := newSite(t)
	if _, err := s.client.Put(t.Context(), keysOf(settings.DefaultName).format(), `{"writes":99,"id":"x"}`); err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Settings: Settings{Member: "a", Insecure: true, Etcd: &Etcd{Endpoints: []string{s.url}}}, Shards: func() []plan.Shard { return nil }, Log: quiet()}, worker{"a", newBooks()})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "format 99") {
		t.Errorf("a newer format: %v", err)
	}
}

// The metrics have the names of the documentation, and are collected before the first contact too.
func TestMetrics(t *testing.T) {
	m, err := New(Config{Settings: Settings{Member: "a", Insecure: true, Etcd: &Etcd{Endpoints: []string{"http://127.0.68.99:1"}}}, Shards: func() []plan.Shard { return AllShards("") }, Log: quiet()}, worker{"a", newBooks()})
	if err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(m)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, strings.TrimPrefix(f.GetName(), "trapline_cluster_"))
	}
	want := []string{"clock_skew_seconds", "commit_seconds", "commits_total", "config_mismatch", "coordinator", "engine_full", "engine_up", "late_sends_total", "members", "moves_total", "session_remaining_seconds", "shards_owned", "shards_unowned", "takes_total"}
	if !slices.Equal(names, want) {
		t.Errorf("metrics %v, want %v", names, want)
	}
	if m.MaySend() {
		t.Error("a member without a session may send")
	}
}

// A watch that is late once makes no clock differ, and a clock that differs is found by the second measure.
func TestSkewIsTheLessOfTwoMeasures(t *testing.T) {
	v := newView(keysOf("x"))
	for i, c := range []struct{ behind, want time.Duration }{
		{0, 0}, {6 * time.Second, 0}, {time.Millisecond, time.Millisecond}, {-9 * time.Second, time.Millisecond}, {-8 * time.Second, -8 * time.Second}, {-9 * time.Second, -8 * time.Second},
	} {
		if v.measure("m", c.behind); v.skew["m"] != c.want {
			t.Errorf("measure %d: %v, want %v", i, v.skew["m"], c.want)
		}
	}
}
