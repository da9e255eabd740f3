// Package known remembers rows of a device, such as the ports that have been up, in four octets each.
package known

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// maxRows is how many rows are remembered. When there are more, those of the last poll are.
const maxRows = 1 << 14

// Rows are the rows that were seen.
type Rows struct{ keys map[uint32]struct{} }

// targetLabel is the label of the target's name, which may change.
const targetLabel = "target"

// Key identifies a row of a target by the labels of those names, or by all where names is nil. It does not depend on the
// version of the program.
func Key(row labels.Labels, names []string) uint32 {
	h := fnv.New64a()
	row.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel && l.Name != targetLabel && (names == nil || slices.Contains(names, l.Name)) {
			h.Write([]byte(l.Name + "\x00" + l.Value + "\x00"))
		}
	})
	sum := h.Sum64()
	return uint32(sum ^ sum>>32)
}

// Learn remembers rows, and reports whether some were new.
func (r *Rows) Learn(keys []uint32) (grown bool) {
	before := len(r.keys)
	for _, key := range keys {
		if r.keys == nil {
			r.keys = map[uint32]struct{}{}
		}
		r.keys[key] = struct{}{}
	}
	grown = len(r.keys) > before
	if len(r.keys) > maxRows {
		clear(r.keys)
		for _, key := range keys[:min(len(keys), maxRows)] {
			r.keys[key] = struct{}{}
		}
	}
	return grown
}

// Has reports whether the row was seen.
func (r *Rows) Has(key uint32) bool {
	if r == nil {
		return false
	}
	_, seen := r.keys[key]
	return seen
}

// Octets returns the rows as they are stored.
func (r *Rows) Octets() []byte {
	list := make([]uint32, 0, len(r.keys))
	for key := range r.keys {
		list = append(list, key)
	}
	slices.Sort(list)
	text := make([]byte, 0, 4*len(list))
	for _, key := range list {
		text = binary.BigEndian.AppendUint32(text, key)
	}
	return text
}

// Read returns rows that were stored.
func Read(octets []byte) (*Rows, error) {
	if len(octets)%4 != 0 || len(octets) > 4*maxRows {
		return nil, errors.New("these are no rows of a device")
	}
	r := &Rows{keys: make(map[uint32]struct{}, len(octets)/4)}
	for part := range slices.Chunk(octets, 4) {
		r.keys[binary.BigEndian.Uint32(part)] = struct{}{}
	}
	return r, nil
}

// Union returns the rows of either list of stored ones. Of lists that cannot be read, and if there are too many, it has the first.
func Union(first, second []byte) []byte {
	a, err := Read(first)
	if err != nil {
		return second
	}
	b, err := Read(second)
	if err != nil || len(a.keys)+len(b.keys) > maxRows {
		return first
	}
	maps.Copy(a.keys, b.keys)
	return a.Octets()
}
