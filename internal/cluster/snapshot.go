package cluster

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/snapshot"
)

// Snapshot writes all keys that outlive members, at one moment, and returns their number.
func (a *Admin) Snapshot(ctx context.Context, to io.Writer) (rows int, err error) {
	err = a.ask(ctx, func(e *engine.Engine) error {
		rows, err = a.snapshot(ctx, e, to)
		return err
	})
	return rows, err
}

func (a *Admin) snapshot(ctx context.Context, e *engine.Engine, to io.Writer) (rows int, err error) {
	sum := sha256.New()
	buffered := bufio.NewWriter(io.MultiWriter(to, sum))
	begun := false
	err = eachRow(ctx, e, a.keys.root, func(revision int64, kv *mvccpb.KeyValue) error {
		if !begun {
			begun = true
			if _, err := fmt.Fprintln(buffered, encode(snapshot.Header{Cluster: a.settings.Name, Revision: revision, At: time.Now().UTC()})); err != nil {
				return err
			}
		}
		if kv.Lease != 0 {
			return nil
		}
		rows++
		_, err := fmt.Fprintln(buffered, encode(snapshot.Row{Key: strings.TrimPrefix(string(kv.Key), a.keys.root), Value: kv.Value}))
		return err
	})
	if err == nil && !begun {
		err = fmt.Errorf("the engine has no cluster %s", a.settings.Name)
	}
	if err != nil {
		return 0, err
	}
	if err := buffered.Flush(); err != nil {
		return 0, err
	}
	_, err = fmt.Fprintln(to, encode(snapshot.End{Rows: rows, Sum: hex.EncodeToString(sum.Sum(nil))}))
	return rows, err
}

// eachRow calls each with the rows below a prefix, all of one revision.
func eachRow(ctx context.Context, e *engine.Engine, prefix string, each func(revision int64, kv *mvccpb.KeyValue) error) error {
	from, end := prefix, clientv3.GetPrefixRangeEnd(prefix)
	for revision := int64(0); ; {
		page, err := page(ctx, e, from, end, revision)
		if err != nil {
			return fmt.Errorf("the engine cannot be read: %w", err)
		}
		revision = cmp.Or(revision, page.Header.Revision)
		for _, kv := range page.Kvs {
			if err := each(revision, kv); err != nil {
				return err
			}
		}
		if !page.More || len(page.Kvs) == 0 {
			return nil
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}

// verify checks that a snapshot is whole, is of this cluster, and has a format that this program reads.
func verify(from io.ReadSeeker, cluster string) error {
	known := false
	err := snapshot.Read(from, cluster, func(r snapshot.Row) (err error) {
		if r.Key == keysOf(cluster).format()[len(keysOf(cluster).root):] {
			known = true
			_, err = readFormat(r.Value, ours)
		}
		return err
	})
	if err == nil && !known {
		return snapshot.ErrNotWhole
	}
	return err
}

// restoredRows and restoredBytes bound how much of a snapshot is written at once: the engine takes 128 keys and 1.5 MB.
const (
	restoredRows  = 100
	restoredBytes = 512 << 10
)

// restore writes the keys of a snapshot to an engine without any.
func (a *Admin) restore(ctx context.Context, c *clientv3.Client, from io.ReadSeeker) error {
	var puts []clientv3.Op
	size := 0
	write := func() error {
		_, err := c.Txn(ctx).Then(puts...).Commit()
		puts, size = puts[:0], 0
		return err
	}
	err := snapshot.Read(from, a.settings.Name, func(r snapshot.Row) error {
		if len(puts) == restoredRows || len(puts) > 0 && size+len(r.Value) > restoredBytes {
			if err := write(); err != nil {
				return err
			}
		}
		puts = append(puts, clientv3.OpPut(a.keys.root+r.Key, string(r.Value)))
		size += len(r.Value)
		return nil
	})
	if err == nil && len(puts) > 0 {
		err = write()
	}
	return err
}
