package engine

import (
	"context"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Renew renews a lease. It returns rpctypes.ErrLeaseNotFound if there is none.
func (e *Engine) Renew(ctx context.Context, id clientv3.LeaseID) error {
	_, err := ask(ctx, e, func(ctx context.Context, c candidate) (*clientv3.LeaseKeepAliveResponse, error) {
		if c.renewal == nil {
			return c.client.KeepAliveOnce(ctx, id)
		}
		return nil, c.renewal.renew(ctx, id)
	})
	return err
}

// openWait is how long a server may take to authenticate.
const openWait = 10 * time.Second

type stream = etcdserverpb.Lease_LeaseKeepAliveClient

// renewal renews leases by a server that wants a password, over a stream that stays open until the client is closed: each new
// one is an authentication, which servers make slow on purpose. It may take longer than a request waits: the next one has it.
type renewal struct {
	client etcdserverpb.LeaseClient
	turn   chan struct{} // held by the request under way

	stream  stream // nil: none is open
	cancel  context.CancelFunc
	opening chan error // nil: stream and cancel may be used
}

func newRenewal(c *clientv3.Client) *renewal {
	return &renewal{client: clientv3.RetryLeaseClient(c), turn: make(chan struct{}, 1)}
}

// renew asks once. After an error the stream is closed: no answer is taken for that of a later request.
func (r *renewal) renew(ctx context.Context, id clientv3.LeaseID) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.turn }()
	if err := r.open(ctx); err != nil {
		return rpctypes.Error(err)
	}
	stop := context.AfterFunc(ctx, r.cancel)
	answer, err := exchange(r.stream, id)
	if !stop() {
		err = ctx.Err()
	}
	switch {
	case err != nil:
		r.cancel()
		r.stream = nil
		return rpctypes.Error(err)
	case answer.TTL <= 0:
		return rpctypes.ErrLeaseNotFound
	}
	return nil
}

// open waits for a stream.
func (r *renewal) open(ctx context.Context) error {
	if r.opening == nil && r.stream != nil {
		return nil
	}
	if r.opening == nil {
		r.opening = make(chan error, 1)
		var opened context.Context
		opened, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
		late := time.AfterFunc(openWait, r.cancel)
		go func() {
			var err error
			r.stream, err = r.client.LeaseKeepAlive(opened)
			late.Stop()
			r.opening <- err
		}()
	}
	select {
	case err := <-r.opening:
		if r.opening = nil; err != nil {
			r.cancel()
			r.stream = nil
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func exchange(s stream, id clientv3.LeaseID) (*etcdserverpb.LeaseKeepAliveResponse, error) {
	if err := s.Send(&etcdserverpb.LeaseKeepAliveRequest{ID: int64(id)}); err != nil {
		return nil, err
	}
	return s.Recv()
}
