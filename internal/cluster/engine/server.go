package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"trapline/internal/throttle"
)

// A server has the last entries of the log of Raft in memory, and after a start all since the last snapshot. With etcd's defaults these were
// 200 MB while a hundred thousand alarms were raised. A voter that is farther behind is sent the database.
const (
	keptEntries     = 1000
	snapshotEntries = 2 * keptEntries
)

// defaultQuota is the size of the engine's database from which on it takes no more writes.
const defaultQuota = 4 << 30

// server is the embedded server of a voter.
type server struct {
	config Config
	log    *slog.Logger

	etcdLog *output

	mu    sync.Mutex
	etcd  *embed.Etcd // nil while none runs
	fault error       // why none runs; nil: it starts
}

func newServer(c Config) *server {
	return &server{config: c, log: throttle.New(c.Log), etcdLog: &output{log: c.Log}}
}

// run starts the server, reports its client when it is ready and nil when it is no more, and stops it when ctx is canceled.
// A server that fails later, on a full disk for instance, ends alone: the member goes on with those of others. A server
// without data first asks enter which cluster to join. gone says why a server has stopped by itself, given its ID and what it says.
func (s *server) run(ctx context.Context, enter func(context.Context) (members string, err error), gone func(context.Context, uint64, error) error, ready func(*clientv3.Client)) error {
	failed := make(chan string, 1)
	etcd, err := s.start(ctx, enter, failed)
	if etcd == nil {
		return err
	}
	s.set(etcd)
	defer s.set(nil)
	started := etcd.Server.ReadyNotify()
	for {
		select {
		case <-started:
			started = nil
			ready(v3client.New(etcd.Server))
			defer ready(nil)
		case text := <-failed:
			return s.abandon(ctx, etcd, ready, errors.New(text))
		case err := <-etcd.Err():
			return s.abandon(ctx, etcd, ready, gone(ctx, uint64(etcd.Server.MemberID()), err))
		case <-etcd.Server.StopNotify():
			return s.abandon(ctx, etcd, ready, gone(ctx, uint64(etcd.Server.MemberID()), errStopped))
		case <-ctx.Done():
			s.stop(etcd)
			return nil
		}
	}
}

// startPause is between attempts of a server without data to join the others.
const startPause = time.Second

// start starts the server. It returns nil if ctx was canceled before.
func (s *server) start(ctx context.Context, enter func(context.Context) (string, error), failed chan string) (*embed.Etcd, error) {
	for {
		etcd, again, err := s.attempt(ctx, enter, failed)
		if err == nil || ctx.Err() != nil {
			return etcd, nil
		}
		if !again {
			if errors.Is(err, syscall.EADDRINUSE) {
				err = fmt.Errorf("%w: end the process that listens there, or write other cluster.ports for all members", err)
			}
			return nil, fmt.Errorf("cannot start the engine: %w", err)
		}
		s.setFault(err)
		s.log.Warn("the engine of this voter cannot join those of the others, will retry", "err", err)
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(startPause):
		}
	}
}

// attempt starts the server once. again says that the error may end by itself.
func (s *server) attempt(ctx context.Context, enter func(context.Context) (string, error), failed chan string) (etcd *embed.Etcd, again bool, err error) {
	settings, err := s.settings(failed)
	if err != nil {
		return nil, false, err
	}
	if err := errors.Join(s.config.checkWhole(), s.config.checkOwner(), s.config.checkLength()); err != nil {
		return nil, false, err
	}
	if s.config.HasData() {
		etcd, err = start(ctx, settings, failed)
		return etcd, false, err
	}
	members, err := enter(ctx)
	if err != nil {
		return nil, true, err
	}
	if members != "" {
		settings.InitialCluster, settings.ClusterState = members, embed.ClusterStateFlagExisting
	}
	etcd, err = start(ctx, settings, failed)
	var ended *endedError
	if errors.As(err, &ended) { // its ports and files stay open: only a new process can start another one
		return nil, false, err
	}
	return etcd, members != "" || err != nil && known(err), err
}

// endedError is the error of a server that would have ended the process.
type endedError struct{ text string }

func (e *endedError) Error() string { return e.text }

// start starts a server of etcd, which ends the goroutine where it would end the process.
func start(ctx context.Context, settings *embed.Config, failed <-chan string) (*embed.Etcd, error) {
	type started struct {
		etcd *embed.Etcd
		err  error
	}
	done := make(chan started, 1)
	go func() {
		etcd, err := embed.StartEtcd(settings)
		done <- started{etcd, err}
	}()
	select {
	case s := <-done:
		return s.etcd, s.err
	case text := <-failed:
		return nil, &endedError{text}
	case <-ctx.Done(): // it may wait for the lock of its files
		return nil, ctx.Err()
	}
}

// abandon leaves a server that has failed. Its files stay locked: only a new process can start another one.
func (s *server) abandon(ctx context.Context, etcd *embed.Etcd, ready func(*clientv3.Client), fault error) error {
	s.etcdLog.stopped.Store(true)
	s.log.Error("the engine of this member has failed, those of others go on; restart this member once the cause is removed", "err", fault)
	ready(nil)
	s.set(nil)
	s.setFault(fault)
	go etcd.Server.HardStop() // may wait for the failed disk
	<-ctx.Done()
	return nil
}

// stopWait bounds how long a server may take to end: it hands its leadership over, and completes requests.
const stopWait = 5 * time.Second

// closeWait bounds how long its connections may take after that: watches of others never end by themselves.
const closeWait = 100 * time.Millisecond

func (s *server) stop(etcd *embed.Etcd) {
	s.etcdLog.stopped.Store(true)
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

func (s *server) setFault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
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
func (s *server) settings(failed chan string) (*embed.Config, error) {
	c := s.config
	e := embed.NewConfig()
	e.Name, e.Dir = c.Member, c.Dir
	e.TickMs = uint(max(10, (c.Lease / 50).Milliseconds()))
	e.ElectionMs = 10 * e.TickMs
	e.QuotaBackendBytes = cmp.Or(c.Quota, defaultQuota)
	e.SnapshotCount, e.SnapshotCatchUpEntries = snapshotEntries, keptEntries
	e.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(s.etcdLog, failed))
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
