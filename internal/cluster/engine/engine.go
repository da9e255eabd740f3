// Package engine is the store that the members of a cluster agree by: etcd, embedded in those members that vote, or somebody's
// own. It hides which server answers a request.
package engine

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Config says where the engine is.
type Config struct {
	Cluster string   // its name, which servers of another do not answer to
	Member  string   // who we are
	Voters  []string // names of hosts, or addresses; a voter is named as its host
	Engine  int      // port for members
	Peers   int      // port for voters among themselves
	Dir     string   // of the data of our own server
	Lease   time.Duration
	TLS     *TLS
	Key     string // exists while a process is this member
	Quota   int64  // octets of the database; 4 GB by default

	Endpoints []string // URLs of somebody's own etcd: no server is embedded then
	Username  string
	Password  string

	Log *slog.Logger
}

// TLS are the files of mutual TLS: one authority for all. They are read again at each handshake, but for the authority.
type TLS struct{ CAFile, CertFile, KeyFile string }

func (t *TLS) info() transport.TLSInfo {
	if t == nil {
		return transport.TLSInfo{}
	}
	// A certificate of the authority is enough: members' addresses change, and need no names in it.
	return transport.TLSInfo{CertFile: t.CertFile, KeyFile: t.KeyFile, TrustedCAFile: t.CAFile, ClientCertAuth: true, SkipClientSANVerify: true}
}

// Engine is the engine as one member uses it: a client for each server, never one client for several. Such a client would
// go on to ask a server that is stopped until gRPC notices, which takes 10 s or more.
type Engine struct {
	config Config
	secure *tls.Config    // of clients; nil without TLS
	server *server        // nil unless embedded
	absent []func() error // each dials a server that did not answer New

	mu      sync.Mutex
	clients []*endpoint // our own server first
	first   int         // whom to ask first
}

// endpoint is one server.
type endpoint struct {
	name    string
	address string           // host and port
	client  *clientv3.Client // nil: our own that is not ready, or one that has not answered
	renewal *renewal         // nil without a password
	own     bool
	secure  bool // by TLS
	behind  bool // another server answered before this one did
}

// New returns the engine. Nothing runs before Run.
func New(c Config) (*Engine, error) {
	e := &Engine{config: c}
	if c.TLS != nil {
		var err error
		if e.secure, err = c.TLS.info().ClientConfig(); err != nil {
			return nil, fmt.Errorf("cannot read the certificates of the cluster: %w", err)
		}
	}
	endpoints := c.Endpoints
	if len(endpoints) == 0 {
		for _, v := range c.Voters {
			if v == c.Member {
				e.server = newServer(c)
				e.clients = append([]*endpoint{{name: v, own: true}}, e.clients...)
				continue
			}
			endpoint, err := dial(c, v, c.url(v, c.Engine), e.secure)
			if err != nil {
				return nil, err
			}
			e.clients = append(e.clients, endpoint)
		}
		return e, nil
	}
	for _, url := range endpoints {
		endpoint, err := dial(c, url, url, e.secure)
		if err != nil && (c.Username == "" || Answered(err)) {
			return nil, err
		}
		if err != nil { // it may answer later
			e.absent = append(e.absent, func() error {
				dialed, err := dial(c, url, url, e.secure)
				if err == nil {
					e.set(endpoint, dialed)
				}
				return err
			})
		}
		e.clients = append(e.clients, endpoint)
	}
	return e, nil
}

func (e *Engine) set(to, from *endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*to = *from
}

func (c *Config) url(host string, port int) string {
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port))
}

// reconnect is how often a server that is gone is tried: gRPC's own pauses grow to two minutes.
var reconnect = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}

// dial makes the client of a server. With a password, it asks the server: if that does not answer, the endpoint is returned
// without a client.
func dial(c Config, name, address string, secure *tls.Config) (*endpoint, error) {
	e := &endpoint{name: name, address: hostPort(address), secure: strings.HasPrefix(address, "https://")}
	options := []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: 5 * time.Second}), grpc.WithChainUnaryInterceptor(forgetToken)}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, TLS: secure, Username: c.Username, Password: c.Password,
		DialTimeout: 5 * time.Second, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 5 * time.Second, DialOptions: options,
		MaxUnaryRetries: 1, Logger: zapLogger(&output{log: c.Log}, nil)})
	if err != nil {
		return e, fmt.Errorf("cannot use the engine at %s: %w", address, err)
	}
	e.client = client
	if c.Username != "" {
		e.renewal = newRenewal(client)
	}
	return e, nil
}

// hostPort returns the host and the port of a URL.
func hostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Host
}

// Run keeps the embedded server running until ctx is canceled, and closes the clients.
func (e *Engine) Run(ctx context.Context) error {
	defer e.close()
	if e.server == nil {
		var dialing sync.WaitGroup
		for _, dial := range e.absent {
			dialing.Go(func() { repeat(ctx, dial) })
		}
		<-ctx.Done()
		dialing.Wait()
		return nil
	}
	running, stop := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { e.promote(running) })
	tasks.Go(func() { e.limitStreams(running) })
	defer tasks.Wait()
	defer stop()
	return e.server.run(ctx, e.enter, e.whyGone, e.setOwn)
}

// redial is how long a server that did not answer is not dialed again.
const redial = time.Second

// repeat calls f until it succeeds, or ctx is canceled.
func repeat(ctx context.Context, f func() error) {
	for f() != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(redial):
		}
	}
}

// limitStreams has streams of our own server end soon after they have been cut off, those of each second.
func (e *Engine) limitStreams(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := limitStreams(e.config.Peers); err != nil && !failed {
			failed = true
			e.config.Log.Warn("connections of voters cannot be limited in time: after a fault of the network they may be back late", "err", err)
		}
	}
}

// setOwn puts the client of our own server in its place, or takes it away.
func (e *Engine) setOwn(c *clientv3.Client) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clients[0].client = c
	e.clients[0].behind = false
}

func (e *Engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.clients {
		if c.client != nil && !c.own {
			_ = c.client.Close()
		}
	}
}

// Up reports whether our own server is ready; it is true of a member that has none.
func (e *Engine) Up() bool {
	if e.server == nil {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.clients[0].client != nil
}

// Votes reports whether our own server is ready and votes; it is true of a member that has none.
func (e *Engine) Votes() bool {
	if e.server == nil {
		return true
	}
	etcd := e.server.running()
	return e.Up() && etcd != nil && !etcd.Server.IsLearner()
}

// Voter reports whether this member runs a server.
func (e *Engine) Voter() bool { return e.server != nil }
