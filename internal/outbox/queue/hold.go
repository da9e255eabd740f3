package queue

import "trapline/internal/alarm"

// Rows of a shard wait while the shard is held, and those of all shards while the queue is silent: another member of the
// cluster may send them. The row about that is sent nevertheless.

// holds reports whether a row must not be sent now.
func (q *Queue) holds(r *Row) bool {
	return q.held[r.Shard] || q.silent && r.Alarm.Rule != alarm.WithoutQuorum
}

// SetSilent has nothing sent, or all that is due.
func (q *Queue) SetSilent(silent bool) {
	if q.silent != silent {
		q.silent = silent
		q.leadAll(func(*Row) bool { return true })
	}
}

// Hold has nothing sent of a shard, until Forget.
func (q *Queue) Hold(shard string) {
	if q.held == nil {
		q.held = map[string]bool{}
	}
	q.held[shard] = true
	q.leadAll(func(r *Row) bool { return r.Shard == shard })
}

func (q *Queue) leadAll(which func(*Row) bool) {
	for _, rows := range q.rows {
		if first := rows[0]; which(first) && !first.inFlight {
			q.lead(first)
		}
	}
	q.signal()
}

// InFlightOf returns the number of deliveries in flight of a shard.
func (q *Queue) InFlightOf(shard string) (n int) {
	for _, rows := range q.rows {
		if rows[0].inFlight && rows[0].Shard == shard {
			n++
		}
	}
	return n
}

// Forget removes the rows of a shard.
func (q *Queue) Forget(shard string) {
	for _, r := range q.Rows() {
		if r.Shard == shard {
			q.Remove(r)
		}
	}
	delete(q.held, shard)
}
