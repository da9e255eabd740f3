package outbox

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
)

// plan is what a transaction will do to the database, and then to what the outbox has in memory. It is the Book of
// alarm.Reconciler: what the outbox has, under what has been planned so far.
type plan struct {
	state       *state
	reconciler  *alarm.Reconciler
	now         time.Time     // of the change that is being planned
	run         time.Duration // the same in run time
	seq         uint64
	alarms      map[string]*alarm.State     // by key, those that change; nil: delete
	sources     map[string]string           // by source, the keys of the alarms that it made active; empty: none any more
	joined      map[alarm.Place][]string    // keys of alarms that the plan puts into a place
	views       map[alarm.Place]*alarm.View // those that change; nil: delete
	awaited     map[uint64]int              // what it does to queue.awaited
	alarmQueues map[alarmQueueKey][]*row    // those that change
	renewals    map[string]renewal          // by source: what merely says a condition again, for which nothing is written
	ids         map[string]string           // of the events that a transition makes
	counts      map[*queue]*count
	short       map[*queue]bool // whether there was room for all that they have to know
	alive       []*queue        // those that are sent a heartbeat
	dead        []deadRow       // what is given up
	absent      []absentRow     // what is kept for receivers that may come back
	size        int             // what the plan does to the size of all alarms
	number      int             // and to their number
	refused     *FullError      // of the change that is being planned
	handTo      *queue          // who takes over from another receiver of its group

	added, removed []queued // made of lines by settle

	outcomes   []outcome       // of events that were delivered
	entries    []journal.Event // of the journal
	texts      [][]byte        // the same, as they are stored
	fromOthers int             // how many of them are of Outbox.added
}

// renewal is a condition as it is said again.
type renewal struct {
	alarm *alarm.Alarm
	lease float64
}

// absentRow is an event for a receiver that is not there now.
type absentRow struct {
	receiver string
	row      *row
}

// alarmQueueKey is a line before a receiver.
type alarmQueueKey struct {
	q  *queue
	id string
}

// count is what a plan does to the number of rows and to their octets, and why.
type count struct{ rows, bytes, coalesced, dropped, forgotten, moved int }

// queued is a row and where.
type queued struct {
	q *queue
	r *row
}

func (st *state) newPlan() *plan {
	p := &plan{
		state: st, seq: st.seq, run: st.clock.run(), alarms: map[string]*alarm.State{}, sources: map[string]string{}, joined: map[alarm.Place][]string{},
		views: map[alarm.Place]*alarm.View{}, awaited: map[uint64]int{}, alarmQueues: map[alarmQueueKey][]*row{}, renewals: map[string]renewal{}, ids: map[string]string{},
		counts: map[*queue]*count{}, short: map[*queue]bool{},
	}
	p.reconciler = &alarm.Reconciler{Store: p, Choose: p.choose}
	for _, group := range st.groups {
		var receivers []*alarm.Receiver
		for _, q := range group {
			receivers = append(receivers, q.receiver)
		}
		p.reconciler.Groups = append(p.reconciler.Groups, receivers)
	}
	return p
}

// Alarm is of alarm.Book.
func (p *plan) Alarm(key string) *alarm.State {
	if s, planned := p.alarms[key]; planned {
		return s
	}
	return p.state.active[key]
}

// PutAlarm is of alarm.Book.
func (p *plan) PutAlarm(key string, s *alarm.State) {
	if old := p.Alarm(key); old != nil {
		p.size -= old.Size()
		p.number--
	}
	p.alarms[key] = s
	if s == nil {
		return
	}
	p.size += s.Size()
	p.number++
	for receiver, k := range s.In {
		if at := (alarm.Place{Receiver: receiver, Key: k}); !p.state.members[at][key] && !slices.Contains(p.joined[at], key) {
			p.joined[at] = append(p.joined[at], key)
		}
	}
}

// View is of alarm.Book.
func (p *plan) View(at alarm.Place) *alarm.View {
	if v, planned := p.views[at]; planned {
		return v
	}
	return p.state.views[at]
}

// PutView is of alarm.Book.
func (p *plan) PutView(at alarm.Place, v *alarm.View) { p.views[at] = v }

