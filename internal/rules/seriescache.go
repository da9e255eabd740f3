package rules

import (
	"hash/maphash"
	"time"

	"github.com/prometheus/prometheus/storage"
)

// seriesCache holds the series of one name that a target has. Rows come in the same order from poll to poll, so that a
// series is nearly always at its old index.
type seriesCache struct {
	series []cachedSeries
	index  map[uint64]int32 // of series by hash; nil while the order is the same

	carried bool      // the last poll did not read them
	read    time.Time // when a poll last did

	// During a pass:
	next    int            // where the next series probably is
	dropped []cachedSeries // by this pass
}

// cachedSeries is a series in the store.
type cachedSeries struct {
	hash   uint64 // of its labels
	ref    storage.SeriesRef
	last   float64 // value
	step   float64 // by which the value grew last, of a counter
	poll   uint32  // in which it was last seen; 0 if it is new
	wanted bool
}

var seed = maphash.MakeSeed()

func hashOf(row, extra []byte) uint64 {
	h := maphash.Bytes(seed, row)
	if len(extra) > 0 {
		h = h*31 + maphash.Bytes(seed, extra)
	}
	return h
}

// find returns the series of that hash, which may be new. It is valid until the next call.
func (s *seriesCache) find(hash uint64) *cachedSeries {
	if s.next < len(s.series) && s.series[s.next].hash == hash {
		s.next++
		return &s.series[s.next-1]
	}
	if s.index == nil {
		s.index = make(map[uint64]int32, len(s.series))
		for i := range s.series {
			s.index[s.series[i].hash] = int32(i)
		}
	}
	if i, ok := s.index[hash]; ok {
		s.next = int(i) + 1
		return &s.series[i]
	}
	s.index[hash] = int32(len(s.series))
	s.series = append(s.series, cachedSeries{hash: hash})
	s.next = len(s.series)
	return &s.series[s.next-1]
}

// drop removes the series that were not seen in a poll, and calls gone for each that is in the store.
func (s *seriesCache) drop(pass uint32, gone func(storage.SeriesRef)) {
	kept := s.series[:0]
	for _, one := range s.series {
		if one.poll == pass {
			kept = append(kept, one)
		} else if one.ref != 0 {
			gone(one.ref)
			s.dropped = append(s.dropped, one)
		}
	}
	s.series = kept
}

// endPoll resets the state of a poll. If nothing of the poll was stored, the dropped series are still to end.
func (s *seriesCache) endPoll(failed bool) {
	if failed {
		s.series = append(s.series, s.dropped...)
	}
	s.index, s.next, s.dropped = nil, 0, nil
}
