package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"trapline/internal/cluster/engine/enginetest"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Leases are renewed over one stream. One that a lease is not found by, or that a request has given up, does not mix answers up.
func TestRenew(t *testing.T) {
	server := lone(t)
	enginetest.Run(t, server)
	e, err := New(Config{Cluster: "test", Member: "m", Endpoints: []string{server.config.url("127.0.68.100", server.config.Engine)}, Lease: 5 * time.Second, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	e.clients[0].renewal = newRenewal(e.clients[0].client)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	granted, err := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.LeaseGrantResponse, error) {
		return c.Grant(ctx, 60)
	})
	if err != nil {
		t.Fatal(err)
	}
	given, giveUp := context.WithCancel(ctx)
	giveUp()
	for i := range 20 {
		if err := e.Renew(ctx, granted.ID); err != nil {
			t.Fatalf("renewal %d: %v", i, err)
		}
		if err := e.Renew(ctx, granted.ID+1); !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			t.Fatalf("a lease that is not there: %v", err)
		}
		if i%5 == 0 {
			if err := e.Renew(given, granted.ID); !errors.Is(err, context.Canceled) {
				t.Fatalf("given up: %v", err)
			}
		}
	}
}
