package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Leads reports whether our own server is the leader.
func (e *Engine) Leads() bool {
	if e.server == nil {
		return false
	}
	etcd := e.server.running()
	return etcd != nil && etcd.Server.Leader() == etcd.Server.MemberID()
}

// Leader returns the name of the voter that leads, if a server knows it.
func (e *Engine) Leader(ctx context.Context) string {
	name, _ := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (string, error) {
		list, err := c.MemberList(ctx)
		if err != nil {
			return "", err
		}
		leader, err := leaderOf(ctx, c)
		if err != nil {
			return "", err
		}
		for _, m := range list.Members {
			if m.ID == leader {
				return m.Name, nil
			}
		}
		return "", nil
	})
	return name
}

func leaderOf(ctx context.Context, c *clientv3.Client) (uint64, error) {
	endpoint := ""
	if all := c.Endpoints(); len(all) > 0 {
		endpoint = all[0]
	}
	s, err := c.Status(ctx, endpoint)
	if err != nil {
		return 0, err
	}
	return s.Leader, nil
}

// errNoOther is the error if there is nobody to hand leadership to.
var errNoOther = errors.New("no other voter answers")

// MoveLeader hands leadership from our own server to the voter that answers fastest.
func (e *Engine) MoveLeader(ctx context.Context) error {
	etcd := e.server.running()
	if etcd == nil {
		return ErrNoServer
	}
	to, err := e.fastest(ctx)
	if err != nil {
		return err
	}
	return etcd.Server.MoveLeader(ctx, uint64(etcd.Server.MemberID()), to)
}

// fastest asks each of the other voters how it is.
func (e *Engine) fastest(ctx context.Context) (member uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	e.mu.Lock()
	others := e.clients[1:]
	e.mu.Unlock()
	first := make(chan uint64, len(others))
	var asking sync.WaitGroup
	for _, o := range others {
		asking.Go(func() {
			if s, err := o.client.Status(ctx, o.client.Endpoints()[0]); err == nil && !s.IsLearner {
				first <- s.Header.MemberId
			}
		})
	}
	go func() {
		asking.Wait()
		close(first)
	}()
	if id, ok := <-first; ok {
		return id, nil
	}
	return 0, errNoOther
}

// Slow decides from the durations of its own writes whether a leader is too slow: two in a row over the bound. etcd's
// leader does not step down while its disk is slow, and everybody waits for it.
type Slow struct{ before bool }

// slowWrite is the duration of a write from which on it is slow, for a lease of 5 s.
const slowWrite = 700 * time.Millisecond

// Observe reports whether leadership should move, given a write of the leader.
func (s *Slow) Observe(took, lease time.Duration) bool {
	slow := took > max(slowWrite, lease*7/50)
	move := slow && s.before
	s.before = slow && !move
	return move
}
