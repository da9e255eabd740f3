package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// quota is the size of the engine's database from which on it takes no more writes.
const quota = 4 << 30

// server is the embedded server of a voter.
type server struct {
	config Config
	log    *slog.Logger

	mu   sync.Mutex
	etcd *embed.Etcd // nil while none runs
}

func newServer(c Config) *server { return &server{config: c, log: c.Log} }

// run starts the server, reports its client when it is ready and nil when it is no more, and stops it when ctx is canceled.
// A server that fails later, on a full disk for instance, ends alone: the member goes on with those of others.
func (s *server) run(ctx context.Context, ready func(*clientv3.Client)) error {
	failed := make(chan string, 1)
	settings, err := s.settings(failed)
	if err != nil {
		return err
	}
	etcd, err := embed.StartEtcd(settings)
	if err != nil {
		return fmt.Errorf("cannot start the engine: %w", err)
	}
	s.set(etcd)
	defer s.set(nil)
	select {
	case <-etcd.Server.ReadyNotify():
		ready(v3client.New(etcd.Server))
		defer ready(nil)
	case text := <-failed:
		return s.abandon(ctx, etcd, ready, text)
	case <-ctx.Done():
		stop(etcd)
		return nil
	}
	select {
	case text := <-failed:
		return s.abandon(ctx, etcd, ready, text)
	case err := <-etcd.Err():
		return s.abandon(ctx, etcd, ready, fmt.Sprint(err))
	case <-etcd.Server.StopNotify():
		return s.abandon(ctx, etcd, ready, "it has stopped")
	case <-ctx.Done():
		stop(etcd)
		return nil
	}
}

// abandon leaves a server that has failed. Its files stay locked: only a new process can start another one.
func (s *server) abandon(ctx context.Context, etcd *embed.Etcd, ready func(*clientv3.Client), text string) error {
	s.log.Error("the engine of this member has failed, those of others go on; restart this member once the cause is removed", "error", text)
	ready(nil)
	s.set(nil)
	go etcd.Server.HardStop() // may wait for the failed disk
	<-ctx.Done()
	return nil
}

// stopWait bounds how long a server may take to end: it hands its leadership over, and completes requests.
const stopWait = 5 * time.Second

// closeWait bounds how long its connections may take after that: watches of others never end by themselves.
const closeWait = 100 * time.Millisecond

func stop(etcd *embed.Etcd) {
	within(stopWait, etcd.Server.Stop)
	within(closeWait, etcd.Close)
}

// within waits for f, but not longer than this.
func within(wait time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(wait):
	}
}

func (s *server) set(etcd *embed.Etcd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.etcd = etcd
}

func (s *server) running() *embed.Etcd {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.etcd
}

// led reports whether the server runs and knows a leader.
func (s *server) led() bool {
	etcd := s.running()
	return etcd != nil && etcd.Server.Leader() != 0
}

// settings are those of etcd. Timing follows the lease: 100 ms and 1 s for one of 5 s.
func (s *server) settings(failed chan<- string) (*embed.Config, error) {
	c := s.config
	e := embed.NewConfig()
	e.Name, e.Dir = c.Member, c.Dir
	e.TickMs = uint(max(10, (c.Lease / 50).Milliseconds()))
	e.ElectionMs = 10 * e.TickMs
	e.QuotaBackendBytes = quota
	e.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(c.Log, failed))
	e.InitialClusterToken = c.Cluster
	e.ClusterState = embed.ClusterStateFlagNew
	e.ClientTLSInfo, e.PeerTLSInfo = c.TLS.info(), c.TLS.info()
	var peers []string
	for _, v := range c.Voters {
		peers = append(peers, v+"="+c.url(v, c.Peers))
	}
	e.InitialCluster = strings.Join(peers, ",")
	var err error
	if e.ListenPeerUrls, err = urls(c.url(listenAddress(c.Member), c.Peers)); err != nil {
		return nil, err
	}
	if e.ListenClientUrls, err = urls(c.url(listenAddress(c.Member), c.Engine)); err != nil {
		return nil, err
	}
	if e.AdvertisePeerUrls, err = urls(c.url(c.Member, c.Peers)); err != nil {
		return nil, err
	}
	if e.AdvertiseClientUrls, err = urls(c.url(c.Member, c.Engine)); err != nil {
		return nil, err
	}
	return e, nil
}

func urls(text string) ([]url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	return []url.URL{*u}, nil
}

// listenAddress is the address of a member that is named by it, else all: names are resolved differently by others.
func listenAddress(member string) string {
	if net.ParseIP(member) != nil {
		return member
	}
	if member == "localhost" {
		return "127.0.0.1"
	}
	if l, err := net.Listen("tcp", "[::]:0"); err == nil {
		_ = l.Close()
		return "::"
	}
	return "0.0.0.0"
}
