package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/fence"
	"trapline/internal/cluster/plan"
)

// shard is one that this member owns, or is about to, or about to cease to.
type shard struct {
	state  state
	before string // its last owner
	lost   bool

	received []string // batches in its inbox when it was taken
	again    bool     // it is released and taken again

	cancel context.CancelFunc // of its Take
}

type state int

const (
	taking state = iota
	owned
	ending // Drop is called, and own/S removed unless the shard was lost
)

// attemptWait bounds each request about shards and rows; it is repeated.
const attemptWait = 2 * time.Second

// poke has the shards looked at soon.
func (c *Cluster) poke() { notice(c.wake) }

// tend looks at the shards on every event, and every second: a take that was not answered is tried again.
func (c *Cluster) tend(ctx context.Context) error {
	c.view.subscribe(c.wake)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		c.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		case <-tick.C:
		}
	}
}

// duties is the part of the view about this member.
type duties struct {
	known   bool            // there is a plan
	planned map[string]bool // for us
	free    []string        // of those, without an owner, or owned by this session
	ours    []string        // owned by this session
}

func (v *view) duties(member, zone string, lease clientv3.LeaseID) duties {
	v.mu.Lock()
	defer v.mu.Unlock()
	d := duties{known: v.loaded && v.planned, planned: map[string]bool{}}
	for name, owner := range v.plan.Owners {
		if owner != member || !plan.Fits(name, zone) { // a plan is advice, and this one is not ours
			continue
		}
		d.planned[name] = true
		if o, ok := v.owners[name]; !ok || o.lease == lease {
			d.free = append(d.free, name)
		}
	}
	for name, o := range v.owners {
		if lease != 0 && o.lease == lease {
			d.ours = append(d.ours, name)
		}
	}
	return d
}

// look begins to take shards that are planned here and free, and to release those planned elsewhere, and those whose inbox has
// something new.
func (c *Cluster) look(ctx context.Context) {
	lease, usable := c.session.usable()
	d := c.view.duties(c.settings.Member, c.settings.Zone, lease)
	draining, arrivals := c.draining.Load(), c.view.arrivals()
	c.mu.Lock()
	defer c.mu.Unlock()
	under := 0
	for name, s := range c.shards {
		switch {
		case s.state == taking:
			under++
		case s.state == owned && (draining || d.known && !d.planned[name] || s.again || s.more(arrivals[name])): // it is taken again at once
			s.state = ending
			c.tasks.Go(func() { c.release(ctx, name, lease) })
		}
	}
	if usable && !draining {
		for names := range slices.Chunk(c.urgent(d.free, under), claimed) {
			takes := make([]take, len(names))
			for i, name := range names {
				taken, cancel := context.WithCancel(ctx)
				takes[i] = take{taken, name, &shard{state: taking, cancel: cancel}}
				c.shards[name] = takes[i].shard
			}
			c.tasks.Go(func() { c.take(ctx, takes, lease) })
		}
	}
	c.repeatLates(ctx)
	for _, name := range d.ours {
		// A take that was applied after it had been given up, or a release without an answer.
		if c.shards[name] == nil && (draining || d.known && !d.planned[name]) {
			c.shards[name] = &shard{state: ending, cancel: func() {}}
			c.tasks.Go(func() {
				c.leave(ctx, name, lease)
				c.forget(name)
			})
		}
	}
}

// claimed is how many shards one request claims.
const claimed = 16

// urgent returns those of these shards to take while others are being taken, of those that nothing is done with: that of rules over several
// targets, those with targets, and then the others, which may have alarms. None, if a request would claim few of many. It expects
// c.mu to be held.
func (c *Cluster) urgent(names []string, under int) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return c.shards[name] != nil })
	most := max(0, c.takes.Now()-under)
	if len(names) <= most {
		return names
	}
	if under > 0 && most < claimed {
		return nil
	}
	targets := map[string]float64{plan.Global: math.Inf(1)}
	for _, s := range c.config.Shards() {
		if s.Cost > 0 {
			targets[s.Name] = s.Cost
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(targets[b], targets[a]) })
	return names[:most]
}

