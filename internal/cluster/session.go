package cluster

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/contact"
	"trapline/internal/cluster/engine"
)

// session is the lease of a member. Until the deadline nobody else owns its shards: the engine counts the lease from a
// later moment than the one that was noted before it was asked.
type session struct {
	cluster *Cluster

	suspect chan struct{} // its keys are gone: the engine is asked at once

	mu       sync.Mutex
	id       clientv3.LeaseID // 0: none
	joined   bool             // members/M is attached to it
	deadline time.Duration
}

func (s *session) lease() clientv3.LeaseID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// usable returns the lease if shards may be taken with it: the member has joined, and its deadline is to come.
func (s *session) usable() (clientv3.LeaseID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.joined && s.cluster.clock() < s.deadline
}

func (s *session) remaining() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deadline - s.cluster.clock()
}

func (s *session) valid() bool { return s.remaining() > 0 }

// run opens sessions and keeps them alive.
func (s *session) run(ctx context.Context) error {
	every := s.cluster.settings.Lease.Duration / 5
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.suspect:
		}
		wait, err := s.step(ctx)
		var refused *formatError
		var misnamed *nameError
		if errors.As(err, &refused) || errors.As(err, &misnamed) {
			return err
		}
		s.cluster.contact.Note(ctx, s.cluster.clock(), err)
		if wait {
			timer.Reset(every)
		} else {
			timer.Reset(0)
		}
	}
}

// step renews the session or opens one, and reports whether there is time until the next.
func (s *session) step(ctx context.Context) (wait bool, err error) {
	c := s.cluster
	ctx, cancel := context.WithTimeout(ctx, c.settings.Lease.Duration/4)
	defer cancel()
	if id := s.lease(); id != 0 {
		noted := c.clock()
		err := c.engine.Renew(ctx, id)
		if errors.Is(err, rpctypes.ErrLeaseNotFound) {
			c.log.Warn("the session with the cluster has ended: others may own the shards of this member, which takes its share again")
			s.end()
			c.loseAll()
			return false, nil
		}
		if err != nil {
			return true, err
		}
		s.confirm(id, noted)
	} else if err := s.open(ctx); err != nil {
		return true, err
	}
	return true, s.join(ctx)
}

func (s *session) open(ctx context.Context) error {
	c := s.cluster
	noted := c.clock()
	granted, err := engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.LeaseGrantResponse, error) {
		return e.Grant(ctx, int64((c.settings.Lease.Duration+time.Second-1)/time.Second))
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.id, s.joined = granted.ID, false
	s.mu.Unlock()
	s.confirm(granted.ID, noted)
	return nil
}

// confirm moves the deadline, which is as far behind the time that was noted as clocks may differ in their rates.
func (s *session) confirm(id clientv3.LeaseID, noted time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id == id {
		s.deadline = max(s.deadline, noted+s.cluster.settings.Lease.Duration*9/10)
	}
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.joined, s.deadline = 0, false, min(s.deadline, s.cluster.clock())
}

// join writes members/M, unless another process with this name has it.
func (s *session) join(ctx context.Context) error {
	c := s.cluster
	s.mu.Lock()
	id, joined := s.id, s.joined
	s.mu.Unlock()
	if joined {
		return nil
	}
	revision, err := c.checkFormat(ctx)
	if err != nil {
		return err
	}
	key, value := c.keys.member(c.settings.Member), encode(c.self())
	// A row without a lease is none of a process: it was copied from another engine.
	r, err := c.Txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.LeaseValue(key), "=", 0), clientv3.Compare(clientv3.ModRevision(c.keys.format()), "=", revision)},
		append(c.putIdentity(), clientv3.OpPut(key, value, clientv3.WithLease(id))), []clientv3.Op{clientv3.OpGet(key)})
	if err != nil {
		return err
	}
	if !r.Succeeded {
		switch kvs := r.Responses[0].GetResponseRange().Kvs; {
		case len(kvs) == 0 || kvs[0].Lease == 0:
			return errors.New("the format of the cluster has changed meanwhile")
		case clientv3.LeaseID(kvs[0].Lease) != id:
			other := Member{}
			_ = json.Unmarshal(kvs[0].Value, &other) // of a newer format, it may have no time
			return &contact.TakenError{Member: c.settings.Member, Started: other.Started}
		}
	}
	s.mu.Lock()
	s.joined = s.id == id
	s.mu.Unlock()
	c.log.Info("joined the cluster", "cluster", c.settings.Name, "id", c.ID(), "member", c.settings.Member, "voter", c.engine.Voter())
	c.poke()
	return nil
}

// publish writes members/M again. Without a session there is nothing to write: it would stay for ever.
func (s *session) publish(ctx context.Context) error {
	c := s.cluster
	key, id := c.keys.member(c.settings.Member), s.lease()
	if id == 0 {
		return nil
	}
	_, err := c.Txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.LeaseValue(key), "=", id)},
		append(c.putIdentity(), clientv3.OpPut(key, encode(c.self()), clientv3.WithLease(id))), nil)
	return err
}

// putIdentity writes engines/M, which stays: receivers get what this member has sent long after it is gone.
func (c *Cluster) putIdentity() []clientv3.Op {
	if c.config.EngineID == nil {
		return nil
	}
	if id := c.config.EngineID(); id != nil {
		return []clientv3.Op{clientv3.OpPut(c.keys.engine(c.settings.Member), encode(Identity{hex.EncodeToString(id)}))}
	}
	return nil
}

// revokeWait bounds how long the end of a session may take: without an answer it ends by itself.
const revokeWait = time.Second

func (s *session) revoke(ctx context.Context) {
	id := s.lease()
	if id == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, revokeWait)
	defer cancel()
	s.end() // nothing is sent from here on
	_, _ = engine.Ask(ctx, s.cluster.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.LeaseRevokeResponse, error) {
		return e.Revoke(ctx, id)
	})
}

// encode returns JSON of a value of ours, which always has one.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// RowKey returns the key of a row in the engine.
func (c *Cluster) RowKey(shard, row string) string { return c.keys.row(shard, row) }

// GivenKey returns the key of the state of a batch of a single process; of "" the beginning of all.
func (c *Cluster) GivenKey(batch string) string { return c.keys.given(batch) }

// Name is the name of this member.
func (c *Cluster) Name() string { return c.settings.Member }

// Txn sends a transaction, which may be applied more than once unless its comparisons exclude it.
func (c *Cluster) Txn(ctx context.Context, If []clientv3.Cmp, Then, Else []clientv3.Op) (*clientv3.TxnResponse, error) {
	return engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.TxnResponse, error) {
		return e.Txn(ctx).If(If...).Then(Then...).Else(Else...).Commit()
	})
}
