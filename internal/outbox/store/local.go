package store

import (
	"maps"
	"slices"

	"trapline/internal/ledger"
	"trapline/internal/outbox/shards"
)

// Forget removes the numbers of events and dead letters of shards that are gone.
func Forget(references References, buried Buried, s *shards.Set, gone map[string]bool) {
	of := func(number uint64) bool { return gone[s.OfNumber(number)] }
	maps.DeleteFunc(references, func(number uint64, _ int) bool { return of(number) })
	for receiver, numbers := range buried {
		if slices.ContainsFunc(numbers, of) {
			buried[receiver] = slices.DeleteFunc(slices.Clone(numbers), of)
		}
	}
}

// Split returns the writes that stay with the process, and where they are among all, and the others.
func Split(writes []ledger.Write) (own []ledger.Write, at []int, others []ledger.Write) {
	for i, w := range writes {
		if w.Shard == shards.Local {
			own, at = append(own, w), append(at, i)
		} else {
			others = append(others, w)
		}
	}
	return own, at, others
}
