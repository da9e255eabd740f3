package journal

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
)

// Entries are added, written and read at the same moment: each search has the entries of a moment, one after the other.
func TestSearchesWhileEntriesAreWritten(t *testing.T) {
	now, random := begin, rand.New(rand.NewPCG(5, 6))
	j := openIn(t, t.TempDir(), &now)
	const entries = 400
	var wait sync.WaitGroup
	wait.Go(func() {
		for n := range uint64(entries) {
			j.Add([]Event{randomEntry(random, n+1, now)}, nil)
			if err := j.Flush(); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		wait.Go(func() {
			for last := 0; last < entries; {
				page, err := j.Page(context.Background(), Query{Forward: true, Limit: entries})
				if err != nil {
					t.Error(err)
					return
				}
				last = int(page.Last)
				if found := len(page.Entries); found != last {
					t.Errorf("%d entries of %d", found, last)
				}
			}
		})
	}
	wait.Wait()
}
