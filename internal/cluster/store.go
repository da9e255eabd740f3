package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/fence"
	"trapline/internal/cluster/plan"
	"trapline/internal/ledger"
)

// Write puts a row of a shard, or deletes it if Value is nil.
type Write = ledger.Write

// Lost is the error of shards that are not owned any more.
type Lost = ledger.Lost

// A Cluster stores the records of the shards that it owns.
var (
	_ ledger.Store     = (*Cluster)(nil)
	_ ledger.Selective = (*Cluster)(nil)
)

// NumberKey is the key of the last number given to a row or event of a shard, in decimal. It never decreases.
const NumberKey = ledger.Number

// pageRows is how many rows are loaded at once.
const pageRows = 500

// Load calls each with the rows of a shard that is owned, in the order of their keys, and first with its number. Rows that each
// refuses are put aside, below unread/S in the engine: Load then returns a *ledger.Damage.
func (c *Cluster) Load(ctx context.Context, shard string, each func(key string, value []byte) error) error {
	return c.LoadOf(ctx, shard, []string{""}, each)
}

// LoadOf implements ledger.Selective.
func (c *Cluster) LoadOf(ctx context.Context, shard string, prefixes []string, each func(key string, value []byte) error) error {
	c.mu.Lock()
	number, ok := c.fence.Number(shard)
	c.mu.Unlock()
	if !ok {
		return &Lost{Shards: []string{shard}}
	}
	if ledger.Begins(NumberKey, prefixes) {
		if err := each(NumberKey, strconv.AppendUint(nil, number, 10)); err != nil {
			return err
		}
	}
	r := &reading{cluster: c, shard: shard, each: each}
	for some := range slices.Chunk(c.ranges(shard, prefixes), fence.MaxOps) {
		if err := r.read(ctx, some); err != nil {
			return err
		}
	}
	if len(r.bad) == 0 {
		return nil
	}
	return r.putAside(ctx)
}

// rows are those of the engine whose keys begin with the prefix below a root. For the caller their keys below the root have more
// before them.
type rows struct{ root, prefix, before string }

func (r rows) end() string { return clientv3.GetPrefixRangeEnd(r.root + r.prefix) }

// ranges returns the rows of a shard whose keys begin with one of the prefixes: those of the inbox only if the prefix does as theirs.
func (c *Cluster) ranges(shard string, prefixes []string) (list []rows) {
	for _, p := range prefixes {
		if batch, is := strings.CutPrefix(p, ledger.Inbox); is {
			list = append(list, rows{c.keys.arrival(shard, ""), batch, ledger.Inbox}, rows{c.keys.inbox(shard), batch, ledger.Inbox})
			continue
		}
		list = append(list, rows{root: c.keys.rows(shard), prefix: p})
		if shard == plan.Global && strings.HasPrefix(ledger.Silence, p) {
			list = append(list, rows{root: c.keys.common(), prefix: ledger.Silence})
		}
	}
	return list
}

// reading is a Load on its way.
type reading struct {
	cluster  *Cluster
	shard    string
	each     ledger.Each
	revision int64   // of the first answer: all are of one moment
	bad      []Write // rows that were refused
}

// read reads the rows of some ranges: the first pages of all by one request, for the engine asks a majority for each.
func (r *reading) read(ctx context.Context, ranges []rows) error {
	pages, err := r.first(ctx, ranges)
	if err != nil {
		return err
	}
	for i, page := range pages {
		for r.add(ranges[i], page.Kvs); page.More && len(page.Kvs) > 0; r.add(ranges[i], page.Kvs) {
			from := string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
			if page, err = r.next(ctx, from, ranges[i].end()); err != nil {
				return err
			}
		}
	}
	return nil
}

