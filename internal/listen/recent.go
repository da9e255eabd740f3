package listen

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"trapline/internal/relay"
)

// recent has when notifications were received that were noted in the last two generations, by key. It is bounded: with more of them it has
// them for a shorter time.
type recent struct {
	kept       time.Duration // of each generation
	most       int           // of each generation
	young, old generation
	begun      time.Duration // when young began
}

// generation has keys by shard also: a member asks for each shard that it takes, of many at the same time.
type generation struct {
	receptions map[uint64]reception
	keys       map[string]map[uint64]bool // in a cluster
}

func newGeneration() generation {
	return generation{map[uint64]reception{}, map[string]map[uint64]bool{}}
}

func (g *generation) put(key uint64, r reception) {
	g.remove(key)
	if g.receptions[key] = r; r.shard == "" {
		return
	}
	keys := g.keys[r.shard]
	if keys == nil {
		keys = map[uint64]bool{}
		g.keys[r.shard] = keys
	}
	keys[key] = true
}

func (g *generation) remove(key uint64) {
	if r, known := g.receptions[key]; known {
		delete(g.receptions, key)
		delete(g.keys[r.shard], key)
	}
}

func newRecent(kept time.Duration, most int) *recent {
	return &recent{kept: kept, most: most, young: newGeneration()}
}

// turn begins another generation if it is time.
func (r *recent) turn(now time.Duration) {
	if now-r.begun >= r.kept || len(r.young.receptions) >= r.most {
		r.old, r.young, r.begun = r.young, newGeneration(), now
	}
}

func (r *recent) get(key uint64) (one reception, known bool) {
	if one, known = r.young.receptions[key]; !known {
		one, known = r.old.receptions[key]
	}
	return one, known
}

func (r *recent) put(key uint64, one reception, now time.Duration) {
	r.turn(now)
	r.young.put(key, one)
}

func (r *recent) remove(key uint64) {
	r.young.remove(key)
	r.old.remove(key)
}

// each calls a function for each notification of a shard that is known.
func (r *recent) each(shard string, f func(uint64, reception)) {
	for key := range r.old.keys[shard] {
		if _, again := r.young.receptions[key]; !again {
			f(key, r.old.receptions[key])
		}
	}
	for key := range r.young.keys[shard] {
		f(key, r.young.receptions[key])
	}
}

// receptions have when notifications were received, in a cluster by whichever member.
type receptions struct {
	mu    sync.Mutex
	times *recent
}

// reception is when a notification was received, and the shard of its device.
type reception struct {
	at    time.Duration
	shard string
}

// of returns the notifications of a shard, the last ones first, as many as members send each other.
func (r *receptions) of(shard string, now time.Duration) (list []relay.Taken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times.each(shard, func(key uint64, one reception) {
		if age := now - one.at; age <= r.times.kept {
			list = append(list, relay.Taken{Key: key, Age: max(age, 0)})
		}
	})
	slices.SortFunc(list, func(a, b relay.Taken) int { return cmp.Compare(a.Age, b.Age) })
	return list[:min(len(list), relay.MaxTaken)]
}

// remember adds those that another member has sent, as of a time, in their order.
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
