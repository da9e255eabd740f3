package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/cluster/pace"
	"trapline/internal/cluster/plan"
	"trapline/internal/setting"
)

// records is a log handler that keeps the texts of a message.
type records struct {
	mu    sync.Mutex
	lines []string
	came  chan struct{}
}

func newRecords() *records { return &records{came: make(chan struct{}, 1000)} }

func (*records) Enabled(context.Context, slog.Level) bool { return true }

func (r *records) Handle(_ context.Context, one slog.Record) error {
	line := one.Level.String() + " " + one.Message
	one.Attrs(func(a slog.Attr) bool { line += fmt.Sprintf(" %s=%v", a.Key, a.Value); return true })
	r.mu.Lock()
	r.lines = append(r.lines, line)
	r.mu.Unlock()
	r.came <- struct{}{}
	return nil
}

func (r *records) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *records) WithGroup(string) slog.Handler      { return r }

func (r *records) with(text string) (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// await waits for a line.
func (r *records) await(t *testing.T, text string) {
	t.Helper()
	for timeout := time.After(time.Minute); len(r.with(text)) == 0; {
		select {
		case <-r.came:
		case <-timeout:
			t.Fatalf("no %q in %q", text, r.with(""))
		}
	}
}

// A member that does not reach the voters says so once, with the reason, and once more when it does.
func TestSilenceOfVotersIsReportedOnce(t *testing.T) {
	s, b, log := newSite(t), newBooks(), newRecords()
	wire, url := newRelay(t, s.url)
	m, _ := s.join("a", b, func(c *Config) {
		c.Settings.Etcd.Endpoints, c.Log = []string{url}, slog.New(log)
		c.Shards = func() []plan.Shard { return AllShards() }
	})
	log.await(t, "INFO joined the cluster cluster=trapline")
	wire.set(true)
	log.await(t, "WARN no majority of the voters answers, will retry voters="+url+": ")
	for m.Remaining() > -m.settings.Lease.Duration { // several attempts later
		select {
		case <-log.came:
		case <-time.After(100 * time.Millisecond):
		}
	}
	wire.set(false)
	log.await(t, "INFO the voters of the cluster answer again")
	lines := log.with("no majority")
	if len(slices.Compact(slices.Clone(lines))) != len(lines) || len(lines) > 2 { // the relay may lose the answer at two places
		t.Errorf("reported more than once: %q", lines)
	}
}

// A cluster begins in no engine of another: its alarms would be forgotten.
func TestOneNameInOneEngine(t *testing.T) {
	s, b := newSite(t), newBooks()
	_, stop := s.join("a", b, nil)
	b.await(t, "the cluster has begun", func() bool { return len(b.owners) > 0 })
	stop()
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(s.url, "http://"))
	named := func(name string) error {
		c := Config{Settings: Settings{Name: name, Member: "127.0.68.87", Members: []string{host, "127.0.68.88", "127.0.68.89"}, Lease: setting.Duration{Duration: 2 * time.Second}},
			Shards: func() []plan.Shard { return AllShards() }, Log: quiet()}
		if _, err := fmt.Sscan(port, &c.Settings.Ports.Engine); err != nil {
			t.Fatal(err)
		}
		m, err := New(c, worker{"b", b})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		joined := make(chan struct{}, 1)
		m.Subscribe(joined)
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		for {
			select {
			case err := <-ended:
				return err
			case <-joined:
				if m.ID() != "" {
					cancel()
				}
			}
		}
	}
	if err := named("other"); err == nil || !strings.Contains(err.Error(), "the voters have the cluster trapline, and cluster.name is other: write name: trapline") {
		t.Errorf("another name: %v", err)
	}
	if err := named(""); err != nil {
		t.Error(err)
	}
}

// Shards with targets, and that of rules over several targets, are taken before those without.
func TestShardsWithTargetsAreTakenFirst(t *testing.T) {
	s, b := newSite(t), newBooks()
	shards := AllShards("")
	first := map[string]bool{plan.Global: true}
	r := rand.New(rand.NewPCG(1, 1))
	for len(first) < 30 {
		i := r.IntN(len(shards))
		shards[i].Cost = float64(1 + r.IntN(5))
		first[shards[i].Name] = true
	}
	s.join("a", b, func(c *Config) { c.Shards = func() []plan.Shard { return shards } })
	b.await(t, "all shards are owned", func() bool { return len(b.owners) == all })
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := map[string]bool{} // also once more, if the session ends meanwhile
	for _, take := range b.takes {
		_, shard, _ := strings.Cut(take, " ")
		if first[shard] && !taken[shard] && len(taken) >= len(first)+pace.Most {
			t.Errorf("%d shards are taken before shard %s", len(taken), shard)
		}
		taken[shard] = true
	}
}
