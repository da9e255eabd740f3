// Package snapshot reads copies of whatever of a cluster outlives its members.
package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Header is the first line of a snapshot. All lines are JSON.
type Header struct {
	Cluster  string    `json:"trapline_cluster"`
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
}

// Row is the line of a key that outlives members.
type Row struct {
	Key   string `json:"key"` // below that of the cluster
	Value []byte `json:"value"`
}

// End is the last line.
type End struct {
	Rows int    `json:"rows"`
	Sum  string `json:"sha256"` // of all before
}

// maxLine bounds a line in octets: a value has at most 1.5 MB in the engine.
const maxLine = 4 << 20

// ErrNotWhole is the error of a file that is no snapshot, or not a whole one.
var ErrNotWhole = errors.New("the file is no whole snapshot of a cluster")

// Read calls each with the rows of a snapshot, and checks that it is whole.
func Read(from io.ReadSeeker, cluster string, each func(Row) error) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	sum, rows := sha256.New(), 0
	for first := true; lines.Scan(); first = false {
		line := lines.Bytes()
		var row Row
		var end End
		switch {
		case first:
			var h Header
			if json.Unmarshal(line, &h) != nil || h.Cluster == "" {
				return ErrNotWhole
			}
			if h.Cluster != cluster {
				return fmt.Errorf("the snapshot is of the cluster %s, and cluster.name is %s", h.Cluster, cluster)
			}
		case bytes.HasPrefix(line, []byte(`{"key"`)):
			if json.Unmarshal(line, &row) != nil {
				return ErrNotWhole
			}
			rows++
			if err := each(row); err != nil {
				return err
			}
		case json.Unmarshal(line, &end) != nil || end.Rows != rows || end.Sum != hex.EncodeToString(sum.Sum(nil)) || lines.Scan():
			return ErrNotWhole
		default:
			return nil
		}
		_, _ = sum.Write(line)
		_, _ = sum.Write([]byte("\n"))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWhole, err)
	}
	return ErrNotWhole
}