// first reads the first page of each range.
func (r *reading) first(ctx context.Context, ranges []rows) (pages []*etcdserverpb.RangeResponse, err error) {
	var gets []clientv3.Op
	for _, some := range ranges {
		gets = append(gets, clientv3.OpGet(some.root+some.prefix, clientv3.WithRange(some.end()), clientv3.WithLimit(pageRows), clientv3.WithRev(r.revision)))
	}
	var answer *clientv3.TxnResponse
	err = r.insist(ctx, func(ctx context.Context) (err error) {
		answer, err = r.cluster.Txn(ctx, nil, gets, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.revision == 0 {
		r.revision = answer.Header.Revision
	}
	if r.revision == 0 {
		return nil, errors.New("an answer of the engine has no revision")
	}
	for _, one := range answer.Responses {
		pages = append(pages, one.GetResponseRange())
	}
	return pages, nil
}

// next reads another page.
func (r *reading) next(ctx context.Context, from, end string) (answer *etcdserverpb.RangeResponse, err error) {
	err = r.insist(ctx, func(ctx context.Context) error {
		page, err := page(ctx, r.cluster.engine, from, end, r.revision)
		answer = (*etcdserverpb.RangeResponse)(page)
		return err
	})
	return answer, err
}

// readTries is how often a request is sent that is not answered: a shard whose records are not read is given up, and taken again
// from the beginning, which costs more answers.
const readTries = 3

// insist sends a request until it is answered, but not too often.
func (r *reading) insist(ctx context.Context, request func(context.Context) error) (err error) {
	for range readTries {
		asking, cancel := context.WithTimeout(ctx, attemptWait)
		err = request(asking)
		cancel()
		if err == nil || engine.Answered(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// add calls each with some rows.
func (r *reading) add(of rows, kvs []*mvccpb.KeyValue) {
	for _, kv := range kvs {
		key := of.before + strings.TrimPrefix(string(kv.Key), of.root)
		if r.each(key, kv.Value) != nil {
			r.bad = append(r.bad, Write{Shard: r.shard, Key: key, Value: kv.Value})
		}
	}
}

// putAside moves the rows that were refused.
func (r *reading) putAside(ctx context.Context) error {
	found := &ledger.Damage{}
	for some := range slices.Chunk(r.bad, fence.MaxWrites/2) {
		var copies []clientv3.Op
		var deletes []Write
		for _, w := range some {
			found.Keys = append(found.Keys, w.Key)
			copies = append(copies, clientv3.OpPut(r.cluster.keys.unread(r.shard, w.Key), string(w.Value)))
			deletes = append(deletes, Write{Shard: r.shard, Key: w.Key})
		}
		if found.Err == nil {
			_, found.Err = r.cluster.Txn(ctx, nil, copies, nil)
		}
		if found.Err == nil {
			found.Err = r.cluster.Commit(ctx, deletes)
		}
	}
	return found
}

// page reads some rows, at the revision of the first page: all pages are of one moment.
func page(ctx context.Context, e *engine.Engine, from, end string, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	return engine.Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.GetResponse, error) {
		return c.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageRows), clientv3.WithRev(revision))
	})
}

// Commit applies writes: those of one shard together or not at all, at most fence.MaxWrites of each. nil: a majority of the
// voters has them on disk. *Lost names shards that are lost. After any other error nothing was applied.
//
// It waits while it is unknown whether a request was applied, until the engine says so, the session ends, or ctx does: then
// the shards are lost.
func (c *Cluster) Commit(ctx context.Context, writes []Write) error {
	rows, numbers, err := split(writes)
	if err != nil {
		return err
	}
	select {
	case c.commits <- struct{}{}:
		defer func() { <-c.commits }()
	case <-ctx.Done():
		return ctx.Err()
	}
	begun := time.Now()
	c.mu.Lock()
	commit, err := c.fence.Begin(rows, numbers)
	if err == nil {
		c.commit = commit
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := c.send(ctx, commit); err != nil {
		c.space.Note(c.clock(), err)
		c.metrics.commits.WithLabelValues("error").Inc()
		return err
	}
	c.metrics.commitSeconds.Observe(time.Since(begun).Seconds())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commit = nil
	lost := commit.Lost()
	if len(lost) == 0 {
		c.metrics.commits.WithLabelValues("applied").Inc()
		return nil
	}
	c.metrics.commits.WithLabelValues("lost").Inc()
	for _, name := range lost {
		c.lose(name)
	}
	return &Lost{Shards: lost}
}

// split takes the numbers out of the writes.
func split(writes []Write) (rows []Write, numbers map[string]uint64, err error) {
	numbers = map[string]uint64{}
	for _, w := range writes {
		if w.Key != NumberKey {
			rows = append(rows, w)
			continue
		}
		if numbers[w.Shard], err = strconv.ParseUint(string(w.Value), 10, 64); err != nil {
			return nil, nil, fmt.Errorf("number of shard %s: %w", w.Shard, err)
		}
	}
	return rows, numbers, nil
}

// doubtPause is how long an unanswered request is not repeated.
const doubtPause = 100 * time.Millisecond

// send sends the requests of a commit until it has ended. It returns an error if nothing was applied and nothing will be.
func (c *Cluster) send(ctx context.Context, commit *fence.Commit) error {
	for {
		c.mu.Lock()
		r := commit.Request()
		c.mu.Unlock()
		if r == nil {
			return nil
		}
		if err := c.attempt(ctx, commit, r); err != nil {
			return err
		}
	}
}

// attempt sends a request once.
func (c *Cluster) attempt(ctx context.Context, commit *fence.Commit, r *fence.Request) error {
	asking, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	If, Then, Else := c.transaction(r)
	answer, err := c.Txn(asking, If, Then, Else)
	c.mu.Lock()
	doubt := len(commit.InDoubt()) > 0
	switch {
	case err == nil && answer.Succeeded:
		c.space.Stored(c.clock())
		commit.Applied(answer.Header.Revision)
	case err == nil:
		registers := map[string]fence.Seen{}
		for i, p := range r.Parts {
			registers[p.Shard] = seen(answer.Responses[i])
		}
		commit.Refused(registers)
	case engine.Answered(err) && !doubt && !commit.Partial():
		c.commit = nil
		c.mu.Unlock()
		return err
	case engine.Answered(err) && !doubt, ctx.Err() != nil:
		commit.Abandon()
	default:
		commit.Unanswered()
		c.mu.Unlock()
		c.metrics.commits.WithLabelValues("doubt").Inc()
		c.throttled.Warn("it is unknown whether a commit was applied, will repeat it", "err", err)
		pause(ctx, doubtPause)
		return nil
	}
	c.mu.Unlock()
	return nil
}

// transaction returns the parts of etcd's transaction.
func (c *Cluster) transaction(r *fence.Request) (If []clientv3.Cmp, Then, Else []clientv3.Op) {
	for _, p := range r.Parts {
		seq := c.keys.seq(p.Shard)
		If = append(If, clientv3.Compare(clientv3.ModRevision(seq), "=", p.Revision))
		Then = append(Then, clientv3.OpPut(seq, encode(fence.Register{Number: p.Number, Mark: r.Mark})))
		Else = append(Else, clientv3.OpGet(seq))
		for _, w := range p.Writes {
			if w.Value == nil {
				Then = append(Then, clientv3.OpDelete(c.keys.row(p.Shard, w.Key)))
			} else {
				Then = append(Then, clientv3.OpPut(c.keys.row(p.Shard, w.Key), string(w.Value)))
			}
		}
	}
	return If, Then, Else
}

// InDoubt returns the shards of which it is unknown whether a commit was applied: nothing more can be committed meanwhile.
func (c *Cluster) InDoubt() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.commit == nil {
		return nil
	}
	return c.commit.InDoubt()
}
