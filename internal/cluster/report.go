package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/certificate"
	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/space"
)

const (
	aliveEvery = 10 * time.Second
	costEvery  = time.Minute
	minLead    = 10 * time.Second // how long a leader leads at least
)

// MaxSkew is by how much wall clocks may differ.
const MaxSkew = time.Second

// report writes alive/M and cost/M. The voter that leads the engine writes alive/M every second, and hands its leadership
// over if that is slow.
func (c *Cluster) report(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var r reporter
	for {
		r.second(ctx, c)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type reporter struct {
	alive, costs time.Duration // when they were written last
	freed        time.Duration // when space was freed last
	certified    time.Duration // when the certificate was looked at last; 0: never
	led          time.Duration // since when this member leads; 0: it does not
	slow         engine.Slow
	skewed       map[string]time.Duration // as last seen: see Cluster.Skewed
}

// second writes all that is due.
func (r *reporter) second(ctx context.Context, c *Cluster) {
	c.compare()
	if c.config.Dir != "" {
		c.rememberOwned()
	}
	now := c.clock()
	r.certificate(ctx, c, now)
	lease, usable := c.session.usable()
	if !usable {
		c.space.Stored(now) // there is nothing to store
		return
	}
	switch {
	case !c.engine.Leads():
		r.led = 0
	case r.led == 0:
		r.led = now
	}
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	if now-r.alive >= aliveEvery || r.led != 0 {
		begun := c.clock()
		err := c.put(ctx, r.led != 0, c.keys.alive(c.settings.Member), wallClock())
		if err == nil {
			r.alive = now
		}
		c.space.Note(c.clock(), err)
		r.observe(c, c.measured(c.clock()-begun))
	}
	if now-r.costs >= costEvery && c.config.Costs != nil {
		if costs := c.config.Costs(); costs != nil && c.put(ctx, false, c.keys.cost(c.settings.Member), encode(cost{costs}), clientv3.WithLease(lease)) == nil {
			r.costs = now
		}
	}
	if c.space.Full() && c.engine.Voter() && now-r.freed >= space.FreeEvery {
		r.freed = now
		c.tasks.Go(c.free)
	}
	r.compareClocks(c)
}

// free gives back the space of history in our own server.
func (c *Cluster) free() {
	ctx, cancel := context.WithTimeout(context.Background(), space.FreeWait)
	defer cancel()
	if err := c.engine.Free(ctx); err != nil {
		c.log.Warn("no space can be freed in the engine of this member, will retry", "err", err)
	}
}

// observe hands the leadership over after two slow writes.
func (r *reporter) observe(c *Cluster, took time.Duration) {
	if r.led == 0 || !r.slow.Observe(took, c.settings.Lease.Duration) || c.clock()-r.led < minLead {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.settings.Lease.Duration)
	defer cancel()
	c.log.Warn("this member leads the engine and writes slowly: another takes the lead", "took", took.Round(time.Millisecond))
	if err := c.engine.MoveLeader(ctx); err != nil {
		c.log.Warn("the lead of the engine cannot be handed over, will retry", "err", err)
	}
}

// put writes a key, by our own server alone if its duration is of interest.
func (c *Cluster) put(ctx context.Context, ownServer bool, key, value string, options ...clientv3.OpOption) error {
	if ownServer {
		client, err := c.engine.Own()
		if err != nil {
			return err
		}
		_, err = client.Put(ctx, key, value, options...)
		return err
	}
	_, err := engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.PutResponse, error) {
		return e.Put(ctx, key, value, options...)
	})
	return err
}

// compareClocks warns of members whose wall clocks differ: times of alerts go from one to another.
func (r *reporter) compareClocks(c *Cluster) {
	far := c.Skewed()
	for member, skew := range far {
		if _, known := r.skewed[member]; !known {
			c.log.Warn("the wall clock of a member differs, and so do the times of its alarms: set the clocks of all by NTP", "member", member, "behind", skew.Round(time.Millisecond))
		}
	}
	r.skewed = far
}

// Skewed returns by how much the wall clocks of other members are behind that of this one, of those that differ by more than
// MaxSkew.
func (c *Cluster) Skewed() map[string]time.Duration {
	far := c.view.skews()
	for member, skew := range far {
		if member == c.settings.Member || skew.Abs() <= MaxSkew {
			delete(far, member)
		}
	}
	return far
}

// certifiedEvery is how often the certificate is read.
const certifiedEvery = time.Minute

