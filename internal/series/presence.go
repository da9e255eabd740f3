package series

import "time"

// Presence is when metrics had values last. It is not changed once made; nil is that before the first poll.
type Presence struct {
	First time.Time            // when the first poll ended that was answered
	Gone  map[string]time.Time // metrics that had values, and have none: when the last poll ended that had some
}

// After returns the presence after a poll that was answered, with the columns of the one before and when that ended.
func (p *Presence) After(before []*Set, then time.Time, now []*Set, at time.Time) *Presence {
	if p == nil {
		return &Presence{First: at}
	}
	if sameColumns(before, now) {
		return p
	}
	next := &Presence{First: p.First, Gone: map[string]time.Time{}}
	for name, last := range p.Gone {
		next.Gone[name] = last
	}
	for c := range filled(before) {
		next.Gone[c.Desc.Name] = then
	}
	for c := range filled(now) {
		delete(next.Gone, c.Desc.Name)
	}
	return next
}

// filled yields the columns that have values.
func filled(sets []*Set) func(yield func(*Column) bool) {
	return func(yield func(*Column) bool) {
		for _, set := range sets {
			for i := range set.Columns {
				if c := &set.Columns[i]; c.Len() > 0 && !yield(c) {
					return
				}
			}
		}
	}
}

// sameColumns reports whether the same columns have values, in the same order.
func sameColumns(a, b []*Set) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i].Columns) != len(b[i].Columns) {
			return false
		}
		for j := range a[i].Columns {
			x, y := &a[i].Columns[j], &b[i].Columns[j]
			if x.Desc != y.Desc || (x.Len() > 0) != (y.Len() > 0) {
				return false
			}
		}
	}
	return true
}
