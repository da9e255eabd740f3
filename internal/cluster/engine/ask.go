package engine

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hedge is how long a server is asked alone.
const hedge = 500 * time.Millisecond

// ErrNoServer is the error while no server of the engine is there.
var ErrNoServer = errors.New("no server of the engine is ready")

// Answered reports whether an error is an answer: the request was not applied, and never will be. After any other error it
// may be applied at any later time.
func Answered(err error) bool {
	var known interface{ Code() codes.Code } // of rpctypes.EtcdError
	code := codes.OK
	if errors.As(err, &known) {
		code = known.Code()
	} else if s, ok := status.FromError(err); ok {
		code = s.Code()
	}
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.OutOfRange, codes.ResourceExhausted, codes.PermissionDenied, codes.Unauthenticated, codes.AlreadyExists, codes.Unimplemented:
		return true
	}
	return false
}

// Ask sends a request to a server, and to the next one if the first has not answered after a while, or has failed. The
// request must be one that may be repeated: copies may be applied in any order, and later. The first answer counts.
func Ask[T any](ctx context.Context, e *Engine, request func(context.Context, *clientv3.Client) (T, error)) (T, error) {
	return ask(ctx, e, func(ctx context.Context, c candidate) (T, error) { return request(ctx, c.client) })
}

func ask[T any](ctx context.Context, e *Engine, request func(context.Context, candidate) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
		from  int
	}
	order, together := e.order()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(order))
	asked, failed := 0, 0
	next := func() {
		if asked < len(order) {
			o := order[asked]
			asked++
			go func() {
				value, err := request(ctx, o)
				answers <- answer{value, err, o.index}
			}()
		}
	}
	for range together {
		next()
	}
	timer := time.NewTicker(hedge)
	defer timer.Stop()
	last := ErrNoServer
	for failed < asked {
		select {
		case a := <-answers:
			if a.err == nil || Answered(a.err) {
				e.answered(a.from)
				return a.value, a.err
			}
			last = a.err
			failed++
			next()
		case <-timer.C:
			next()
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	var none T
	return none, last
}

type candidate struct {
	client  *clientv3.Client
	renewal *renewal
	index   int
	own     bool
}

// order returns the servers that can be asked, in which order, and how many at once: a second one if the first was slower
// than another the last time. Our own server is the last while it knows no leader.
func (e *Engine) order() (order []candidate, together int) {
	first := 0
	if e.server != nil && !e.server.led() {
		first = 1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	together = 1
	for i := range e.clients {
		index := (e.first + first + i) % len(e.clients)
		if c := e.clients[index]; c.client != nil {
			if len(order) == 0 && c.behind {
				together = 2
			}
			order = append(order, candidate{c.client, c.renewal, index, c.own})
		}
	}
	return order, together
}

// answered notes who was the first to answer. Our own server stays the first to be asked.
func (e *Engine) answered(index int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clients[e.first].behind = index != e.first
	if !e.clients[0].own {
		e.first = index
		e.clients[index].behind = false
	}
}

// Client returns a server to watch, of those that are there the n-th, and whether it still may be watched: our own server
// reports no end of a watch if it has lost its leader.
func (e *Engine) Client(n int) (client *clientv3.Client, watchable func() bool, err error) {
	order, _ := e.order()
	if len(order) == 0 {
		return nil, nil, ErrNoServer
	}
	c := order[n%len(order)]
	if c.own {
		return c.client, e.server.led, nil
	}
	return c.client, func() bool { return true }, nil
}

// Own returns our own server.
func (e *Engine) Own() (*clientv3.Client, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.clients[0]; c.own && c.client != nil {
		return c.client, nil
	}
	return nil, ErrNoServer
}
