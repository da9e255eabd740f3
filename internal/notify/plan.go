package notify

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Transition says of an alarm whether it is active. Saying the same again changes nothing.
type Transition struct {
	Alarm  Alarm // RaisedAt is set by the outbox unless it is given
	Active bool
	Lease  time.Time // when the alarm clears by itself unless it is said again; zero means never
}

// active is an alarm in the database.
type active struct {
	Alarm Alarm           `json:"alarm"`
	Lease time.Time       `json:"lease,omitzero"`
	Told  map[string]told `json:"told,omitempty"` // by receiver
}

// told is what a receiver was told of an alarm, or will be.
type told struct {
	Event   string    `json:"event"` // ID of the raise or the last change
	At      time.Time `json:"at"`
	Repeats int       `json:"repeats,omitempty"`
	Left    bool      `json:"left,omitempty"` // another one of its group is told now, and this one only the end
}

// plan is what a transaction will do to the database, and then to what the outbox has in memory.
type plan struct {
	o      *Outbox
	now    time.Time // of the change that is being planned
	seq    uint64
	alarms map[string]*active     // those that change; nil: delete
	lines  map[lineKey][]*row     // those that change
	said   map[string]*Transition // by alarm ID: what merely says an alarm again, for which nothing is written
	counts map[*queue]*count
	alive  []*queue     // those that are told so
	dead   []deadLetter // what is given up
	absent []absentRow  // what is kept for receivers that may come back

	added, removed []queued // made of lines by settle
}

// absentRow is an event for a receiver that is not there now.
type absentRow struct {
	receiver string
	*row
}

