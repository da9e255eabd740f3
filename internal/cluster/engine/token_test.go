package engine

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// forgetful is a server of etcd 3.4 that wants a password. It gives tokens, and forgets them.
type forgetful struct {
	etcdserverpb.UnimplementedAuthServer
	etcdserverpb.UnimplementedKVServer

	mu    sync.Mutex
	given int
	valid string
	asked int // for tokens
}

func (f *forgetful) check(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	switch tokens := md.Get(rpctypes.TokenFieldNameGRPC); {
	case len(tokens) == 0:
		return rpctypes.ErrGRPCUserEmpty
	case tokens[0] != f.valid:
		return rpctypes.ErrGRPCInvalidAuthToken
	}
	return nil
}

func (f *forgetful) Authenticate(ctx context.Context, _ *etcdserverpb.AuthenticateRequest) (*etcdserverpb.AuthenticateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if err := f.check(ctx); err != nil && err.Error() != rpctypes.ErrGRPCUserEmpty.Error() {
		return nil, err
	}
	f.given++
	f.valid = strconv.Itoa(f.given)
	return &etcdserverpb.AuthenticateResponse{Header: &etcdserverpb.ResponseHeader{}, Token: f.valid}, nil
}

func (f *forgetful) Range(ctx context.Context, _ *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &etcdserverpb.RangeResponse{Header: &etcdserverpb.ResponseHeader{}}, f.check(ctx)
}

// A server that has forgotten the token of a client, and refuses to give another one to whoever has a wrong one, is asked without, and
// seldom: to check a password takes it long.
func TestTokenThatTheServerHasForgotten(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.68.103:0")
	if err != nil {
		t.Fatal(err)
	}
	f, s := &forgetful{}, grpc.NewServer()
	etcdserverpb.RegisterAuthServer(s, f)
	etcdserverpb.RegisterKVServer(s, f)
	go func() { _ = s.Serve(l) }()
	defer s.Stop()
	e, err := New(Config{Member: "m", Endpoints: []string{"http://" + l.Addr().String()}, Username: "u", Password: "p", Lease: 5 * time.Second, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for range 5 {
		f.mu.Lock()
		f.valid, f.asked = "", 0
		f.mu.Unlock()
		answered := false
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err = Ask(ctx, e, get)
			cancel()
			if answered = err == nil; answered {
				break
			}
		}
		if f.mu.Lock(); !answered || f.asked > 5 {
			t.Fatalf("answered: %v, asked for a token %d times: %v", answered, f.asked, err)
		}
		f.mu.Unlock()
	}
}