// forget removes a shard that is not owned any more.
func (c *Cluster) forget(name string) {
	c.mu.Lock()
	if s := c.shards[name]; s != nil {
		s.cancel()
		delete(c.shards, name)
		if s.lost {
			c.losing.Add(-1)
		}
	}
	c.mu.Unlock()
	c.poke()
	notice(c.gone)
}

// takePause is how long a take that failed is not tried again: the view may be late.
const takePause = 200 * time.Millisecond

// forgetLater has a take tried again after a pause.
func (c *Cluster) forgetLater(name string, s *shard) {
	c.mu.Lock()
	s.state = ending
	c.mu.Unlock()
	time.AfterFunc(takePause, func() { c.forget(name) })
}

// held counts the shards that are owned, or about to be, or not left yet.
func (c *Cluster) held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.shards)
}

// take is a shard that is being taken. The context is canceled when it is lost.
type take struct {
	context.Context
	name  string
	shard *shard
}

// take makes shards ours, and has them worked on.
func (c *Cluster) take(ctx context.Context, takes []take, lease clientv3.LeaseID) {
	names := make([]string, len(takes))
	for i, t := range takes {
		names[i] = t.name
	}
	begun := c.clock()
	claims, err := c.claim(ctx, names, lease, false)
	c.noteTake(begun, err)
	if err != nil && ctx.Err() == nil {
		c.throttled.Warn("shards cannot be taken, will retry", "shards", strings.Join(names, " "), "err", err)
	}
	for i, t := range takes {
		if err != nil || claims[i] == nil {
			c.forgetLater(t.name, t.shard)
			continue
		}
		c.tasks.Go(func() { c.begin(t, claims[i], lease) })
	}
}

// begin has a shard that was claimed worked on.
func (c *Cluster) begin(t take, claim *claim, lease clientv3.LeaseID) {
	name, s, begun := t.name, t.shard, c.clock()
	held, err := c.hold(t, claim)
	if held {
		c.copies.Await(t, claim.register.Revision)
		err = c.work.Take(t, name, claim.alive)
	}
	c.mu.Lock()
	if s.lost || err != nil {
		s.state = ending
		c.fence.Lose(name)
	} else {
		s.state = owned
		delete(c.formers, name)
	}
	lost := s.lost
	c.mu.Unlock()
	switch {
	case lost:
		c.work.Drop(name, true)
		c.forget(name)
	case err != nil:
		c.throttled.Error("a shard cannot be worked on, will retry", "shard", name, "err", err)
		c.noteTake(begun, err)
		c.work.Drop(name, true)
		c.leave(t, name, lease)
		c.forgetLater(name, s)
	default:
		c.metrics.takes.WithLabelValues(claim.cause).Inc()
		c.poke()
	}
}

