package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// silentWait bounds how long servers are asked for the reason why they do not answer: half of it to connect.
const silentWait = time.Second

var (
	errStarts   = errors.New("its engine starts, and waits for a majority")
	errStopped  = errors.New("its engine has stopped")
	errSlow     = errors.New("it accepts connections, and does not answer in time")
	errNoLeader = errors.New("it answers, and does not reach a majority of the voters either")
)

// Silent asks each server alone. It returns those that do not answer, or that reach no majority, with the reason.
func (e *Engine) Silent(ctx context.Context) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, silentWait)
	defer cancel()
	var mu sync.Mutex
	silent := map[string]error{}
	var asking sync.WaitGroup
	for _, s := range e.servers() {
		asking.Go(func() {
			if err := e.silence(ctx, &s); err != nil {
				mu.Lock()
				defer mu.Unlock()
				silent[s.name] = err
			}
		})
	}
	asking.Wait()
	return silent
}

// servers returns copies of the servers.
func (e *Engine) servers() []endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]endpoint, 0, len(e.clients))
	for _, c := range e.clients {
		list = append(list, *c)
	}
	return list
}

// silence returns why a server does not answer; nil: it does.
func (e *Engine) silence(ctx context.Context, s *endpoint) error {
	if s.own && s.client == nil {
		e.server.mu.Lock()
		defer e.server.mu.Unlock()
		if e.server.fault != nil {
			return e.server.fault
		}
		return errStarts
	}
	if !s.own {
		if err := e.connect(ctx, s); err != nil {
			return err
		}
	}
	if s.client == nil { // it has not accepted the password yet
		return ErrNoServer
	}
	leader, err := leaderOf(ctx, s.client)
	switch {
	case err == nil && leader == 0 && s.own: // for want of others, which are silent
		return nil
	case err == nil && leader == 0:
		return errNoLeader
	case errors.Is(err, context.DeadlineExceeded), status.Code(err) == codes.DeadlineExceeded:
		return errSlow
	}
	return err
}

// preface begins a connection of HTTP/2, with an empty frame SETTINGS: a server answers it with its own settings, or with
// the alert by which it refuses a certificate.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// connect returns why no connection to a server can be made. A client of etcd reports a timeout in each case.
func (e *Engine) connect(ctx context.Context, s *endpoint) error {
	host, _, err := net.SplitHostPort(s.address)
	if err != nil {
		return nil // etcd's client knows the port
	}
	ctx, cancel := context.WithTimeout(ctx, silentWait/2)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if e.secure != nil && s.secure {
		c := e.secure.Clone()
		c.ServerName, c.NextProtos = host, []string{"h2"}
		secure := tls.Client(conn, c)
		if err := secure.HandshakeContext(ctx); err != nil {
			return certified(err)
		}
		conn = secure
	}
	if _, err := conn.Write([]byte(preface)); err != nil {
		return certified(err)
	}
	_, err = conn.Read(make([]byte, 1))
	return certified(err)
}

// certified says whose certificate is refused.
func certified(err error) error {
	var alert *net.OpError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &alert) && alert.Op == "remote error":
		return fmt.Errorf("it refuses the certificate of this member: %w", err)
	case errors.As(err, &unverified):
		return fmt.Errorf("its certificate is not accepted: %w", err)
	}
	return err
}

// whyGone returns why our own server has stopped by itself, given its ID and the error that it reports.
func (e *Engine) whyGone(ctx context.Context, id uint64, reported error) error {
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	list, err := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.MemberListResponse, error) {
		return c.MemberList(ctx)
	})
	if err != nil || slices.ContainsFunc(list.Members, func(m *etcdserverpb.Member) bool { return m.ID == id }) {
		return reported
	}
	return fmt.Errorf("the cluster has gone on without the data in %s, and has the voters %s: stop Trapline, remove that directory, and start it", e.config.Dir, voterNames(list.Members))
}

// voterNames lists servers. Those that never ran have no names.
func voterNames(list []*etcdserverpb.Member) string {
	names := make([]string, 0, len(list))
	for _, m := range list {
		names = append(names, cmp.Or(m.Name, strings.Join(m.PeerURLs, ", ")))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
