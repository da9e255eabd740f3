package cluster

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/engine/enginetest"
	"trapline/internal/cluster/plan"
	"trapline/internal/setting"
)

// These tests have several members in one process, and an engine with one server that they do not run, as somebody's own
// etcd. Deaths of processes are tested in faults_test.go.

type site struct {
	t      *testing.T
	engine *engine.Engine
	url    string
	client *clientv3.Client
}

func newSite(t *testing.T) *site { return newSiteOf(t, 0) }

// newSiteOf is newSite with a database of at most so many octets.
func newSiteOf(t *testing.T, quota int64) *site {
	t.Helper()
	const host = "127.0.68.90"
	ports := enginetest.Ports(t, host)
	e, err := engine.New(engine.Config{Cluster: "site", Member: host, Voters: []string{host}, Engine: ports[0], Peers: ports[1], Dir: t.TempDir(), Lease: 5 * time.Second, Log: quiet(), Quota: quota})
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Run(t, e)
	s := &site{t: t, engine: e, url: "http://" + net.JoinHostPort(host, strconv.Itoa(ports[0]))}
	if s.client, err = clientv3.New(clientv3.Config{Endpoints: []string{s.url}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.client.Close() })
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// books is the Work of members in one process.
type books struct {
	mu      sync.Mutex
	changed chan struct{}
	owners  map[string]string
	takes   []string // "member shard"
	alive   map[string]time.Time
	lost    int
	dropped int
	faults  []string
	forget  func() // called by Drop of a shard that was lost; may be nil
	repeat  func() // called by Repeat; may be nil
}

func newBooks() *books {
	return &books{changed: make(chan struct{}), owners: map[string]string{}, alive: map[string]time.Time{}}
}

type worker struct {
	name  string
	books *books
}

func (w worker) Take(_ context.Context, shard string, alive time.Time) error {
	w.books.note(func() {
		if other := w.books.owners[shard]; other != "" {
			w.books.faults = append(w.books.faults, fmt.Sprintf("%s took %s, which %s has", w.name, shard, other))
		}
		w.books.owners[shard] = w.name
		w.books.takes = append(w.books.takes, w.name+" "+shard)
		w.books.alive[shard] = alive
	})
	return nil
}

func (w worker) Drop(shard string, lost bool) {
	if lost && w.books.forget != nil {
		w.books.forget()
	}
	w.books.note(func() {
		if lost {
			w.books.lost++
		} else {
			w.books.dropped++
		}
		delete(w.books.owners, shard)
	})
}

func (w worker) Repeat([]byte) error {
	if w.books.repeat != nil {
		w.books.repeat()
	}
	return nil
}

func (b *books) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *books) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		b.mu.Lock()
		ok, changed := condition(), b.changed
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			b.mu.Lock()
			defer b.mu.Unlock()
			owned := map[string]int{}
			for _, owner := range b.owners {
				owned[owner]++
			}
			t.Fatalf("not: %s: shards by owner %v", what, owned)
		}
	}
}

func (b *books) count(member string) (n int) {
	for _, owner := range b.owners {
		if owner == member {
			n++
		}
	}
	return n
}

// join starts a member, and returns a function that stops it in order.
func (s *site) join(name string, b *books, change func(*Config)) (*Cluster, func()) {
	s.t.Helper()
	m := s.member(name, change, worker{name, b})
	run := s.run(m)
	stop := func() {
		if err := run(); err != nil {
			s.t.Error(err)
		}
	}
	s.t.Cleanup(stop)
	return m, stop
}

// member returns a member that does not run yet.
func (s *site) member(name string, change func(*Config), work Work) *Cluster {
	s.t.Helper()
	c := Config{Settings: Settings{Member: name, Insecure: true, Etcd: &Etcd{Endpoints: []string{s.url}}, Lease: setting.Duration{Duration: 2 * time.Second}},
		Version: "test", Shards: func() []plan.Shard { return AllShards("") }, Log: quiet(), Hash: func() string { return "h" }}
	if change != nil {
		change(&c)
	}
	m, err := New(c, work)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// run runs a member until the test ends, or the function that it returns is called, which returns the error of Run.
func (s *site) run(m *Cluster) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	s.t.Cleanup(func() { _ = stop() })
	return stop
}

const all = plan.Shards + 1

// relay passes bytes on to an engine, and loses answers when asked to.
type relay struct {
	to    string
	mu    sync.Mutex
	lossy bool
	conns []net.Conn
}

func newRelay(t *testing.T, to string) (*relay, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.68.91:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &relay{to: strings.TrimPrefix(to, "http://")}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			to := r.to
			r.mu.Unlock()
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			go func() { _, _ = io.Copy(answers{r, in}, out); in.Close() }()
		}
	}()
	return r, "http://" + l.Addr().String()
}

// lead passes bytes on to another engine from here on.
func (r *relay) lead(to string) {
	r.mu.Lock()
	r.to = strings.TrimPrefix(to, "http://")
	r.mu.Unlock()
	r.set(false)
}

// answers is where answers go.
type answers struct {
	relay *relay
	to    net.Conn
}

func (a answers) Write(p []byte) (int, error) {
	a.relay.mu.Lock()
	lossy := a.relay.lossy
	a.relay.mu.Unlock()
	if lossy {
		return len(p), nil
	}
	return a.to.Write(p)
}

// set loses answers from here on, or cuts all connections and loses none.
func (r *relay) set(lossy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lossy = lossy
	if !lossy {
		for _, c := range r.conns {
			c.Close()
		}
		r.conns = nil
	}
}