// Members is of alarm.Book.
func (p *plan) Members(at alarm.Place) (keys []string) {
	in := func(key string) bool {
		s := p.Alarm(key)
		return s != nil && s.In[at.Receiver] == at.Key
	}
	for key := range p.state.members[at] {
		if in(key) {
			keys = append(keys, key)
		}
	}
	for _, key := range p.joined[at] {
		if in(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Tail is of alarm.Book.
func (p *plan) Tail(at alarm.Place) (alarm.Tail, bool) {
	q := p.state.byName[at.Receiver]
	if q == nil {
		return alarm.Tail{}, false
	}
	rows := p.alarmQueue(q, at.Key)
	if len(rows) == 0 {
		return alarm.Tail{}, false
	}
	r := rows[len(rows)-1]
	return alarm.Tail{
		Kind: r.Kind, Repeat: r.Repeat > 0, Seen: r.seen, Moved: r.Kind == alarm.Clear && r.After != 0,
		Awaited: q.awaited[r.seq]+p.awaited[r.seq] > 0,
	}, true
}

// DropTail is of alarm.Book. With a raise, its end is dropped, which is not there yet.
func (p *plan) DropTail(at alarm.Place) {
	q := p.state.byName[at.Receiver]
	rows := p.alarmQueue(q, at.Key)
	last := rows[len(rows)-1]
	p.remove(q, last)
	if p.count(q).coalesced++; last.Kind == alarm.Raise && last.Repeat == 0 {
		p.count(q).coalesced++
	}
}

// Append is of alarm.Book.
func (p *plan) Append(at alarm.Place, kind alarm.Kind, a *alarm.Alarm, after uint64) alarm.View {
	id := p.ids[string(kind)+a.ID]
	if id == "" {
		id = p.eventID()
		p.ids[string(kind)+a.ID] = id
	}
	return p.enqueue(at, alarm.Event{ID: id, Kind: kind, At: p.now, Alarm: *a}, after)
}

// enqueue appends an event to a place, and returns what the receiver knows by it.
func (p *plan) enqueue(at alarm.Place, e alarm.Event, after uint64) alarm.View {
	r := &row{Event: e, After: after}
	if at.Key != r.queueKey() {
		r.Line = at.Key
	}
	if q := p.state.byName[at.Receiver]; q != nil {
		p.append(q, r)
	} else {
		p.stamp(r)
		p.absent = append(p.absent, absentRow{at.Receiver, r})
	}
	return alarm.View{Event: e.ID, At: e.At, Run: r.Run, Repeats: e.Repeat}
}

// Fresh is of alarm.Book.
func (p *plan) Fresh() alarm.View { return alarm.View{At: p.now, Run: seconds(p.run)} }

// Last is of alarm.Book.
func (p *plan) Last(at alarm.Place) uint64 {
	q := p.state.byName[at.Receiver]
	if q == nil {
		return 0
	}
	if rows := p.alarmQueue(q, at.Key); len(rows) > 0 {
		return rows[len(rows)-1].seq
	}
	return 0
}

// alarmQueue is what waits in a line before a receiver, as the plan leaves it so far.
func (p *plan) alarmQueue(q *queue, id string) []*row {
	if rows, planned := p.alarmQueues[alarmQueueKey{q, id}]; planned {
		return rows
	}
	return q.rows[id]
}

func (p *plan) count(q *queue) *count {
	c := p.counts[q]
	if c == nil {
		c = &count{}
		p.counts[q] = c
	}
	return c
}

func (p *plan) eventID() string {
	p.seq++
	return fmt.Sprintf("%s-%d", p.state.prefix, p.seq)
}

// add queues an event that is about no alarm.
func (p *plan) add(q *queue, e alarm.Event) { p.append(q, &row{Event: e}) }

func (p *plan) stamp(r *row) {
	p.seq++
	r.seq, r.Run = p.seq, seconds(p.run)
	r.size = len(r.text())
}

func (p *plan) append(q *queue, r *row) {
	p.stamp(r)
	k := alarmQueueKey{q, r.queueKey()}
	p.alarmQueues[k] = append(slices.Clip(p.alarmQueue(q, k.id)), r)
	p.awaited[r.After]++
	p.count(q).rows++
	p.count(q).bytes += r.size
}

// remove takes a row out, unless it is gone already.
func (p *plan) remove(q *queue, r *row) {
	k := alarmQueueKey{q, r.queueKey()}
	rows := p.alarmQueue(q, k.id)
	i := slices.Index(rows, r)
	if i < 0 {
		return
	}
	p.alarmQueues[k] = slices.Delete(slices.Clone(rows), i, i+1)
	p.awaited[r.After]--
	p.count(q).rows--
	p.count(q).bytes -= r.size
}

// diff says which rows the transaction adds and removes.
func (p *plan) diff() {
	for k, rows := range p.alarmQueues {
		for _, r := range k.q.rows[k.id] {
			if !slices.Contains(rows, r) {
				p.removed = append(p.removed, queued{k.q, r})
			}
		}
		for _, r := range rows {
			if r.seq > p.state.seq {
				p.added = append(p.added, queued{k.q, r})
			}
		}
	}
	slices.SortFunc(p.added, func(a, b queued) int { return bySeq(a.r, b.r) })
}

// lock keeps the rows that the transaction removes from being sent meanwhile.
func (p *plan) lock() {
	for _, r := range p.removed {
		r.q.lock(r.r)
	}
}

// rollback undoes hold: the transaction has failed.
func (p *plan) rollback() {
	for _, r := range p.removed {
		r.q.release(r.r)
	}
}

// reset does in memory what the transaction did.
func (p *plan) apply() {
	o := p.state
	o.seq = p.seq
	p.publish()
	for key, s := range p.alarms {
		o.put(key, s)
	}
	for source, t := range p.renewals {
		if s := o.active[o.sources[source]]; s != nil {
			if c := s.Find(source); c != nil {
				o.size += t.alarm.Size() - c.Alarm.Size()
				c.Alarm, c.Lease = *t.alarm, t.lease
			}
		}
	}
	for at, v := range p.views {
		o.putView(at, v)
	}
	for i := range p.outcomes {
		o.conclude(&p.outcomes[i])
	}
	for _, r := range p.removed {
		r.q.remove(r.r)
	}
	for _, a := range p.added {
		a.q.push(a.r)
	}
	for _, q := range p.alive {
		q.alive, q.beaten = p.run, true
	}
	maps.Copy(o.short, p.short)
	for q, c := range p.counts {
		o.metrics.coalesced.WithLabelValues(q.name).Add(float64(c.coalesced))
		o.metrics.moved.WithLabelValues(q.name).Add(float64(c.moved))
		o.metrics.dropped.WithLabelValues(q.name, droppedFull).Add(float64(c.dropped))
		o.metrics.dropped.WithLabelValues(q.name, droppedByHand).Add(float64(c.forgotten))
	}
}
