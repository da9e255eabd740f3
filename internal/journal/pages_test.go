package journal

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// reading is a reader who is at a page of a query.
type reading struct {
	query Query
	until uint64 // the last entry when the first page was read
	found []uint64
}

// reads reads the next page, and reports whether it is the last one. Some searches run out of time.
func (r *reading) reads(t *testing.T, random *rand.Rand, j *Journal) (last bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if random.IntN(3) == 0 {
		cancel()
	}
	r.query.Limit = 1 + random.IntN(300)
	page, err := j.Page(ctx, r.query)
	if err != nil || len(page.Entries) > r.query.Limit {
		t.Fatalf("%v: %d entries", err, len(page.Entries))
	}
	r.found = append(r.found, seqs(page.Entries)...)
	if page.Next > 0 {
		r.query.turn(page.Next)
	}
	return page.Next == 0
}

// wanted are the entries that the query selects, as they were when the first page was read; with Forward as they are.
func (r *reading) wanted(all []Event) (list []uint64) {
	for i := range all {
		e := &all[i]
		if (r.query.Forward || e.Seq <= r.until) && e.matchesAll(r.query.Matchers) {
			list = append(list, e.Seq)
		}
	}
	if !r.query.Forward {
		slices.Reverse(list)
	}
	return list
}

// The pages of a query have each entry once, in order, while entries are added and written, segments are closed, the
// process is started anew and searches run out of time.
func TestPagesHaveEachEntryOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 3))
		dir, now := t.TempDir(), begin
		j := openIn(t, dir, &now)
		var all []Event
		disturb := func() {
			switch random.IntN(8) {
			case 0:
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				j = openIn(t, dir, &now)
			case 1:
				now = now.Add(time.Duration(random.IntN(36)) * time.Hour) // more than a day closes the segment
			case 2, 3:
				if err := j.Flush(); err != nil {
					t.Fatal(err)
				}
			default:
				var list []Event
				for range 1 + random.IntN(300) {
					list = append(list, randomEntry(random, uint64(len(all)+len(list)+1), now))
				}
				all = append(all, list...)
				j.Add(list, nil)
			}
		}
		for range 40 {
			disturb()
		}
		for reader := range 12 {
			if now.Sub(begin) > defaultMaxAge-15*24*time.Hour {
				break // or entries would be too old to be found
			}
			r := &reading{query: Query{Forward: reader%2 == 0}, until: j.Last()}
			if random.IntN(2) == 0 {
				r.query.Matchers = randomMatchers(t, random)
			}
			for !r.reads(t, random, j) {
				if random.IntN(2) == 0 {
					disturb()
				}
			}
			if want := r.wanted(all); !slices.Equal(r.found, want) {
				t.Fatalf("seed %d: %s, forward %v: %d entries, want %d", seed, r.query.Matchers, r.query.Forward, len(r.found), len(want))
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}
