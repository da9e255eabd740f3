package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
)

// format is written when the cluster begins, and when all its members read a newer one.
type format struct {
	Writes int    `json:"writes"` // version of the keys and their values
	ID     string `json:"id"`     // of the cluster, part of event IDs
}

// formats are those that a program reads: two in a row, so that members are upgraded one by one. It writes that of the cluster.
type formats struct{ oldest, newest int }

const formatVersion = 1

var ours = formats{max(1, formatVersion-1), formatVersion}

// formatError is the error of a cluster whose format this program does not read.
type formatError struct {
	theirs int
	ours   formats
}

func (e *formatError) Error() string {
	if e.theirs > e.ours.newest {
		return fmt.Sprintf("the cluster has format %d, and this program reads format %d to %d: run a newer version of it", e.theirs, e.ours.oldest, e.ours.newest)
	}
	return fmt.Sprintf("the cluster has format %d, and this program reads format %d to %d: run a version that reads both on all members first", e.theirs, e.ours.oldest, e.ours.newest)
}

// readFormat reads the value of the key.
func readFormat(value []byte, reads formats) (f format, err error) {
	if err := json.Unmarshal(value, &f); err != nil {
		return f, fmt.Errorf("cannot read the format of the cluster: %w", err)
	}
	if f.Writes < reads.oldest || f.Writes > reads.newest {
		return f, &formatError{f.Writes, reads}
	}
	return f, nil
}

// nameError ends a member whose cluster has another name than that of the engine.
type nameError struct{ ours, theirs string }

func (e *nameError) Error() string {
	return fmt.Sprintf("the voters have the cluster %s, and cluster.name is %s: write name: %s, or for a new cluster of that name remove the directory cluster in the state_dir of each voter", e.theirs, e.ours, e.theirs)
}

// checkName refuses to begin a cluster in the engine of another, which is embedded: it serves no two.
func (c *Cluster) checkName(ctx context.Context) error {
	if c.settings.Etcd != nil {
		return nil
	}
	r, err := c.Txn(ctx, nil, []clientv3.Op{clientv3.OpGet(c.keys.format(), clientv3.WithCountOnly()),
		clientv3.OpGet(allClusters, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(1))}, nil)
	if err != nil || r.Responses[0].GetResponseRange().Count > 0 {
		return err
	}
	for _, kv := range r.Responses[1].GetResponseRange().Kvs {
		if theirs, _, _ := strings.Cut(strings.TrimPrefix(string(kv.Key), allClusters), "/"); theirs != c.settings.Name {
			return &nameError{c.settings.Name, theirs}
		}
	}
	return nil
}

// checkFormat reads the format, or begins the cluster, and returns the revision of the format.
func (c *Cluster) checkFormat(ctx context.Context) (revision int64, err error) {
	if err := c.checkName(ctx); err != nil {
		return 0, err
	}
	mine := format{c.reads.newest, token()[:8]}
	key := c.keys.format()
	r, err := c.Txn(ctx, []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(key), "=", 0)},
		[]clientv3.Op{clientv3.OpPut(key, encode(mine))}, []clientv3.Op{clientv3.OpGet(key)})
	if err != nil {
		return 0, err
	}
	revision = r.Header.Revision
	if !r.Succeeded {
		kvs := r.Responses[0].GetResponseRange().Kvs
		if len(kvs) != 1 {
			return 0, errors.New("the format of the cluster is gone")
		}
		if mine, err = readFormat(kvs[0].Value, c.reads); err != nil {
			return 0, err
		}
		revision = kvs[0].ModRevision
	}
	c.id.Store(&mine.ID)
	return revision, nil
}

// Writes returns the format in which rows are written: the oldest that a living member reads. It is 0 before the first
// contact with the engine.
func (c *Cluster) Writes() int {
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	return c.view.format.Writes
}

// raise has a newer format written once all voters and all other living members read it. A member of an older program that joins
// meanwhile comes first, or is refused.
func (c *Cluster) raise(ctx context.Context) {
	now, next := c.view.readable(c.settings.Members)
	if next <= now.Writes || now.Writes == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, attemptWait)
	defer cancel()
	key, members := c.keys.format(), c.keys.member("")
	r, err := engine.Ask(ctx, c.engine, func(ctx context.Context, e *clientv3.Client) (*clientv3.GetResponse, error) {
		return e.Get(ctx, members, clientv3.WithPrefix())
	})
	if err != nil {
		return
	}
	for _, kv := range r.Kvs {
		var m Member
		if kv.Lease == 0 { // see view.put
			continue
		}
		if json.Unmarshal(kv.Value, &m) != nil || m.Format < next {
			return
		}
	}
	raised, err := c.Txn(ctx,
		[]clientv3.Cmp{clientv3.Compare(clientv3.Value(key), "=", encode(now)), clientv3.Compare(clientv3.ModRevision(members), "<", r.Header.Revision+1).WithPrefix()},
		[]clientv3.Op{clientv3.OpPut(key, encode(format{next, now.ID}))}, nil)
	if err == nil && raised.Succeeded {
		c.log.Info("all members read a newer format of the cluster, which is written from here on", "format", next)
	}
}

// readable returns the format, and the newest that all living members read: the same if a voter is absent, whose program is unknown.
func (v *view) readable(voters []string) (now format, newest int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if slices.ContainsFunc(voters, func(name string) bool { _, lives := v.members[name]; return !lives }) {
		return v.format, v.format.Writes
	}
	for _, m := range v.members {
		if newest == 0 || m.Format < newest {
			newest = m.Format
		}
	}
	return v.format, newest
}
