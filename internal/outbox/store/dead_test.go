package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trapline/internal/ledger/ledgertest"
)

// A receiver has at most its last maxDeadLetters dead letters, whatever is given up or deleted in which order, and their
// numbers in memory are those of the records.
func TestTheLastDeadLettersAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	memory, buried, highest := &ledgertest.Memory{}, Buried{}, 0
	reader := &Reader{Store: memory}
	for round := range 60 {
		c := &Change{Buried: buried, References: References{}, Events: &NewEvents{}}
		for range random.IntN(200) {
			number := uint64(random.IntN(2000))
			c.Dead = append(c.Dead, Dead{Receiver: fmt.Sprint("nms-", random.IntN(2)), Number: number, Letter: &DeadLetter{Why: fmt.Sprint(number)}})
		}
		for receiver, list := range buried {
			if random.IntN(8) == 0 {
				n := random.IntN(len(list) + 1)
				c.Unburied = append(c.Unburied, Numbers{receiver, append(slices.Clone(list[:n]), 5000)})
			}
		}
		before := Buried{}
		for receiver, list := range buried {
			before[receiver] = slices.Clone(list)
		}
		writes, err := c.Writes()
		if err == nil {
			err = memory.Commit(t.Context(), writes)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Settle()
		for _, receiver := range []string{"nms-0", "nms-1"} {
			letters, err := reader.DeadLetters(receiver, nil)
			var numbers []uint64
			for i := range letters {
				numbers = append(numbers, letters[i].Number())
				if letters[i].Why != fmt.Sprint(letters[i].Number()) {
					t.Fatalf("the letter %d is that of %s", letters[i].Number(), letters[i].Why)
				}
			}
			if err != nil || !slices.Equal(numbers, buried[receiver]) || len(numbers) > maxDeadLetters {
				t.Fatalf("round %d: %s has %d letters, known are %d, %v", round, receiver, len(numbers), len(buried[receiver]), err)
			}
			highest = max(highest, len(numbers))
			want := wantedDead(before[receiver], receiver, c)
			if !slices.Equal(numbers, want) {
				t.Fatalf("round %d: %s has the letters %v, want %v", round, receiver, numbers, want)
			}
		}
	}
	if highest != maxDeadLetters {
		t.Errorf("a receiver had at most %d letters", highest)
	}
}

// wantedDead applies a change to the numbers of a receiver the slow way.
func wantedDead(list []uint64, receiver string, c *Change) []uint64 {
	for _, d := range c.Unburied {
		if d.Receiver == receiver {
			list = slices.DeleteFunc(list, func(n uint64) bool { return slices.Contains(d.Numbers, n) })
		}
	}
	for _, d := range c.Dead {
		if d.Receiver != receiver {
			continue
		}
		if !slices.Contains(list, d.Number) {
			list = append(list, d.Number)
		}
		if slices.Sort(list); len(list) > maxDeadLetters {
			list = list[1:]
		}
	}
	return list
}
