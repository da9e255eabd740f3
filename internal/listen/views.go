package listen

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"trapline/internal/api"
	"trapline/internal/poller"
	"trapline/internal/series"
)

const (
	// maxLatest bounds the senders whose refusals are listed.
	maxLatest = 100
	// replaceInterval is the time between two senders that take the place of others: whoever floods has many addresses.
	replaceInterval = 100 * time.Millisecond
)

// latest are the senders that were refused last, with each reason.
type latest struct {
	of       map[refuser]*lastRefusal
	replaced time.Duration
}

type lastRefusal struct {
	count int
	last  time.Duration
}

// add notes a refusal. The sender that has been quiet for longest makes room for another one.
func (l *latest) add(key refuser, now time.Duration) {
	one := l.of[key]
	if one == nil {
		if len(l.of) >= maxLatest {
			if now-l.replaced < replaceInterval {
				return
			}
			l.replaced = now
			delete(l.of, slices.MinFunc(slices.Collect(maps.Keys(l.of)), func(a, b refuser) int { return cmp.Compare(l.of[a].last, l.of[b].last) }))
		}
		one = &lastRefusal{}
		l.of[key] = one
	}
	one.count++
	one.last = now
}

// Received returns the counts of notifications that were taken and refused, and the last ones of devices that are no target,
// at most limit of each.
func (l *Listener) Received(limit int) (list api.Received) {
	l.mu.Lock()
	list.Listens = slices.Sorted(maps.Keys(l.sockets))
	l.mu.Unlock()
	list.Counts, list.Total = l.counts.greatest(limit)
	list.Refused, list.Refusers = l.refusals.view(l.began)
	if s := l.current.Load(); s != nil {
		list.Unknown = l.unknown.view(s.in.Tree, s.owners.Has, limit)
	}
	return list
}

// greatest returns the greatest counts, and how many there are.
func (c *counts) greatest(limit int) (list []api.TrapCount, total int) {
	cut := func() {
		slices.SortFunc(list, func(a, b api.TrapCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Trap, b.Trap))
		})
		list = list[:min(limit, len(list))]
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for target, names := range c.of {
		for name, n := range names {
			total++
			if list = append(list, api.TrapCount{Target: target, Trap: name, Count: n.Load()}); len(list) > 10*limit+1000 {
				cut()
			}
		}
	}
	cut()
	return list, total
}

// view returns the counts by reason, and the senders that were refused last.
func (r *refusals) view(began time.Time) (counts []api.RefusedCount, last []api.Refuser) {
	for _, reason := range slices.Sorted(slices.Values(refusalReasons)) {
		if n := r.totals[reason].Load(); n > 0 {
			counts = append(counts, api.RefusedCount{Reason: reason, Hint: remedies[reason], Count: n})
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(r.latest.of), func(a, b refuser) int {
		return cmp.Or(cmp.Compare(r.latest.of[b].last, r.latest.of[a].last), a.sender.Compare(b.sender), cmp.Compare(a.reason, b.reason))
	})
	for _, key := range keys {
		one := r.latest.of[key]
		last = append(last, api.Refuser{Sender: key.sender.String(), Reason: key.reason, Count: one.count, Last: began.Add(one.last)})
	}
	return counts, last
}

// Counted returns a poll with the counts of the target's notifications among its health, if rules look at them. It reports
// whether some are the counts before: the same a moment later has the present ones.
func (l *Listener) Counted(r poller.Report) (counted poller.Report, held bool) {
	s := l.current.Load()
	if s == nil || !s.judged {
		return r, false
	}
	column, held := l.counts.column(r.Target.Name, l.elapsed())
	if column != nil {
		r.Health = &series.Set{Columns: append(slices.Clone(r.Health.Columns), *column)}
	}
	return r, held
}
