package queue

import (
	"slices"

	"trapline/internal/alarm"
)

// Draft is a planned change of queues. Its methods return rows and counts as they are after it. Queues change with Apply.
type Draft struct {
	Added, Removed []Entry // set by Diff

	lines   map[line][]*Row // those that change
	awaited map[uint64]int  // the change of Queue.awaited
	counts  map[*Queue]*Count
}

// Entry is a row and its queue.
type Entry struct {
	Queue *Queue
	Row   *Row
}

// Count is the change of the rows and octets of a queue, and the number of rows removed by cause.
type Count struct{ Rows, Bytes, Coalesced, Dropped, Forgotten, Moved int }

// line identifies an alarm queue of a receiver.
type line struct {
	q  *Queue
	id string
}

// NewDraft returns a draft without a change.
func NewDraft() Draft {
	return Draft{lines: map[line][]*Row{}, counts: map[*Queue]*Count{}}
}

// AlarmQueue returns the rows of an alarm queue.
func (d *Draft) AlarmQueue(q *Queue, id string) []*Row {
	if rows, planned := d.lines[line{q, id}]; planned {
		return rows
	}
	return q.AlarmQueue(id)
}

// Waiting returns the keys of the alarm queues of a receiver that have rows.
func (d *Draft) Waiting(q *Queue) (ids []string) {
	for first := range q.Firsts() {
		if id := first.QueueKey(); len(d.AlarmQueue(q, id)) > 0 {
			ids = append(ids, id)
		}
	}
	for k, rows := range d.lines {
		if k.q == q && len(q.AlarmQueue(k.id)) == 0 && len(rows) > 0 {
			ids = append(ids, k.id)
		}
	}
	return ids
}

// Awaited reports whether another row must be sent after a row.
func (d *Draft) Awaited(q *Queue, r *Row) bool {
	return q.Awaited(r.seq)+d.awaited[r.seq] > 0
}

// Count returns the count of a queue, which the caller may change.
func (d *Draft) Count(q *Queue) *Count {
	c := d.counts[q]
	if c == nil {
		c = &Count{}
		d.counts[q] = c
	}
	return c
}

// Over reports whether a queue exceeds its limits.
func (d *Draft) Over(q *Queue) bool {
	c := d.Count(q)
	return q.Route.MaxEvents > 0 && q.Len()+c.Rows > q.Route.MaxEvents || q.Route.MaxBytes > 0 && q.Size()+c.Bytes > q.Route.MaxBytes
}

// Tail returns the last row of an alarm queue as a reconciler sees it, and whether there is one.
func (d *Draft) Tail(q *Queue, id string) (alarm.Tail, bool) {
	rows := d.AlarmQueue(q, id)
	if len(rows) == 0 {
		return alarm.Tail{}, false
	}
	r := rows[len(rows)-1]
	t := alarm.Tail{
		Kind: r.Kind, Repeat: r.Repeat > 0, Seen: r.Seen(), Moved: r.Kind == alarm.Clear && r.After != 0, Awaited: d.Awaited(q, r), Ends: r.Ends,
	}
	if len(rows) > 1 {
		before := rows[len(rows)-2]
		t.OnRaise = before.Kind == alarm.Raise && before.Repeat == 0 && !before.Seen() && !d.Awaited(q, before)
	}
	return t, true
}

// Spare returns the rows that may be dropped, the oldest first: updates, and pairs of a clear and the raise that follows it.
func (d *Draft) Spare(q *Queue) (updates []*Row, pairs [][2]*Row) {
	for _, id := range d.Waiting(q) {
		rows := d.AlarmQueue(q, id)
		for i, r := range rows {
			switch {
			case r.InFlight() || r.Alarm.ID == "":
			case r.Update():
				updates = append(updates, r)
			case r.Kind == alarm.Raise && i > 0 && rows[i-1].Kind == alarm.Clear && !rows[i-1].InFlight() && q.Awaited(r.Seq()) == 0:
				pairs = append(pairs, [2]*Row{rows[i-1], r})
			}
		}
	}
	slices.SortFunc(updates, ByAge)
	slices.SortFunc(pairs, func(a, b [2]*Row) int { return ByAge(a[0], b[0]) })
	return updates, pairs
}

// Append appends a row to its alarm queue.
func (d *Draft) Append(q *Queue, r *Row) {
	k := line{q, r.QueueKey()}
	d.lines[k] = append(slices.Clip(d.AlarmQueue(q, k.id)), r)
	d.await(r, 1)
	d.Count(q).Rows++
	d.Count(q).Bytes += r.size
}

// await changes the number of rows that wait for the row for which one waits.
func (d *Draft) await(r *Row, n int) {
	if r.After == 0 {
		return
	}
	if d.awaited == nil {
		d.awaited = map[uint64]int{}
	}
	d.awaited[r.After] += n
}

// Remove removes a row from its alarm queue. It reports whether the row was there.
func (d *Draft) Remove(q *Queue, r *Row) bool {
	k := line{q, r.QueueKey()}
	rows := d.AlarmQueue(q, k.id)
	i := slices.Index(rows, r)
	if i < 0 {
		return false
	}
	d.lines[k] = slices.Delete(slices.Clone(rows), i, i+1)
	d.await(r, -1)
	d.Count(q).Rows--
	d.Count(q).Bytes -= r.size
	return true
}

// Diff sets Added and Removed. fresh reports whether a row has the number of one that was appended.
func (d *Draft) Diff(fresh func(seq uint64) bool) {
	for k, rows := range d.lines {
		for _, r := range k.q.AlarmQueue(k.id) {
			if !slices.Contains(rows, r) {
				d.Removed = append(d.Removed, Entry{k.q, r})
			}
		}
		for _, r := range rows {
			if fresh(r.seq) {
				d.Added = append(d.Added, Entry{k.q, r})
			}
		}
	}
	slices.SortFunc(d.Added, func(a, b Entry) int { return ByAge(a.Row, b.Row) })
}

// Lock prevents the sending of the rows that Apply removes.
func (d *Draft) Lock() {
	for _, r := range d.Removed {
		r.Queue.Lock(r.Row)
	}
}

// Rollback undoes Lock.
func (d *Draft) Rollback() {
	for _, r := range d.Removed {
		r.Queue.Release(r.Row)
	}
}

// Apply changes the queues, and returns their counts.
func (d *Draft) Apply() map[*Queue]*Count {
	for _, r := range d.Removed {
		r.Queue.Remove(r.Row)
	}
	for _, a := range d.Added {
		a.Queue.Push(a.Row)
	}
	return d.counts
}
