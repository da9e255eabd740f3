package union

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"trapline/internal/api"
)

// maxCounts is how many counts of notifications a member lists for another one: the greatest of all are among the greatest of each.
const maxCounts = 100_000

// Received returns the notifications that all members have received, at most so many of each list. own returns those of this
// member.
func (p *Process) Received(own func(limit int) api.Received, limit int) api.Received {
	all := own(maxCounts)
	parts := gather[api.Received](p.fleet.union, list(fmt.Sprintf("/api/v1/traps?limit=%d", maxCounts)))
	for i := range parts {
		if parts[i].err == nil {
			addReceived(&all, &parts[i].data)
		}
	}
	slices.Sort(all.Listens)
	all.Listens = slices.Compact(all.Listens)
	slices.SortFunc(all.Counts, func(a, b api.TrapCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Trap, b.Trap))
	})
	slices.SortFunc(all.Refused, func(a, b api.RefusedCount) int { return cmp.Compare(a.Reason, b.Reason) })
	slices.SortFunc(all.Refusers, func(a, b api.Refuser) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Reason, b.Reason))
	})
	slices.SortStableFunc(all.Unknown, func(a, b api.UnknownTrap) int { return b.At.Compare(a.At) })
	all.Counts, all.Unknown = all.Counts[:min(len(all.Counts), limit)], all.Unknown[:min(len(all.Unknown), limit)]
	return all
}

// addReceived adds what another member has received.
func addReceived(to, part *api.Received) {
	to.Listens = append(to.Listens, part.Listens...)
	unlisted := to.Total - len(to.Counts) + part.Total - len(part.Counts)
	to.Counts = sum(to.Counts, part.Counts, func(c api.TrapCount) [2]string { return [2]string{c.Target, c.Trap} }, func(to, part *api.TrapCount) { to.Count += part.Count })
	to.Total = len(to.Counts) + unlisted
	to.Refused = sum(to.Refused, part.Refused, func(r api.RefusedCount) string { return r.Reason }, func(to, part *api.RefusedCount) { to.Count += part.Count })
	to.Refusers = sum(to.Refusers, part.Refusers, func(r api.Refuser) [2]string { return [2]string{r.Sender, r.Reason} }, func(to, part *api.Refuser) {
		to.Count += part.Count
		if part.Last.After(to.Last) {
			to.Last = part.Last
		}
	})
	to.Unknown = append(to.Unknown, part.Unknown...)
}

// sum adds the elements of one list to those of another one with the same keys.
func sum[T any, K comparable](to, part []T, key func(T) K, add func(to, part *T)) []T {
	at := make(map[K]int, len(to))
	for i := range to {
		at[key(to[i])] = i
	}
	for i := range part {
		k := key(part[i])
		if j, known := at[k]; known {
			add(&to[j], &part[i])
			continue
		}
		at[k] = len(to)
		to = append(to, part[i])
	}
	return to
}

// Everywhere has all other members act by a path of the API. It is an error if one does not, unless it knows nothing of the subject:
// members may have different files.
func (p *Process) Everywhere(path string) error {
	var errs []error
	for _, part := range actAll(p.fleet.union, posts(path, struct{}{})) {
		if part.err != nil && (isSilence(part.err) || !errors.Is(part.err, api.ErrNotFound)) {
			errs = append(errs, part.err)
		}
	}
	return errors.Join(errs...)
}
