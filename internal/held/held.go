// Package held keeps values of a pass by object and index.
package held

import (
	"bytes"
	"slices"
	"sort"

	"trapline/internal/snmp"
)

// Keys numbers index octets in the order of their arrival. Agents send the rows of every column in
// one order, so the caller's guess is nearly always right and nothing is searched.
type Keys struct {
	text     []byte
	ends     []uint32
	unsorted bool
	numbers  map[string]int32 // kept once keys came out of order
}

// Reset forgets all keys.
func (k *Keys) Reset() {
	k.text, k.ends, k.unsorted = k.text[:0], k.ends[:0], false
	clear(k.numbers)
}

// Len is the number of keys.
func (k *Keys) Len() int { return len(k.ends) }

// Key returns key i; it is valid until Reset.
func (k *Keys) Key(i int) []byte {
	if i == 0 {
		return k.text[:k.ends[0]]
	}
	return k.text[k.ends[i-1]:k.ends[i]]
}

// Size is how many octets the keys have room for.
func (k *Keys) Size() int { return cap(k.text) }

// Copy returns the keys one after another and where each ends.
func (k *Keys) Copy() (text []byte, ends []uint32) { return bytes.Clone(k.text), slices.Clone(k.ends) }

// Find returns the number of key, or -1.
func (k *Keys) Find(key []byte, guess int) int {
	n := k.Len()
	if guess < n && bytes.Equal(k.Key(guess), key) {
		return guess
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

// Add numbers a key that Find did not find.
func (k *Keys) Add(key []byte) int {
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
	k.text = append(k.text, key...)
	k.ends = append(k.ends, uint32(len(k.text)))
	return n
}

// Number returns the number of key, which is added if it is new.
func (k *Keys) Number(key []byte, guess int) int {
	if i := k.Find(key, guess); i >= 0 {
		return i
	}
	return k.Add(key)
}

// List keeps the values of one object by their index, for look-ups.
type List struct {
	Keys   Keys
	types  []snmp.Type
	values []byte
	starts []uint32
	sizes  []uint32
}

// Reset forgets all values.
func (l *List) Reset() {
	l.Keys.Reset()
	l.types, l.values, l.starts, l.sizes = l.types[:0], l.values[:0], l.starts[:0], l.sizes[:0]
}

// Set keeps a copy of v under its index; a later value of the same index replaces an earlier one.
func (l *List) Set(index []byte, v snmp.VarBind) {
	i := l.Keys.Number(index, l.Keys.Len())
	if i == len(l.types) {
		l.types = append(l.types, 0)
		l.starts = append(l.starts, 0)
		l.sizes = append(l.sizes, 0)
	}
	l.types[i] = v.Type
	l.starts[i], l.sizes[i] = uint32(len(l.values)), uint32(len(v.Value))
	l.values = append(l.values, v.Value...)
}

// Get returns the value at index number i; its Value is valid until Reset. It has no name.
func (l *List) Get(i int) snmp.VarBind {
	start := l.starts[i]
	return snmp.VarBind{Type: l.types[i], Value: l.values[start : start+l.sizes[i]]}
}

// Find returns the value with that index.
func (l *List) Find(index []byte, guess int) (v snmp.VarBind, at int) {
	if at = l.Keys.Find(index, guess); at >= 0 {
		v = l.Get(at)
	}
	return v, at
}

// Size is about how many octets l takes.
func (l *List) Size() int {
	const perValue = 1 + 3*4 // type, start, size and the end of the key
	return l.Keys.Size() + cap(l.values) + perValue*cap(l.types)
}
