// Package held keeps values of a pass by object and index.
package held

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sort"

	"trapline/internal/snmp"
)

// Keys numbers index octets in the order of their arrival. Agents send the rows of every column in
// one order, so the caller's guess is nearly always right and nothing is searched.
type Keys struct {
	like     *Keys // these are the first ones of it; nil: they are here
	count    int   // of those
	text     []byte
	ends     []byte // of each key in text, four octets
	unsorted bool
	numbers  map[string]int32 // kept once keys came out of order
	digest   Digest           // of text and ends; 0: not known
}

// Like expects the keys to be those of other, which are added before, and saves to keep them twice as long as they are.
// The keys are none, and other may only grow until both are reset.
func (k *Keys) Like(other *Keys) { k.like, k.count = other, 0 }

// own ends Like.
func (k *Keys) own() {
	like, count := k.like, k.count
	k.like, k.count = nil, 0
	for i := range count {
		k.add(like.Key(i))
	}
}

// Reset forgets all keys.
func (k *Keys) Reset() {
	k.like, k.count = nil, 0
	k.text, k.ends, k.unsorted, k.digest = k.text[:0], k.ends[:0], false, 0
	clear(k.numbers)
}

// Len is the number of keys.
func (k *Keys) Len() int {
	if k.like != nil {
		return k.count
	}
	return len(k.ends) / endSize
}

const endSize = 4

func (k *Keys) end(i int) uint32 { return binary.LittleEndian.Uint32(k.ends[endSize*i:]) }

// Key returns key i; it is valid until Reset.
func (k *Keys) Key(i int) []byte {
	if k.like != nil {
		k = k.like
	}
	if i == 0 {
		return k.text[:k.end(0)]
	}
	return k.text[k.end(i-1):k.end(i)]
}

// Size is how many octets the keys have room for.
func (k *Keys) Size() int { return cap(k.text) }

// Copy returns the keys one after another and where each ends.
func (k *Keys) Copy() (text []byte, ends []uint32) {
	if k.like != nil {
		k.own()
	}
	ends = make([]uint32, k.Len())
	for i := range ends {
		ends[i] = k.end(i)
	}
	return bytes.Clone(k.text), ends
}

// Find returns the number of key, or -1.
func (k *Keys) Find(key []byte, guess int) int {
	n := k.Len()
	if guess < n && bytes.Equal(k.Key(guess), key) {
		return guess
	}
	if k.like != nil {
		if i := k.like.Find(key, guess); i < n {
			return i
		}
		return -1
	}
	if k.unsorted {
		if i, ok := k.numbers[string(key)]; ok {
			return int(i)
		}
		return -1
	}
	if n == 0 || snmp.OID(key).Compare(k.Key(n-1)) > 0 {
		return -1
	}
	i := sort.Search(n, func(i int) bool { return snmp.OID(k.Key(i)).Compare(key) >= 0 })
	if bytes.Equal(k.Key(i), key) {
		return i
	}
	return -1
}

// add numbers a key that Find did not find.
func (k *Keys) add(key []byte) int {
	n := k.Len()
	if !k.unsorted && n > 0 && snmp.OID(key).Compare(k.Key(n-1)) < 0 {
		k.unsorted = true
		if k.numbers == nil {
			k.numbers = make(map[string]int32, n+1)
		}
		for i := range n {
			k.numbers[string(k.Key(i))] = int32(i)
		}
	}
	if k.unsorted {
		k.numbers[string(key)] = int32(n)
	}
	k.push(key)
	return n
}

