package engine

import (
	"context"
	"errors"
	"strings"
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

// Servers are the servers of the cluster, by the names of their members, or by their addresses if they never ran.
type Servers struct {
	Leader string            // "" if none is known
	Voters map[string]uint64 // their IDs
	Others map[string]uint64 // that do not vote yet
}

// Servers asks who they are. A majority of the voters answers, or nobody.
func (e *Engine) Servers(ctx context.Context) (Servers, error) {
	return Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (Servers, error) {
		list, err := c.MemberList(ctx)
		if err != nil {
			return Servers{}, err
		}
		leader, err := leaderOf(ctx, c)
		if err != nil {
			return Servers{}, err
		}
		s := Servers{Voters: map[string]uint64{}, Others: map[string]uint64{}}
		for _, m := range list.Members {
			name := m.Name
			if name == "" {
				name = strings.Join(m.PeerURLs, ", ")
			}
			if m.ID == leader {
				s.Leader = name
			}
			if m.IsLearner {
				s.Others[name] = m.ID
			} else {
				s.Voters[name] = m.ID
			}
		}
		return s, nil
	})
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
