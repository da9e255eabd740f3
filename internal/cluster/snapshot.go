package cluster

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

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
	from, end := a.keys.root, clientv3.GetPrefixRangeEnd(a.keys.root)
	for revision := int64(0); ; {
		page, err := page(ctx, e, from, end, revision)
		if err != nil {
			return 0, fmt.Errorf("the engine cannot be read: %w", err)
		}
		if revision == 0 {
			revision = page.Header.Revision
			if len(page.Kvs) == 0 {
				return 0, fmt.Errorf("the engine has no cluster %s", a.settings.Name)
			}
			if _, err := fmt.Fprintln(buffered, encode(snapshot.Header{Cluster: a.settings.Name, Revision: revision, At: time.Now().UTC()})); err != nil {
				return 0, err
			}
		}
		for _, kv := range page.Kvs {
			if kv.Lease != 0 {
				continue
			}
			if _, err := fmt.Fprintln(buffered, encode(snapshot.Row{Key: strings.TrimPrefix(string(kv.Key), a.keys.root), Value: kv.Value})); err != nil {
				return 0, err
			}
			rows++
		}
		if !page.More || len(page.Kvs) == 0 {
			break
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
	if err := buffered.Flush(); err != nil {
		return 0, err
	}
	_, err = fmt.Fprintln(to, encode(snapshot.End{Rows: rows, Sum: hex.EncodeToString(sum.Sum(nil))}))
	return rows, err
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
