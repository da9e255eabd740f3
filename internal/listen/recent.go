package listen

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"trapline/internal/relay"
)

// recent has values by key that were noted in the last two generations. It is bounded: with more of them it has them for a shorter time.
type recent[K comparable, V any] struct {
	kept       time.Duration // of each generation
	most       int           // of each generation
	young, old map[K]V
	begun      time.Duration // when young began
}

func newRecent[K comparable, V any](kept time.Duration, most int) *recent[K, V] {
	return &recent[K, V]{kept: kept, most: most, young: map[K]V{}}
}

// turn begins another generation if it is time.
func (r *recent[K, V]) turn(now time.Duration) {
	if now-r.begun >= r.kept || len(r.young) >= r.most {
		r.old, r.young, r.begun = r.young, map[K]V{}, now
	}
}

func (r *recent[K, V]) get(key K) (value V, known bool) {
	if value, known = r.young[key]; !known {
		value, known = r.old[key]
	}
	return value, known
}

func (r *recent[K, V]) put(key K, value V, now time.Duration) {
	r.turn(now)
	r.young[key] = value
}

func (r *recent[K, V]) remove(key K) {
	delete(r.young, key)
	delete(r.old, key)
}

// each calls a function for each that is known.
func (r *recent[K, V]) each(f func(K, V)) {
	for key, value := range r.old {
		if _, again := r.young[key]; !again {
			f(key, value)
		}
	}
	for key, value := range r.young {
		f(key, value)
	}
}

// receptions have when notifications were received, in a cluster by whichever member.
type receptions struct {
	mu    sync.Mutex
	times *recent[uint64, reception]
}

// reception is when a notification was received, and the shard of its device.
type reception struct {
	at    time.Duration
	shard string
}

// of returns the notifications of a shard, the last ones first, as many as members tell each other.
func (r *receptions) of(shard string, now time.Duration) (list []relay.Taken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times.each(func(key uint64, one reception) {
		if age := now - one.at; one.shard == shard && age <= r.times.kept {
			list = append(list, relay.Taken{Key: key, Age: max(age, 0)})
		}
	})
	slices.SortFunc(list, func(a, b relay.Taken) int { return cmp.Compare(a.Age, b.Age) })
	return list[:min(len(list), relay.MaxTaken)]
}

// remember adds those that another member has told at a time, in their order.
func (r *receptions) remember(shard string, list []relay.Taken, written, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range slices.Backward(list) {
		at := written - max(one.Age, 0)
		if known, ok := r.times.get(one.Key); !ok || known.at < at {
			r.times.put(one.Key, reception{at, shard}, now)
		}
	}
}