// hold has the fence let in what is committed for a shard that was claimed, and reports whether it does: the shard may be lost.
func (c *Cluster) hold(t take, claim *claim) (held bool, err error) {
	if work, ok := c.work.(Settler); ok {
		err = work.Settle(t)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.shard.before = claim.before
	if held = !t.shard.lost && err == nil; held {
		c.fence.Take(t.name, claim.register)
	}
	return held, err
}

// noteTake notes how soon the engine has answered since a take began, or that it has not.
func (c *Cluster) noteTake(begun time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	switch {
	case err == nil:
		c.takes.Answered(now, now-begun)
	case errors.Is(err, context.DeadlineExceeded):
		c.takes.Late(now)
	}
}

// errNotFree is the error of a shard that has another owner, or that changed as it was taken.
var errNotFree = errors.New("the shard is not free")

// claim is the outcome of a take.
type claim struct {
	seen     fence.Seen // before
	register fence.Seen // as it was written
	before   string     // the last owner
	alive    time.Time  // up to when that missed nothing
	cause    string
}

// claim writes own/S, held/S and seq/S of each shard together, so that nothing an earlier owner sent is applied afterwards. held/S stays if
// the shards are borrowed. The claim of a shard is nil if it has another owner, or has changed as it was claimed.
func (c *Cluster) claim(ctx context.Context, names []string, lease clientv3.LeaseID, borrowed bool) ([]*claim, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	var gets []clientv3.Op
	for _, name := range names {
		gets = append(gets, clientv3.OpGet(c.keys.own(name)), clientv3.OpGet(c.keys.held(name)), clientv3.OpGet(c.keys.seq(name)))
	}
	before, err := c.Txn(ctx, nil, gets, nil)
	if err != nil {
		return nil, err
	}
	claims := make([]*claim, len(names))
	var of []int // the shards of the requests
	var requests []clientv3.Op
	for i, name := range names {
		own, held := rowOf(before.Responses[3*i]), rowOf(before.Responses[3*i+1])
		if own != nil && own.Lease != 0 && clientv3.LeaseID(own.Lease) != lease {
			continue
		}
		claims[i] = c.found(name, held, before.Responses[3*i+2])
		of, requests = append(of, i), append(requests, c.claimRequest(name, own, claims[i], lease, borrowed))
	}
	if len(requests) == 0 {
		return claims, nil
	}
	answer, err := c.Txn(ctx, nil, requests, nil)
	if err != nil {
		return nil, err
	}
	for at, i := range of {
		if !claims[i].answered(answer.Responses[at].GetResponseTxn(), answer.Header.Revision) {
			claims[i] = nil
		}
	}
	return claims, nil
}

// found returns the claim of a shard with this last owner and this register. If a claim without an answer has made it ours, the last owner is
// the one before.
func (c *Cluster) found(name string, held *mvccpb.KeyValue, register *etcdserverpb.ResponseOp) *claim {
	holder := ""
	if held != nil {
		holder = string(held.Value)
	}
	has, readable := readRegister(register)
	c.mu.Lock()
	next := c.fence.Next(has.Register, readable)
	if former := c.formers[name]; holder == c.settings.Member && former != "" {
		holder = former
	} else {
		c.formers[name] = holder
	}
	c.mu.Unlock()
	return &claim{before: holder, cause: c.cause(holder), seen: has, register: fence.Seen{Register: next}}
}

// claimRequest claims a shard that is as it was found: without an owner, or with this row about it.
func (c *Cluster) claimRequest(name string, own *mvccpb.KeyValue, found *claim, lease clientv3.LeaseID, borrowed bool) clientv3.Op {
	me := c.settings.Member
	holds := me
	if borrowed && found.before != "" {
		holds = found.before
	}
	alive := clientv3.OpGet(c.keys.alive(found.before))
	return clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(c.keys.own(name)), "=", own.GetModRevision()), clientv3.Compare(clientv3.ModRevision(c.keys.seq(name)), "=", found.seen.Revision)},
		[]clientv3.Op{
			clientv3.OpPut(c.keys.own(name), me, clientv3.WithLease(lease)), clientv3.OpPut(c.keys.held(name), holds),
			clientv3.OpPut(c.keys.seq(name), encode(found.register.Register)), alive,
		},
		[]clientv3.Op{clientv3.OpGet(c.keys.seq(name)), alive})
}

// answered completes a claim, and reports whether the shard is ours.
func (c *claim) answered(r *etcdserverpb.TxnResponse, revision int64) bool {
	if alive := rowOf(r.Responses[len(r.Responses)-1]); alive != nil {
		c.alive, _ = time.Parse(time.RFC3339Nano, string(alive.Value))
	}
	if r.Succeeded {
		c.register.Revision = revision
		return true
	}
	// A copy of the request may have been applied before this one.
	mark := c.register.Mark
	c.register = seen(r.Responses[0])
	return c.register.Mark == mark
}

// cause says why a shard is taken, given its last owner.
func (c *Cluster) cause(holder string) string {
	switch {
	case holder == "":
		return "first"
	case holder == c.settings.Member:
		return "again"
	case c.view.lives(holder):
		return "moved"
	}
	return "dead"
}

func (v *view) lives(member string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.members[member]
	return ok
}

// release ends the work on a shard in order, and leaves it to its next owner.
func (c *Cluster) release(ctx context.Context, name string, lease clientv3.LeaseID) {
	c.work.Drop(name, false)
	c.mu.Lock()
	c.fence.Lose(name)
	c.mu.Unlock()
	c.leave(ctx, name, lease)
	c.forget(name)
}

