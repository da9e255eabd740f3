package cluster

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/engine"
)

// A snapshot has a line of JSON for its header, one for each key that outlives members, and one for the end.
type (
	snapshotHeader struct {
		Cluster  string    `json:"trapline_cluster"`
		Revision int64     `json:"revision"`
		At       time.Time `json:"at"`
	}
	snapshotRow struct {
		Key   string `json:"key"` // below that of the cluster
		Value []byte `json:"value"`
	}
	snapshotEnd struct {
		Rows int    `json:"rows"`
		Sum  string `json:"sha256"` // of all before
	}
)

// maxSnapshotLine bounds a line in octets: a value has at most 1.5 MB in the engine.
const maxSnapshotLine = 4 << 20

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
			if _, err := fmt.Fprintln(buffered, encode(snapshotHeader{a.settings.Name, revision, time.Now().UTC()})); err != nil {
				return 0, err
			}
		}
		for _, kv := range page.Kvs {
			if kv.Lease != 0 {
				continue
			}
			if _, err := fmt.Fprintln(buffered, encode(snapshotRow{strings.TrimPrefix(string(kv.Key), a.keys.root), kv.Value})); err != nil {
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
	_, err = fmt.Fprintln(to, encode(snapshotEnd{rows, hex.EncodeToString(sum.Sum(nil))}))
	return rows, err
}

// errSnapshot is the error of a file that is no snapshot, or not a whole one.
var errSnapshot = errors.New("the file is no whole snapshot of a cluster")

// readSnapshot calls each with the rows of a snapshot, and checks that it is whole.
func readSnapshot(from io.ReadSeeker, cluster string, each func(snapshotRow) error) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxSnapshotLine)
	sum, rows := sha256.New(), 0
	for first := true; lines.Scan(); first = false {
		line := lines.Bytes()
		var row snapshotRow
		var end snapshotEnd
		switch {
		case first:
			var h snapshotHeader
			if json.Unmarshal(line, &h) != nil || h.Cluster == "" {
				return errSnapshot
			}
			if h.Cluster != cluster {
				return fmt.Errorf("the snapshot is of the cluster %s, and cluster.name is %s", h.Cluster, cluster)
			}
		case bytes.HasPrefix(line, []byte(`{"key"`)):
			if json.Unmarshal(line, &row) != nil {
				return errSnapshot
			}
			rows++
			if err := each(row); err != nil {
				return err
			}
		case json.Unmarshal(line, &end) != nil || end.Rows != rows || end.Sum != hex.EncodeToString(sum.Sum(nil)) || lines.Scan():
			return errSnapshot
		default:
			return nil
		}
		_, _ = sum.Write(line)
		_, _ = sum.Write([]byte("\n"))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", errSnapshot, err)
	}
	return errSnapshot
}

// verify checks that a snapshot is whole, is of this cluster, and has a format that this program reads.
func verify(from io.ReadSeeker, cluster string) error {
	known := false
	err := readSnapshot(from, cluster, func(r snapshotRow) (err error) {
		if r.Key == keysOf(cluster).format()[len(keysOf(cluster).root):] {
			known = true
			_, err = readFormat(r.Value, ours)
		}
		return err
	})
	if err == nil && !known {
		return errSnapshot
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
	err := readSnapshot(from, a.settings.Name, func(r snapshotRow) error {
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
