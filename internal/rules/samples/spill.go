package samples

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// spillTime is the age at which full chunks leave the memory. Rules look that far back at every evaluation, and rarely
// farther.
const spillTime = epochTime * 2

// spillBefore moves the chunks that end before a time from memory into files. The caller holds tending.
func (s *Store) spillBefore(t int64) error {
	s.mu.RLock()
	list := slices.Collect(maps.Values(s.byRef))
	s.mu.RUnlock()
	for _, one := range list {
		if err := one.spill(s.files, t); err != nil {
			return fmt.Errorf("old samples stay in memory: %w", err)
		}
	}
	return nil
}

func (one *series) spill(files *chunkFiles, t int64) error {
	for {
		next, last := one.oldest(t)
		if next.data == nil {
			return nil
		}
		extended, err := files.extend(last, labels.StableHash(one.labels), next) // to which others append at most
		if err != nil {
			return err
		}
		one.mu.Lock()
		kept := one.cold
		if extended.chunks > 1 {
			kept = kept[:len(kept)-1]
		}
		one.cold = slices.Concat(kept, []group{extended}) // queries may have the old list
		one.full = slices.Clone(one.full[1:])
		one.mu.Unlock()
	}
}

// oldest returns the oldest chunk in memory, if it is full and ends before a time, and the group that precedes it.
func (one *series) oldest(t int64) (next span, last group) {
	one.mu.Lock()
	defer one.mu.Unlock()
	if len(one.full) == 0 || one.full[0].last >= t {
		return span{}, group{}
	}
	if n := len(one.cold); n > 0 {
		last = one.cold[n-1]
	}
	return one.full[0], last
}