// certificate looks at the certificate of this member, and logs why others refuse it, or will soon.
func (r *reporter) certificate(ctx context.Context, c *Cluster, now time.Duration) {
	if c.settings.TLS == nil || r.certified != 0 && now-r.certified < certifiedEvery {
		return
	}
	r.certified = now
	found := c.settings.TLS.Inspect(c.settings.Member, time.Now())
	before := c.certificate.Swap(&found)
	if found.Problem != nil && (before == nil || found.Problem.Error() != fmt.Sprint(before.Problem)) {
		c.log.Warn("the certificate of this member has a problem", "err", found.Problem)
	}
	if before != nil && !found.Ends.Equal(before.Ends) {
		ctx, cancel := context.WithTimeout(ctx, attemptWait)
		defer cancel()
		_ = c.session.publish(ctx) // without an answer the next session does it
	}
}

// Certificate returns the certificate of this member, as others see it; empty without one.
func (c *Cluster) Certificate() certificate.Found {
	if found := c.certificate.Load(); found != nil {
		return *found
	}
	return certificate.Found{}
}

// maxLates is how many late sends a member remembers until the engine has them.
const maxLates = 1000

// lateTime is how long the engine keeps a late send.
const lateTime = time.Hour

// lateSend is something that this member has sent when the shard may have had another owner.
type lateSend struct {
	shard, id string
	text      []byte
	at        time.Time
}

// Late has the owner of a shard call Repeater.Repeat: this member has sent something when it may not have been the owner. It
// does not wait, and needs no session.
func (c *Cluster) Late(shard, id string, text []byte) {
	c.metrics.late.Inc()
	select {
	case c.lates <- lateSend{shard, id, text, time.Now()}:
		c.log.Warn("something was sent after the session with the cluster had ended, and its owner is to repeat the last word", "shard", shard, "event", id)
	default:
		c.log.Error("too much was sent after the session with the cluster had ended", "shard", shard, "event", id)
	}
}

// noteLates writes late/S/ID, under a lease of its own, as soon as the engine answers.
func (c *Cluster) noteLates(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-c.lates:
			for time.Since(l.at) < lateTime && ctx.Err() == nil {
				err := c.noteLate(ctx, &l)
				if err == nil {
					break
				}
				if errors.Is(err, rpctypes.ErrRequestTooLarge) { // and stays so, while others wait
					c.log.Error("the owner of an alarm cannot be asked to repeat its last word", "shard", l.shard, "event", l.id, "err", err)
					break
				}
				pause(ctx, time.Second)
			}
		}
	}
}

func (c *Cluster) noteLate(ctx context.Context, l *lateSend) error {
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	lease, err := engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.LeaseGrantResponse, error) {
		return e.Grant(ctx, int64(lateTime/time.Second))
	})
	if err == nil {
		_, err = c.Txn(ctx, nil, []clientv3.Op{clientv3.OpPut(c.keys.late(l.shard, l.id), string(l.text), clientv3.WithLease(lease.ID))}, nil)
	}
	return err
}

func cutLate(name string) (shard, id string) {
	shard, id, _ = strings.Cut(name, "/")
	return unescape(shard), id
}

// repeatLates has Work repeat the last words about late sends of owned shards. It expects c.mu to be held.
func (c *Cluster) repeatLates(ctx context.Context) {
	work, ok := c.work.(Repeater)
	if !ok {
		return
	}
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	for shard, lates := range c.view.lates {
		if s := c.shards[shard]; s == nil || s.state != owned {
			continue
		}
		for id, l := range lates {
			key := c.keys.late(shard, id)
			if c.repeating[key] {
				continue
			}
			c.repeating[key] = true
			c.tasks.Go(func() { c.repeat(ctx, work, key, l) })
		}
	}
}

// repeatPause is how long a last word that could not be repeated is not tried again.
const repeatPause = time.Second

func (c *Cluster) repeat(ctx context.Context, work Repeater, key string, l late) {
	err := work.Repeat(l.text)
	if err == nil {
		err = c.forgetLate(ctx, key, l.revision)
		for err != nil && ctx.Err() == nil { // it is repeated once
			pause(ctx, repeatPause)
			err = c.forgetLate(ctx, key, l.revision)
		}
	} else {
		c.throttled.Warn("the last word about an alarm cannot be repeated, will retry", "key", key, "err", err)
		pause(ctx, repeatPause)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.repeating, key)
}

// forgetLate removes a late send unless there is another one of the same event.
func (c *Cluster) forgetLate(ctx context.Context, key string, revision int64) error {
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	_, err := c.Txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(key), "=", revision)}, []clientv3.Op{clientv3.OpDelete(key)}, nil)
	return err
}

func pause(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// Common returns the records that all members know, by key: silences. changes counts their changes.
func (c *Cluster) Common() (records map[string][]byte, changes uint64) {
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	return maps.Clone(c.view.common), c.view.changes
}

// Subscribe has a channel signaled at each change of the cluster. It must have room for one signal.
func (c *Cluster) Subscribe(ch chan<- struct{}) { c.view.subscribe(ch) }