// lineKey is the line of an alarm, or of a kind of events, before a receiver.
type lineKey struct {
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

func (o *Outbox) newPlan() *plan {
	return &plan{o: o, seq: o.seq, alarms: map[string]*active{}, lines: map[lineKey][]*row{}, said: map[string]*Transition{}, counts: map[*queue]*count{}}
}

// alarm is the alarm as the plan leaves it so far: a copy, or nil.
func (p *plan) alarm(id string) *active {
	a, planned := p.alarms[id]
	if !planned {
		a = p.o.active[id]
	}
	if a == nil {
		return nil
	}
	c := *a
	c.Told = maps.Clone(a.Told)
	return &c
}

// line is what waits of an alarm for a receiver, as the plan leaves it so far.
func (p *plan) line(q *queue, id string) []*row {
	if rows, planned := p.lines[lineKey{q, id}]; planned {
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

func (p *plan) apply(t *Transition) {
	now := p.alarm(t.Alarm.ID)
	switch {
	case t.Active && now == nil:
		now = &active{Alarm: t.Alarm, Lease: t.Lease}
		if now.Alarm.RaisedAt.IsZero() {
			now.Alarm.RaisedAt = p.now
		}
		p.tell(now, false)
	case t.Active:
		if now.Alarm.Severity == t.Alarm.Severity && withoutNumbers(now.Alarm.Summary) == withoutNumbers(t.Alarm.Summary) {
			p.said[t.Alarm.ID] = t
			return
		}
		raised := now.Alarm.RaisedAt
		now.Alarm, now.Lease = t.Alarm, t.Lease
		now.Alarm.RaisedAt = raised
		p.tell(now, true)
	case now == nil:
		return
	default:
		p.clear(now, &t.Alarm)
		p.alarms[t.Alarm.ID] = nil
		return
	}
	p.alarms[t.Alarm.ID] = now
	delete(p.said, t.Alarm.ID)
}

// withoutNumbers is a text by what it says: a value that moves makes no other text.
func withoutNumbers(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == '-' {
			return -1
		}
		return r
	}, text)
}

// tell queues an event of an active alarm: its raise for all who have not been told of it and shall be,
// and if it changed, that for the others. It tells whether there was anybody.
func (p *plan) tell(a *active, changed bool) (anybody bool) {
	if a.Told == nil {
		a.Told = map[string]told{}
	}
	p.o.direct(&a.Alarm)
	e := Event{ID: p.eventID(), At: p.now, Alarm: a.Alarm}
	for _, group := range p.o.groups {
		q := a.holder(group)
		switch knows := q != nil; {
		case knows && !changed:
			continue
		case knows:
			p.supersede(q, a.Alarm.ID)
			e.Kind = Change
		default:
			if q = p.first(group, &a.Alarm); q == nil {
				continue
			}
			e.Kind = Raise
		}
		p.add(q, e)
		a.Told[q.name] = told{Event: e.ID, At: p.now}
		anybody = true
	}
	return anybody
}

// clear tells the end of an alarm to all who were told of it; those that are not there, when they are back.
// An alarm that a receiver has not seen yet is not told at all.
func (p *plan) clear(a *active, last *Alarm) {
	e := Event{ID: p.eventID(), Kind: Clear, At: p.now, Alarm: a.Alarm}
	e.Alarm.Value, e.Alarm.Reason = last.Value, last.Reason
	if last.Summary != "" {
		e.Alarm.Summary = last.Summary
	}
	if len(last.VarBinds) > 0 {
		e.Alarm.VarBinds = last.VarBinds
	}
	for _, q := range p.o.queues {
		if _, knows := a.Told[q.name]; !knows {
			continue
		}
		p.supersede(q, a.Alarm.ID)
		if rows := p.line(q, a.Alarm.ID); !q.route.EveryTransition && len(rows) > 0 && rows[len(rows)-1].unseenRaise() {
			p.remove(q, rows[len(rows)-1])
			p.count(q).coalesced += 2
			continue
		}
		p.add(q, e)
	}
	for receiver := range a.Told {
		if _, err := p.o.find(receiver); err != nil {
			p.seq++
			p.absent = append(p.absent, absentRow{receiver, &row{seq: p.seq, Event: e}})
		}
	}
}

// unseenRaise tells whether the receiver cannot know of the raise.
func (r *row) unseenRaise() bool { return r.Kind == Raise && r.Repeat == 0 && !r.seen }

// update tells whether the row says no more than what the next event of its alarm says too.
func (r *row) update() bool { return r.Kind == Change || r.Repeat > 0 }

// supersede takes an update that nobody has seen out of the end of an alarm's line.
func (p *plan) supersede(q *queue, id string) {
	rows := p.line(q, id)
	if q.route.EveryTransition || len(rows) == 0 {
		return
	}
	if last := rows[len(rows)-1]; last.update() && !last.seen {
		p.remove(q, last)
		p.count(q).coalesced++
	}
}

func (p *plan) eventID() string {
	p.seq++
	return fmt.Sprintf("%s-%d", p.o.prefix, p.seq)
}

func (p *plan) add(q *queue, e Event) {
	var expires time.Time
	if q.route.MaxAge > 0 {
		expires = p.now.Add(q.route.MaxAge)
	}
	p.append(q, e, expires)
}

func (p *plan) append(q *queue, e Event, expires time.Time) {
	p.seq++
	r := &row{seq: p.seq, Event: e, Expires: expires}
	r.size = len(r.text())
	k := lineKey{q, r.line()}
	p.lines[k] = append(slices.Clip(p.line(q, k.id)), r)
	p.count(q).rows++
	p.count(q).bytes += r.size
}

// remove takes a row out, unless it is gone already.
func (p *plan) remove(q *queue, r *row) {
	k := lineKey{q, r.line()}
	rows := p.line(q, k.id)
	i := slices.Index(rows, r)
	if i < 0 {
		return
	}
	p.lines[k] = slices.Delete(slices.Clone(rows), i, i+1)
	p.count(q).rows--
	p.count(q).bytes -= r.size
}

// settle says which rows the transaction adds and removes.
func (p *plan) settle() {
	for k, rows := range p.lines {
		for _, r := range k.q.rows[k.id] {
			if !slices.Contains(rows, r) {
				p.removed = append(p.removed, queued{k.q, r})
			}
		}
		for _, r := range rows {
			if r.seq > p.o.seq {
				p.added = append(p.added, queued{k.q, r})
			}
		}
	}
	slices.SortFunc(p.added, func(a, b queued) int { return bySeq(a.r, b.r) })
}

// hold keeps the rows that the transaction removes from being sent meanwhile.
func (p *plan) hold() {
	for _, r := range p.removed {
		r.r.held = true
	}
}

// abandon undoes hold: the transaction has failed.
func (p *plan) abandon() {
	for _, r := range p.removed {
		r.q.release(r.r)
	}
}

// The buckets of the database. outbox and dead have one for each receiver below them.
var (
	metaBucket   = []byte("meta")
	alarmsBucket = []byte("alarms")
	outboxBucket = []byte("outbox")
	deadBucket   = []byte("dead")
	seqKey       = []byte("seq")
)

// store writes all that the plan says.
func (p *plan) store(tx *bbolt.Tx) error {
	if err := tx.Bucket(metaBucket).Put(seqKey, key(p.seq)); err != nil {
		return err
	}
	alarms, outbox := tx.Bucket(alarmsBucket), tx.Bucket(outboxBucket)
	for id, a := range p.alarms {
		if err := putJSON(alarms, []byte(id), a); err != nil {
			return err
		}
	}
	for _, r := range p.removed {
		if err := outbox.Bucket([]byte(r.q.name)).Delete(key(r.r.seq)); err != nil {
			return err
		}
	}
	for _, a := range p.added {
		if err := outbox.Bucket([]byte(a.q.name)).Put(key(a.r.seq), a.r.text()); err != nil {
			return err
		}
	}
	for _, a := range p.absent {
		if b := outbox.Bucket([]byte(a.receiver)); b != nil {
			if err := b.Put(key(a.seq), a.text()); err != nil {
				return err
			}
		}
	}
	for _, d := range p.dead {
		if err := d.store(tx.Bucket(deadBucket).Bucket([]byte(d.q.name))); err != nil {
			return err
		}
	}
	return nil
}

// putJSON stores a value, or deletes the key of one that is nil.
func putJSON[T any](b *bbolt.Bucket, key []byte, value *T) error {
	if value == nil {
		return b.Delete(key)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, text)
}

// text is the row in the database.
func (r *row) text() []byte {
	text, _ := json.Marshal(r) // which has nothing in it that could fail
	return text
}

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// adopt does in memory what the transaction did.
func (p *plan) adopt() {
	p.o.seq = p.seq
	for id, a := range p.alarms {
		if p.o.active[id] = a; a == nil {
			delete(p.o.active, id)
		}
	}
	for id, t := range p.said {
		if a := p.o.active[id]; a != nil {
			a.Lease, a.Alarm.Summary, a.Alarm.Value = t.Lease, t.Alarm.Summary, t.Alarm.Value
		}
	}
	for _, r := range p.removed {
		r.q.remove(r.r)
	}
	for _, a := range p.added {
		a.q.push(a.r)
	}
	for _, q := range p.alive {
		q.alive = p.now
	}
	for q, c := range p.counts {
		p.o.metrics.coalesced.WithLabelValues(q.name).Add(float64(c.coalesced))
		p.o.metrics.moved.WithLabelValues(q.name).Add(float64(c.moved))
		p.o.metrics.dropped.WithLabelValues(q.name, droppedFull).Add(float64(c.dropped))
		p.o.metrics.dropped.WithLabelValues(q.name, droppedByHand).Add(float64(c.forgotten))
	}
}
