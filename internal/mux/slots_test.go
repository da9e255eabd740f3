package mux

import (
	"math/rand/v2"
	"testing"
)

func TestIDsFindTheirQueriesOnce(t *testing.T) {
	s := newSlotTable()
	seen := map[uint32]bool{}
	var held []uint32
	queries := map[uint32]*Query{}
	for range 100_000 {
		q := &Query{}
		id := s.take(q)
		if id > IDMask || s.find(id) != q {
			t.Fatalf("id %d does not find its query", id)
		}
		if queries[id] != nil {
			t.Fatalf("id %d is in use", id)
		}
		queries[id], seen[id] = q, true
		held = append(held, id)
		for len(held) > 100 || (len(held) > 0 && rand.IntN(2) == 0) {
			i := rand.IntN(len(held))
			s.free(held[i])
			if s.find(held[i]) != nil {
				t.Fatal("an id finds something after it was freed")
			}
			delete(queries, held[i])
			held = append(held[:i], held[i+1:]...)
		}
	}
	if len(s.slots) > 200 {
		t.Errorf("%d slots for 100 queries at once", len(s.slots))
	}
}

func TestHideIsABijection(t *testing.T) {
	s := newSlotTable()
	for range 100_000 {
		if v := rand.Uint32() & IDMask; s.reveal(s.hide(v)) != v {
			t.Fatalf("%d becomes %d", v, s.reveal(s.hide(v)))
		}
	}
}
