package collector

import (
	"bytes"
	"sort"

	"trapline/internal/snmp"
)

// rowIndex numbers index octets in the order of their arrival. Agents send the rows of every column in
// one order, so the caller's guess is nearly always right and nothing is searched.
type rowIndex struct {
	text     []byte
	ends     []uint32
	unsorted bool
	numbers  map[string]int32 // kept once keys came out of order
}

func (k *rowIndex) reset() {
	k.text, k.ends, k.unsorted = k.text[:0], k.ends[:0], false
	clear(k.numbers)
}

func (k *rowIndex) len() int { return len(k.ends) }

func (k *rowIndex) key(i int) []byte {
	if i == 0 {
		return k.text[:k.ends[0]]
	}
	return k.text[k.ends[i-1]:k.ends[i]]
}

// find returns the number of key, or -1.
func (k *rowIndex) find(key []byte, guess int) int {
	n := k.len()
	if guess < n && bytes.Equal(k.key(guess), key) {
		return guess
	}
	if k.unsorted {
		if i, ok := k.numbers[string(key)]; ok {
			return int(i)
		}
		return -1
	}
	if n == 0 || snmp.OID(key).Compare(k.key(n-1)) > 0 {
		return -1
	}
	i := sort.Search(n, func(i int) bool { return snmp.OID(k.key(i)).Compare(key) >= 0 })
	if bytes.Equal(k.key(i), key) {
		return i
	}
	return -1
}

// add numbers a key that find did not find.
func (k *rowIndex) add(key []byte) int {
	n := k.len()
	if !k.unsorted && n > 0 && snmp.OID(key).Compare(k.key(n-1)) < 0 {
		k.unsorted = true
		if k.numbers == nil {
			k.numbers = make(map[string]int32, n+1)
		}
		for i := range n {
			k.numbers[string(k.key(i))] = int32(i)
		}
	}
	if k.unsorted {
		k.numbers[string(key)] = int32(n)
	}
	k.text = append(k.text, key...)
	k.ends = append(k.ends, uint32(len(k.text)))
	return n
}

// number returns the number of key, which is added if it is new.
func (k *rowIndex) number(key []byte, guess int) int {
	if i := k.find(key, guess); i >= 0 {
		return i
	}
	return k.add(key)
}

// varbindList keeps the values of one object by their index, for look-ups.
type varbindList struct {
	keys   rowIndex
	types  []snmp.Type
	values []byte
	starts []uint32
	sizes  []uint32
}

func (l *varbindList) reset() {
	l.keys.reset()
	l.types, l.values, l.starts, l.sizes = l.types[:0], l.values[:0], l.starts[:0], l.sizes[:0]
}

// set keeps a copy of v under its index; a later value of the same index replaces an earlier one.
func (l *varbindList) set(index []byte, v snmp.VarBind) {
	i := l.keys.number(index, l.keys.len())
	if i == len(l.types) {
		l.types = append(l.types, 0)
		l.starts = append(l.starts, 0)
		l.sizes = append(l.sizes, 0)
	}
	l.types[i] = v.Type
	l.starts[i], l.sizes[i] = uint32(len(l.values)), uint32(len(v.Value))
	l.values = append(l.values, v.Value...)
}

// get returns the value at index number i; its Value is valid until reset. It has no name.
func (l *varbindList) get(i int) snmp.VarBind {
	start := l.starts[i]
	return snmp.VarBind{Type: l.types[i], Value: l.values[start : start+l.sizes[i]]}
}

// size is about how many octets l takes.
func (l *varbindList) size() int {
	const perValue = 1 + 3*4 // type, start, size and the end of the key
	return cap(l.keys.text) + cap(l.values) + perValue*cap(l.types)
}