func (k *Keys) push(key []byte) {
	k.text, k.digest = append(k.text, key...), 0
	k.ends = append(k.ends, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(k.ends[len(k.ends)-endSize:], uint32(len(k.text)))
}

// Number returns the number of key, which is added if it is new.
func (k *Keys) Number(key []byte, guess int) int {
	n := k.Len()
	if k.like != nil {
		if n < k.like.Len() && bytes.Equal(k.like.Key(n), key) {
			k.count++
			return n
		}
		if i := k.Find(key, guess); i >= 0 {
			return i
		}
		k.own()
	}
	if guess >= n && !k.unsorted && (n == 0 || snmp.OID(key).Compare(k.Key(n-1)) > 0) {
		k.push(key)
		return n
	}
	if i := k.Find(key, guess); i >= 0 {
		return i
	}
	return k.add(key)
}

// Digest is a hash of keys, or of keys and their values. Others have the same one with a probability of 2^-64. It is compared
// with that of the same device only: whoever found a collision would get stale labels of his own.
type Digest uint64

var seed = maphash.MakeSeed()

// digestOf hashes a digest and two texts.
func digestOf(before Digest, a, b []byte) Digest {
	parts := [3]uint64{uint64(before), maphash.Bytes(seed, a), maphash.Bytes(seed, b)}
	return Digest(max(maphash.Comparable(seed, parts), 1))
}

// Digest returns the digest of the keys in their order.
func (k *Keys) Digest() Digest {
	switch {
	case k.like != nil && k.count == k.like.Len():
		return k.like.Digest()
	case k.like != nil:
		k.own()
	}
	if k.digest == 0 {
		k.digest = digestOf(0, k.ends, k.text)
	}
	return k.digest
}

// List keeps the values of one object by their index, for look-ups.
type List struct {
	Keys   Keys
	values []byte
	spans  []byte // of each value where it starts in values, its size and its type, in eight octets
	digest Digest // of all; 0: not known
}

const (
	spanSize = 8
	maxValue = 1<<24 - 1 // octets; none comes near
)

// Reset forgets all values.
func (l *List) Reset() {
	l.Keys.Reset()
	l.values, l.spans, l.digest = l.values[:0], l.spans[:0], 0
}

// Set keeps a copy of v under its index; a later value of the same index replaces an earlier one.
func (l *List) Set(index []byte, v snmp.VarBind) { l.SetRow(-1, index, v) }

// SetRow is Set for an index whose number among the keys that those of l are like is known; -1: it is not.
func (l *List) SetRow(row int, index []byte, v snmp.VarBind) {
	i := row
	if l.Keys.like != nil && row == l.Keys.count {
		l.Keys.count++
	} else {
		i = l.Keys.Number(index, l.Keys.Len())
	}
	value := v.Value[:min(len(v.Value), maxValue)]
	span := uint64(len(l.values))<<32 | uint64(len(value))<<8 | uint64(v.Type)
	if l.digest = 0; spanSize*i == len(l.spans) {
		l.spans = append(l.spans, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	binary.LittleEndian.PutUint64(l.spans[spanSize*i:], span)
	if len(value) == 1 {
		l.values = append(l.values, value[0]) // most numbers
		return
	}
	l.values = append(l.values, value...)
}

// Get returns the value at index number i; its Value is valid until Reset. It has no name.
func (l *List) Get(i int) snmp.VarBind {
	span := binary.LittleEndian.Uint64(l.spans[spanSize*i:])
	start, size := uint32(span>>32), uint32(span)>>8
	return snmp.VarBind{Type: snmp.Type(span), Value: l.values[start : start+size]}
}

// Find returns the value with that index.
func (l *List) Find(index []byte, guess int) (v snmp.VarBind, at int) {
	if at = l.Keys.Find(index, guess); at >= 0 {
		v = l.Get(at)
	}
	return v, at
}

// Digest returns the digest of all values with their indexes, in the order of their arrival.
func (l *List) Digest() Digest {
	if l.digest == 0 {
		l.digest = digestOf(l.Keys.Digest(), l.spans, l.values)
	}
	return l.digest
}

// Size is about how many octets l takes.
func (l *List) Size() int { return l.Keys.Size() + cap(l.Keys.ends) + cap(l.values) + cap(l.spans) }
