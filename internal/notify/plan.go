package notify

import (
	"cmp"
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
}

// plan is what a transaction will do to the database, and then to what the outbox has in memory.
type plan struct {
	o      *Outbox
	now    time.Time
	seq    uint64
	alarms map[string]*active     // those that change; nil: delete
	lines  map[lineKey][]*row     // those that change
	said   map[string]*Transition // by alarm ID: what merely says an alarm again, for which nothing is written
	counts map[*queue]*count

	added, removed []queued // made of lines by settle
}

// lineKey is the line of an alarm, or of a kind of events, before a receiver.
type lineKey struct {
	q  *queue
	id string
}

// count is what a plan does to the number of rows, and why.
type count struct{ rows, coalesced, dropped int }

// queued is a row and where.
type queued struct {
	q *queue
	r *row
}

func (o *Outbox) newPlan(now time.Time) *plan {
	return &plan{o: o, now: now, seq: o.seq, alarms: map[string]*active{}, lines: map[lineKey][]*row{}, said: map[string]*Transition{}, counts: map[*queue]*count{}}
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
// and if it changed, that for the others.
func (p *plan) tell(a *active, changed bool) {
	if a.Told == nil {
		a.Told = map[string]told{}
	}
	p.o.direct(&a.Alarm)
	e := Event{ID: p.eventID(), At: p.now, Alarm: a.Alarm}
	for _, q := range p.o.queues {
		_, knows := a.Told[q.Name]
		switch {
		case knows && changed:
			p.supersede(q, a.Alarm.ID)
			e.Kind = Change
		case !knows && (q.Matches == nil || q.Matches(&a.Alarm)):
			e.Kind = Raise
		default:
			continue
		}
		p.add(q, e)
		a.Told[q.Name] = told{Event: e.ID, At: p.now}
	}
}

// clear tells the end of an alarm to all who were told of it. An alarm that a receiver has not seen yet
// is not told at all.
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
		if _, knows := a.Told[q.Name]; !knows {
			continue
		}
		p.supersede(q, a.Alarm.ID)
		if rows := p.line(q, a.Alarm.ID); !q.EveryTransition && len(rows) > 0 && rows[len(rows)-1].unseenRaise() {
			p.remove(q, rows[len(rows)-1])
			p.count(q).coalesced += 2
			continue
		}
		p.add(q, e)
	}
}

// unseenRaise tells whether the receiver cannot know of the raise.
func (r *row) unseenRaise() bool { return r.Kind == Raise && r.Repeat == 0 && !r.seen }

// update tells whether the row says no more than what the next event of its alarm says too.
func (r *row) update() bool { return r.Kind == Change || r.Repeat > 0 }

// supersede takes an update that nobody has seen out of the end of an alarm's line.
func (p *plan) supersede(q *queue, id string) {
	rows := p.line(q, id)
	if q.EveryTransition || len(rows) == 0 {
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
	p.seq++
	r := &row{seq: p.seq, Event: e}
	if q.MaxAge > 0 {
		r.Expires = p.now.Add(q.MaxAge)
	}
	k := lineKey{q, r.line()}
	p.lines[k] = append(slices.Clip(p.line(q, k.id)), r)
	p.count(q).rows++
}

func (p *plan) remove(q *queue, r *row) {
	k := lineKey{q, r.line()}
	p.lines[k] = slices.DeleteFunc(slices.Clone(p.line(q, k.id)), func(other *row) bool { return other == r })
	p.count(q).rows--
}

// shrink drops events of receivers that have too many waiting: the oldest updates, then of each alarm
// what cancels out, an end and the raise behind it. What is left is one event or two for each alarm, and
// never dropped. A receiver that lost events is told to read the active alarms again.
func (p *plan) shrink() {
	for _, q := range p.o.queues {
		over := q.count + p.count(q).rows - q.MaxEvents
		if q.MaxEvents <= 0 || over <= 0 {
			continue
		}
		if dropped := p.drop(q, over); dropped > 0 {
			p.count(q).dropped += dropped
			p.resync(q, dropped)
		}
	}
}

// drop takes out as many as are over, if there are.
func (p *plan) drop(q *queue, over int) (dropped int) {
	var updates []*row
	var pairs [][2]*row
	ids := slices.Collect(maps.Keys(q.rows))
	for k := range p.lines {
		if k.q == q && len(q.rows[k.id]) == 0 {
			ids = append(ids, k.id)
		}
	}
	for _, id := range ids {
		rows := p.line(q, id)
		for i, r := range rows {
			switch {
			case r.flying || r.Alarm.ID == "":
			case r.update():
				updates = append(updates, r)
			case r.Kind == Raise && i > 0 && rows[i-1].Kind == Clear && !rows[i-1].flying:
				pairs = append(pairs, [2]*row{rows[i-1], r})
			}
		}
	}
	slices.SortFunc(updates, bySeq)
	slices.SortFunc(pairs, func(a, b [2]*row) int { return bySeq(a[0], b[0]) })
	for _, r := range updates[:min(over, len(updates))] {
		p.remove(q, r)
		dropped++
	}
	for ; dropped < over && len(pairs) > 0; pairs = pairs[1:] {
		p.remove(q, pairs[0][0])
		p.remove(q, pairs[0][1])
		dropped += 2
	}
	return dropped
}

// bySeq orders rows by age.
func bySeq(a, b *row) int { return cmp.Compare(a.seq, b.seq) }

// resync has the receiver told, once, that it missed something.
func (p *plan) resync(q *queue, dropped int) {
	if !q.Resyncs {
		return
	}
	for _, r := range p.line(q, string(Resync)) {
		if !r.flying {
			dropped += r.Dropped
			p.remove(q, r)
		}
	}
	p.add(q, Event{ID: p.eventID(), Kind: Resync, At: p.now, Dropped: dropped})
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
		if err := outbox.Bucket([]byte(r.q.Name)).Delete(key(r.r.seq)); err != nil {
			return err
		}
	}
	for _, a := range p.added {
		if err := putJSON(outbox.Bucket([]byte(a.q.Name)), key(a.r.seq), a.r); err != nil {
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
	for q, c := range p.counts {
		p.o.metrics.coalesced.WithLabelValues(q.Name).Add(float64(c.coalesced))
		p.o.metrics.dropped.WithLabelValues(q.Name).Add(float64(c.dropped))
	}
}
