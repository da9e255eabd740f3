package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trapline/internal/cluster/engine/enginetest"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// lone starts an engine with one server at a port of its own.
func lone(t *testing.T) *Engine {
	t.Helper()
	ports := enginetest.Ports(t, "127.0.68.100")
	e, err := New(Config{Cluster: "test", Member: "127.0.68.100", Voters: []string{"127.0.68.100"}, Engine: ports[0], Peers: ports[1], Dir: t.TempDir(), Lease: 5 * time.Second, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func get(ctx context.Context, c *clientv3.Client) (*clientv3.GetResponse, error) {
	return c.Get(ctx, "x")
}

// A server that accepts connections and never answers does not hold requests up: others have clients of their own. A client
// over all endpoints would send it every second request until gRPC notices.
func TestStoppedServerHoldsNobodyUp(t *testing.T) {
	e := lone(t)
	enginetest.Run(t, e)
	silent, err := net.Listen("tcp", "127.0.68.101:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	members, err := New(Config{Cluster: "test", Member: "m", Endpoints: []string{"http://" + silent.Addr().String(), e.config.url("127.0.68.100", e.config.Engine)}, Lease: 5 * time.Second, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer members.close()
	for i := range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if _, err := Ask(ctx, members, get); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		cancel()
	}
	if order, _ := members.order(); order[0].index != 1 {
		t.Error("the silent server is still asked first")
	}
}

// A request that our own server has not answered is sent to another, and while it is slower both are asked at once.
func TestSlowServerIsHelped(t *testing.T) {
	e := &Engine{clients: []*endpoint{{name: "own", own: true, client: &clientv3.Client{}}, {name: "other", client: &clientv3.Client{}}}}
	var slow atomic.Bool
	own := e.clients[0].client
	request := func(ctx context.Context, c *clientv3.Client) (string, error) {
		if c == own && slow.Load() {
			<-ctx.Done()
			return "", ctx.Err()
		}
		if c == own {
			return "own", nil
		}
		return "other", nil
	}
	ask := func(want string) {
		t.Helper()
		if got, err := Ask(context.Background(), e, request); got != want || err != nil {
			t.Errorf("answered by %q (%v), want %s", got, err, want)
		}
	}
	ask("own")
	slow.Store(true)
	ask("other")
	if _, together := e.order(); together != 2 {
		t.Error("our own server was too slow, and is asked alone")
	}
	slow.Store(false)
	for together := 2; together == 2; _, together = e.order() {
		if _, err := Ask(context.Background(), e, request); err != nil {
			t.Fatal(err)
		}
	}
}

// The next server is asked as soon as one fails; an error that is an answer counts; nobody ready is an error at once.
func TestFailuresAndAnswers(t *testing.T) {
	e := &Engine{clients: []*endpoint{{name: "a", client: &clientv3.Client{}}, {name: "b", client: &clientv3.Client{}}, {name: "c"}}}
	calls := 0
	_, err := Ask(context.Background(), e, func(context.Context, *clientv3.Client) (int, error) {
		calls++
		if calls == 1 {
			return 0, rpctypes.ErrNoLeader
		}
		return 0, rpctypes.ErrLeaseNotFound
	})
	if !errors.Is(err, rpctypes.ErrLeaseNotFound) || calls != 2 {
		t.Errorf("%d calls: %v", calls, err)
	}
	if _, err := Ask(context.Background(), &Engine{clients: []*endpoint{{}}}, get); !errors.Is(err, ErrNoServer) {
		t.Errorf("nobody is ready: %v", err)
	}
	for _, err := range []error{rpctypes.ErrTooManyOps, rpctypes.ErrNoSpace, rpctypes.ErrCompacted, rpctypes.ErrLeaseNotFound, rpctypes.ErrRequestTooLarge, rpctypes.ErrGRPCDuplicateKey} {
		if !Answered(err) {
			t.Errorf("%v is an answer", err)
		}
	}
	for _, err := range []error{nil, rpctypes.ErrTimeout, rpctypes.ErrNoLeader, rpctypes.ErrStopped, rpctypes.ErrLeaderChanged, context.DeadlineExceeded, context.Canceled, io.EOF, ErrNoServer, status.Error(codes.Unavailable, ""), status.Error(codes.Internal, "")} {
		if Answered(err) {
			t.Errorf("after %v it is unknown whether the request was applied", err)
		}
	}
}

// etcd's fatal errors end its goroutine, and are reported; the process goes on.
func TestFatalErrorsAreReported(t *testing.T) {
	failed := make(chan string, 1)
	for _, log := range []func(){
		func() { zapLogger(&output{log: quiet()}, failed).Fatal("disk full") },
		func() { zapLogger(&output{log: quiet()}, failed).Panic("disk full") },
	} {
		done := make(chan bool, 1)
		go func() {
			defer close(done)
			log()
			done <- true
		}()
		if <-done || <-failed != "disk full" {
			t.Error("the goroutine goes on")
		}
	}
}

// etcd's errors are logged, unless they are of requests that were given up.
func TestGivenUpRequestsAreNotLogged(t *testing.T) {
	var text bytes.Buffer
	log := zapLogger(&output{log: slog.New(slog.NewTextHandler(&text, nil))}, nil)
	log.Error("a", zap.Error(fmt.Errorf("read: %w", context.Canceled)))
	log.Error("b", zap.Error(fmt.Errorf("read: %w", context.DeadlineExceeded)))
	if got := text.String(); strings.Contains(got, "message=a") || !strings.Contains(got, "message=b") {
		t.Error(got)
	}
}

func TestTwoSlowWritesMoveTheLead(t *testing.T) {
	var s Slow
	const ms = time.Millisecond
	for i, step := range []struct {
		took, lease time.Duration
		move        bool
	}{
		{800 * ms, 5000 * ms, false}, {600 * ms, 5000 * ms, false}, {800 * ms, 5000 * ms, false}, {701 * ms, 5000 * ms, true},
		{800 * ms, 5000 * ms, false}, {800 * ms, 5000 * ms, true}, {2000 * ms, 15000 * ms, false}, {2000 * ms, 15000 * ms, false}, {2200 * ms, 15000 * ms, false}, {2200 * ms, 15000 * ms, true},
	} {
		if got := s.Observe(step.took, step.lease); got != step.move {
			t.Errorf("step %d: move %v", i, got)
		}
	}
}