// leave removes own/S. Without an answer it is removed later, by look or with the session.
func (c *Cluster) leave(ctx context.Context, name string, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	own := c.keys.own(name)
	_, err := c.Txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.LeaseValue(own), "=", lease)},
		[]clientv3.Op{clientv3.OpDelete(own), clientv3.OpPut(c.keys.alive(c.settings.Member), wallClock())}, nil)
	if err != nil && ctx.Err() == nil {
		c.throttled.Warn("a shard cannot be released, will retry", "shard", name, "err", err)
	}
}

func wallClock() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// loseAll forgets all shards: the session has ended.
func (c *Cluster) loseAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.shards {
		c.lose(name)
	}
}

// lose forgets a shard: it may belong to somebody else. It expects c.mu to be held.
func (c *Cluster) lose(name string) {
	c.fence.Lose(name)
	s := c.shards[name]
	if s == nil || s.lost {
		return
	}
	s.lost = true
	c.losing.Add(1)
	s.cancel()
	if s.state == owned { // else its take or its release goes on from here
		s.state = ending
		c.tasks.Go(func() {
			c.work.Drop(name, true)
			c.forget(name)
		})
	}
}

// Retake has a shard that is owned released, and taken again.
func (c *Cluster) Retake(name string) {
	c.mu.Lock()
	if s := c.shards[name]; s != nil {
		s.again = true
	}
	c.mu.Unlock()
	c.poke()
}

// Borrow owns a shard that nobody owns or will own while work is called, with the time up to when its last owner missed nothing. Nothing of
// the shard is loaded.
func (c *Cluster) Borrow(ctx context.Context, name string, work func(ctx context.Context, alive time.Time) error) error {
	lease, usable := c.session.usable()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &shard{state: taking, cancel: cancel}
	c.mu.Lock()
	free := usable && c.shards[name] == nil && !c.draining.Load()
	if free {
		c.shards[name] = s
	}
	c.mu.Unlock()
	if !free {
		return errNotFree
	}
	defer c.forget(name)
	claims, err := c.claim(ctx, []string{name}, lease, true)
	if err != nil {
		return err
	}
	claim := claims[0]
	if claim == nil {
		return errNotFree
	}
	held, err := c.hold(take{ctx, name, s}, claim)
	if held {
		err = work(ctx, claim.alive)
	}
	c.mu.Lock()
	c.fence.Lose(name)
	c.mu.Unlock()
	c.leave(ctx, name, lease)
	return err
}

// seen reads a register from an answer.
func seen(r *etcdserverpb.ResponseOp) fence.Seen {
	s, _ := readRegister(r) // one that cannot be read bears no mark of ours
	return s
}

// readRegister is seen, and reports whether the register can be read, if there is one.
func readRegister(r *etcdserverpb.ResponseOp) (s fence.Seen, readable bool) {
	kv := rowOf(r)
	if kv == nil {
		return s, true
	}
	s.Revision = kv.ModRevision
	if json.Unmarshal(kv.Value, &s.Register) != nil {
		s.Register = fence.Register{}
		return s, false
	}
	return s, true
}

// rowOf returns the row of an answer, nil if there is none.
func rowOf(r *etcdserverpb.ResponseOp) *mvccpb.KeyValue {
	if kvs := r.GetResponseRange().Kvs; len(kvs) > 0 {
		return kvs[0]
	}
	return nil
}

// Arrived returns the batches that have come into the inbox of a shard: see transfer.Receiver. Its owner is to take them over before
// it goes on with the shard.
func (c *Cluster) Arrived(shard string) []string {
	batches := c.view.arrivals()[shard]
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.shards[shard]; s != nil {
		s.received = append(s.received, batches...)
	}
	return batches
}

// more reports whether there are batches that were not there when the shard was taken.
func (s *shard) more(batches []string) bool {
	return slices.ContainsFunc(batches, func(b string) bool { return !slices.Contains(s.received, b) })
}
