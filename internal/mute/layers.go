package mute

import (
	"iter"
	"maps"
)

// layers are a map that does not change. The map with some changes shares the rest with it, and takes about as long to make
// as they are many, over time: each map hides the keys that it has in those before it.
type layers[V any] []map[string]layered[V]

type layered[V any] struct {
	value V
	gone  bool
}

// get returns the value of a key, that of no key if there is none.
func (l layers[V]) get(key string) (value V) {
	for i := len(l) - 1; i >= 0; i-- {
		if one, there := l[i][key]; there {
			return one.value
		}
	}
	return value
}

// with returns the map with changes.
func (l layers[V]) with(changed map[string]layered[V]) layers[V] {
	if len(changed) == 0 {
		return l
	}
	c := append(l[:len(l):len(l)], changed)
	for n := len(c); n > 1 && 2*len(c[n-1]) > len(c[n-2]); n = len(c) {
		both := maps.Clone(c[n-2])
		maps.Copy(both, c[n-1])
		if n == 2 {
			maps.DeleteFunc(both, func(_ string, one layered[V]) bool { return one.gone })
		}
		c = append(c[:n-2:n-2], both)
	}
	return c
}

// all returns the keys and their values, in any order.
func (l layers[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for i, own := range l {
			for key, one := range own {
				if !one.gone && !l[i+1:].has(key) && !yield(key, one.value) {
					return
				}
			}
		}
	}
}

// has reports whether a map has a key, or hides it.
func (l layers[V]) has(key string) bool {
	for _, own := range l {
		if _, there := own[key]; there {
			return true
		}
	}
	return false
}
