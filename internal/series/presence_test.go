package series

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever polls have, in which sets and order: a metric is gone since the last poll that had values of it.
func TestPresence(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 17))
	var descs []*Desc
	for i := range 6 {
		descs = append(descs, &Desc{Name: fmt.Sprint("m", i/2)}) // two columns of a name
	}
	for range 200 {
		var p *Presence
		var before []*Set
		seen, first := map[string]time.Time{}, time.Unix(1, 0)
		for poll := range 20 {
			at := time.Unix(int64(poll+1), 0)
			sets := []*Set{{}, {}}
			there := map[string]bool{}
			for i, d := range descs {
				if random.IntN(4) == 0 {
					continue // without a column
				}
				c := Column{Desc: d, Values: make([]float64, random.IntN(2))}
				there[d.Name] = there[d.Name] || len(c.Values) > 0
				sets[i%2].Columns = append(sets[i%2].Columns, c)
			}
			p = p.After(before, at.Add(-time.Second), sets, at)
			before = sets
			want := map[string]time.Time{}
			for name := range there {
				if there[name] {
					seen[name] = at
				}
			}
			for name, last := range seen {
				if !there[name] {
					want[name] = last
				}
			}
			if !p.First.Equal(first) || !maps.Equal(p.Gone, want) {
				t.Fatalf("%v since %v, want %v", p.Gone, p.First, want)
			}
		}
	}
}
