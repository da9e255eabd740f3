package held

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trapline/internal/snmp"
)

// A list has what was set last under each index, in the order of the first arrivals, whatever it is like.
func TestLists(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var rows Keys
	var like, plain List
	for range 3000 {
		rows.Reset()
		like.Reset()
		plain.Reset()
		like.Keys.Like(&rows)
		var order []string
		values := map[string]snmp.VarBind{}
		steps := r.IntN(20)
		for step := range steps {
			index := snmp.AppendArc(nil, uint32(step))
			if r.IntN(10) == 0 {
				index = snmp.AppendArc(nil, r.Uint32N(200))
			}
			v := snmp.VarBind{Type: snmp.Type(r.IntN(9)), Value: []byte(fmt.Sprint(r.IntN(1 << r.IntN(20))))}
			row := -1
			if r.IntN(10) > 0 {
				row = rows.Number(index, rows.Len())
			}
			if r.IntN(20) == 0 {
				continue
			}
			like.SetRow(row, index, v)
			plain.Set(index, v)
			if _, known := values[string(index)]; !known {
				order = append(order, string(index))
			}
			values[string(index)] = v
		}
		for _, l := range []*List{&like, &plain} {
			if l.Keys.Len() != len(order) {
				t.Fatalf("%d keys, want %d", l.Keys.Len(), len(order))
			}
			for i, index := range order {
				want := values[index]
				v, at := l.Find([]byte(index), r.IntN(20))
				if at != i || string(l.Keys.Key(i)) != index || v.Type != want.Type || !bytes.Equal(v.Value, want.Value) {
					t.Fatalf("%x is %v at %d, want %v at %d", index, v, at, want, i)
				}
			}
			for range 5 {
				index := snmp.AppendArc(nil, r.Uint32N(200))
				if at := l.Keys.Find(index, r.IntN(20)); (at >= 0) != slices.Contains(order, string(index)) {
					t.Fatalf("%x is at %d", index, at)
				}
			}
		}
		if like.Keys.Digest() != plain.Keys.Digest() || like.Digest() != plain.Digest() {
			t.Fatal("equal lists have different digests")
		}
	}
}

// Lists that differ in a value, its type, or an index have different digests.
func TestDigests(t *testing.T) {
	seen := map[Digest]string{}
	for _, indexes := range [][]string{{"1", "23"}, {"12", "3"}, {"1", "2", "3"}} {
		for _, values := range [][]string{{"a", "bc", ""}, {"ab", "c", ""}, {"a", "b", "c"}} {
			for kind := range 2 {
				var l List
				for i, index := range indexes {
					l.Set([]byte(index), snmp.VarBind{Type: snmp.Type(kind * i), Value: []byte(values[i])})
				}
				text := fmt.Sprint(indexes, values, kind)
				if before, again := seen[l.Digest()]; again {
					t.Errorf("%s has the digest of %s", text, before)
				}
				seen[l.Digest()] = text
			}
		}
	}
}
