package anonymize

import (
	"cmp"
	"encoding/hex"
	"index/suffixarray"
	"maps"
	"slices"
	"sort"
	"strings"

	"trapline/internal/agent"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// Leak is an identity of an original recording that an anonymous one has.
type Leak struct {
	Object snmp.OID // of the anonymous recording
	Token  string   // text, or an address in its usual form
}

const (
	// maxLeaks bounds the leaks that are returned.
	maxLeaks = 1000
	// batch is how many octets of values are searched at once: their index takes some times as many.
	batch = 8 << 20
	// separator stands between values. No text has it, see printable.
	separator = 1
)

// Leaks returns what the anonymous recording still has of the original, at most maxLeaks: its identities as text, and its
// MAC addresses as octets, within any value. Each identity that is left is among them, unless there are too many.
func Leaks(original, anonymous *agent.Recording, tree *mibs.Tree) []Leak {
	a := New(nil, tree)
	a.texts = newTexts(a)
	for i := range original.Len() {
		a.collect(original.Object(i, 0))
	}
	a.texts.forgetKept()
	for octets := range a.macs {
		if moves([]byte(octets)) {
			a.texts.tokens[hex.EncodeToString([]byte(octets))] = true
		}
	}
	s := search{of: a, tokens: slices.Sorted(maps.Keys(a.texts.tokens))}
	for i := range anonymous.Len() {
		v := anonymous.Object(i, 0)
		if v.Type == snmp.OctetString {
			s.add(v.Name, v.Value)
		}
		if index := textsOf(v.Name); len(index) >= minToken {
			s.add(v.Name, index)
		}
		if len(s.leaks) >= maxLeaks {
			break
		}
	}
	s.flush()
	slices.SortFunc(s.leaks, func(x, y Leak) int {
		return cmp.Or(x.Object.Compare(y.Object), strings.Compare(x.Token, y.Token))
	})
	return s.leaks[:min(len(s.leaks), maxLeaks)]
}

// search looks for identities in values, many of each at once: the product of their numbers may be large.
type search struct {
	of     *Anonymizer
	tokens []string // sorted
	leaks  []Leak

	text  []byte // values that are to be searched
	ends  []int
	names []snmp.OID
}

// add adds a value. MAC addresses are sought at once.
func (s *search) add(name snmp.OID, value []byte) {
	for i := 0; i+macSize <= len(value) && len(s.leaks) < maxLeaks; i++ {
		mac := value[i : i+macSize]
		if s.of.macs[string(mac)] && moves(mac) {
			s.leaks = append(s.leaks, Leak{slices.Clone(name), hex.EncodeToString(mac)})
		}
	}
	if len(value) < minToken {
		return
	}
	if len(s.text)+len(value) > batch {
		s.flush()
	}
	s.text = append(append(s.text, lower(string(value))...), separator)
	s.ends, s.names = append(s.ends, len(s.text)), append(s.names, slices.Clone(name))
}

// textsOf returns the printable characters of an instance's name, with separators for other numbers.
func textsOf(name snmp.OID) []byte {
	var text []byte
	for _, arc := range snmp.Arcs(name[min(1, len(name)):]) {
		switch printable := arc >= ' ' && arc < 0x7f; {
		case printable:
			text = append(text, byte(arc))
		case len(text) > 0 && text[len(text)-1] != separator:
			text = append(text, separator)
		}
	}
	return text
}

// flush searches the values that were added.
func (s *search) flush() {
	if len(s.text) == 0 || len(s.leaks) >= maxLeaks {
		return
	}
	index := suffixarray.New(s.text)
	for _, token := range s.tokens {
		seen := map[int]bool{}
		for _, at := range index.Lookup([]byte(token), maxLeaks) {
			if n := sort.SearchInts(s.ends, at+1); !seen[n] {
				seen[n] = true
				s.leaks = append(s.leaks, Leak{s.names[n], token})
			}
		}
		if len(s.leaks) >= maxLeaks {
			break
		}
	}
	s.text, s.ends, s.names = s.text[:0], s.ends[:0], s.names[:0]
}
