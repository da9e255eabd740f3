package listen

import "time"

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
