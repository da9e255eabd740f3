// Package desk takes the records of a single process into the inboxes of the shards of a cluster.
package desk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/ledger"
)

// Given is the state of a batch of a single process.
type Given struct {
	Member   string   `json:"member"`
	By       string   `json:"by"` // the try that stages it
	Shards   []string `json:"shards"`
	Complete bool     `json:"complete,omitempty"`
}

// Cluster is the cluster as a desk knows it.
type Cluster interface {
	ID() string
	Name() string // of this member
	Txn(ctx context.Context, If []clientv3.Cmp, Then, Else []clientv3.Op) (*clientv3.TxnResponse, error)
	RowKey(shard, row string) string
	GivenKey(batch string) string // of the state of a batch
}

// Desk implements transfer.Desk.
type Desk struct {
	Cluster Cluster
	value   string // of the batch, as this process has written it
}

// ID returns the ID of the cluster.
func (d *Desk) ID() string { return d.Cluster.ID() }

// Begin begins a batch for some shards, or once more, and reports whether it was completed before.
func (d *Desk) Begin(ctx context.Context, batch string, shards []string) (completed bool, err error) {
	c := d.Cluster
	r, err := d.txn(ctx, nil, []clientv3.Op{clientv3.OpGet(c.GivenKey(""), clientv3.WithPrefix())})
	if err != nil {
		return false, err
	}
	revision := int64(0)
	for _, kv := range r.Responses[0].GetResponseRange().Kvs {
		var was Given
		if err := json.Unmarshal(kv.Value, &was); err != nil {
			return false, fmt.Errorf("%s: %w", kv.Key, err)
		}
		name := strings.TrimPrefix(string(kv.Key), c.GivenKey(""))
		switch {
		case name == batch && was.Complete:
			return true, nil
		case name != batch && (was.Complete || was.Member != c.Name()):
			continue
		}
		if err := d.discard(ctx, name, &was, kv.ModRevision, name != batch); err != nil {
			return false, err
		}
		if name == batch {
			revision = kv.ModRevision
		}
	}
	d.value = encode(&Given{Member: c.Name(), By: rand.Text(), Shards: shards})
	key := c.GivenKey(batch)
	r, err = d.txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(key), "=", revision)}, []clientv3.Op{clientv3.OpPut(key, d.value)})
	if err == nil && !r.Succeeded {
		err = ErrElsewhere
	}
	return false, err
}

// ErrElsewhere is the error of a try after which another has begun.
var ErrElsewhere = errors.New("another try to take over the records of this state directory has begun")

// maxDiscarded is how many shards are discarded at once.
const maxDiscarded = 50

// discard removes whatever an earlier try has staged.
func (d *Desk) discard(ctx context.Context, batch string, was *Given, revision int64, last bool) error {
	c := d.Cluster
	var ops []clientv3.Op
	for _, shard := range was.Shards {
		ops = append(ops, clientv3.OpDelete(c.RowKey(shard, ledger.Inbox+batch)), clientv3.OpDelete(c.RowKey(shard, ledger.Inbox+batch+"/"), clientv3.WithPrefix()))
	}
	if last {
		ops = append(ops, clientv3.OpDelete(c.GivenKey(batch)))
	}
	for some := range slices.Chunk(ops, 2*maxDiscarded) {
		r, err := d.txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(c.GivenKey(batch)), "=", revision)}, some)
		if err == nil && !r.Succeeded {
			err = ErrElsewhere
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stage stores records of the batch.
func (d *Desk) Stage(ctx context.Context, batch string, writes []ledger.Write) error {
	c := d.Cluster
	var puts []clientv3.Op
	for _, w := range writes {
		puts = append(puts, clientv3.OpPut(c.RowKey(w.Shard, w.Key), string(w.Value)))
	}
	return d.commit(ctx, batch, puts)
}

// Complete has the owners of the shards take the batch over.
func (d *Desk) Complete(ctx context.Context, batch string) error {
	var g Given
	if err := json.Unmarshal([]byte(d.value), &g); err != nil {
		return err
	}
	g.Complete = true
	return d.commit(ctx, batch, []clientv3.Op{clientv3.OpPut(d.Cluster.GivenKey(batch), encode(&g))})
}

// commitWait bounds a request.
const commitWait = 2 * time.Second

// commit commits if the batch is that which Begin began. Without an answer it may be applied until the next Begin.
func (d *Desk) commit(ctx context.Context, batch string, ops []clientv3.Op) error {
	r, err := d.txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.Value(d.Cluster.GivenKey(batch)), "=", d.value)}, ops)
	if err == nil && !r.Succeeded {
		err = ErrElsewhere
	}
	return err
}

func (d *Desk) txn(ctx context.Context, If []clientv3.Cmp, Then []clientv3.Op) (*clientv3.TxnResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, commitWait)
	defer cancel()
	return d.Cluster.Txn(ctx, If, Then, nil)
}

func encode(g *Given) string {
	text, err := json.Marshal(g)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Peek calls each with the alarms, alerts and looks of shards that other members may own. It reports whether records are on their way into
// the inbox of another shard: those that were moved meanwhile are in one of them.
func Peek(ctx context.Context, c Cluster, shards []string, into string, each func(shard, key string, value []byte)) (arriving bool, err error) {
	var all []*pages
	for _, shard := range shards {
		for _, kind := range []string{ledger.Alarm, ledger.Alert, ledger.Look} {
			first := c.RowKey(shard, kind)
			all = append(all, &pages{shard: shard, kind: kind, first: first, from: first})
		}
	}
	for len(all) > 0 {
		some := all[:min(len(all), maxPages)]
		if err := read(ctx, c, some, each); err != nil {
			return false, err
		}
		all = slices.DeleteFunc(all, func(p *pages) bool { return p.from == "" })
	}
	ctx, cancel := context.WithTimeout(ctx, commitWait)
	defer cancel()
	prefix := c.RowKey(into, ledger.Inbox)
	r, err := c.Txn(ctx, nil, []clientv3.Op{clientv3.OpGet(prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())}, nil)
	if err != nil {
		return false, err
	}
	for _, kv := range r.Responses[0].GetResponseRange().Kvs {
		arriving = arriving || !strings.HasPrefix(string(kv.Key), prefix+ledger.OfProcess)
	}
	return arriving, nil
}

const (
	pageRows = 500 // of a shard that are read at once
	maxPages = 100 // that are read by one request
)

// pages are the rows of a kind that have yet to be read.
type pages struct{ shard, kind, first, from string }

// read reads a page of each, and notes where the next one begins; "" if there is none.
func read(ctx context.Context, c Cluster, all []*pages, each func(shard, key string, value []byte)) error {
	ctx, cancel := context.WithTimeout(ctx, commitWait)
	defer cancel()
	var gets []clientv3.Op
	for _, p := range all {
		gets = append(gets, clientv3.OpGet(p.from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(p.first)), clientv3.WithLimit(pageRows)))
	}
	r, err := c.Txn(ctx, nil, gets, nil)
	if err != nil {
		return err
	}
	for i, p := range all {
		page := r.Responses[i].GetResponseRange()
		for _, kv := range page.Kvs {
			each(p.shard, p.kind+strings.TrimPrefix(string(kv.Key), p.first), kv.Value)
		}
		if p.from = ""; page.More && len(page.Kvs) > 0 {
			p.from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		}
	}
	return nil
}
