package outbox

import (
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/index"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
)

// plan is the effect of a transaction on the database, and then on the state in memory. It implements alarm.Store: its
// methods return the planned state, which the transaction has not stored yet.
type plan struct {
	state      *state
	reconciler *alarm.Reconciler
	now        time.Time                   // of the change that is being planned
	run        time.Duration               // the same in run time
	seq        uint64                      // the counter of numbers: see shards.Set.Number
	homes      map[string]string           // the shards of the alarms that change; nil without a cluster
	shards     map[string]bool             // those that the change touches; nil without a cluster
	alarms     map[string]*alarm.State     // the changed ones by key; nil: delete
	sources    map[string]string           // keys of alarms by source of a changed condition; empty: the condition has ended
	joined     map[alarm.Place][]string    // keys of alarms that the plan adds to a place
	views      map[alarm.Place]*alarm.View // those that change; nil: delete
	rows       queue.Draft
	renewals   map[string]index.Renewal // conditions by source that are only renewed, which is not stored
	ids        map[string]string        // of the events of the current transition
	short      map[*queue.Queue]bool    // whether an alarm has no room in the queue
	alive      []*queue.Queue           // queues that are sent a heartbeat
	mutes      *mute.Set
	owner      *int    // of the changes of mutes that the plan makes
	aged       float64 // the run time, in seconds, up to which ages of alarms were looked at
	causes     *cause.Index
	outages    *cause.Outages
	said       map[string]*alarm.Alarm  // alarms about causes of outages, by device; nil before it is needed
	foreseen   map[string]*alarm.State  // alarms by key that the change is about to raise
	touched    []string                 // keys of alarms that transitions of others concern
	dropped    int                      // how many of them are of shards that were dropped
	inhibitors []shards.Inhibitor       // alarms of other members that begin or cease to inhibit
	unshared   index.Unshared           // see share
	relabels   bool                     // labels of targets change
	welcomed   bool                     // alarms are announced to receivers that have changed
	relabeled  []string                 // keys of the alarms of these targets, and IDs of those of other members
	silences   map[string]*mute.Silence // the changed ones by ID; nil: delete
	dead       []store.Dead             // events that are given up
	unburied   []store.Numbers          // dead letters that are deleted
	sent       *store.Sent              // see noteSent
	absent     []store.Row              // rows of receivers that are not configured
	size       int                      // the change of the size of all alarms
	number     int                      // the change of their number
	refused    *FullError               // of the change that is being planned
	handTo     *queue.Queue             // the receiver that takes over from another one of its group

	doubted []queue.Entry // stored rows that have become Known
	events  store.NewEvents
	change  *store.Change // nil if nothing is stored

	outcomes   []outcomes.End  // of events that were delivered
	entries    []journal.Event // of the journal
	texts      [][]byte        // the same, as stored
	stored     store.Entries   // those in the database after the transaction
	fromOthers int             // the number of entries from state.added
}

func (st *state) newPlan() *plan {
	p := &plan{
		state: st, seq: st.seq, run: st.clock.Run(), alarms: map[string]*alarm.State{}, sources: map[string]string{},
		views: map[alarm.Place]*alarm.View{}, rows: queue.NewDraft(), ids: map[string]string{},
		mutes: st.mutes, owner: new(int), causes: st.index.Causes.Changing(), outages: st.outages, touched: slices.Clone(st.touched), dropped: len(st.touched),
	}
	if st.shards != nil {
		p.homes, p.shards = map[string]string{}, map[string]bool{}
	}
	p.reconciler = &alarm.Reconciler{Store: p, Groups: st.queues.Receivers, Choose: p.choose, Muted: p.muted, Withheld: p.withheld}
	return p
}

// set sets a value of a map that is made with its first one.
func set[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

// Alarm implements alarm.Store.
func (p *plan) Alarm(key string) *alarm.State {
	if s, planned := p.alarms[key]; planned {
		return s
	}
	return p.state.index.Active[key]
}

// PutAlarm implements alarm.Store.
func (p *plan) PutAlarm(key string, s *alarm.State) {
	old := p.Alarm(key)
	if old != nil {
		p.size -= old.Size()
		p.number--
	}
	p.alarms[key] = s
	if p.homes != nil {
		p.settle(key, old, s)
	}
	if s == nil {
		return
	}
	p.size += s.Size()
	p.number++
	for receiver, k := range s.In {
		if at := (alarm.Place{Receiver: receiver, Key: k}); !p.state.index.Members[at][key] && !slices.Contains(p.joined[at], key) {
			set(&p.joined, at, append(p.joined[at], key))
		}
	}
}

// View implements alarm.Store.
func (p *plan) View(at alarm.Place) *alarm.View {
	if v, planned := p.views[at]; planned {
		return v
	}
	return p.state.index.Views[at]
}

// PutView implements alarm.Store.
func (p *plan) PutView(at alarm.Place, v *alarm.View) {
	p.views[at] = v
	p.touch(p.state.shards.OfPlace(at.Key))
}

// Members implements alarm.Store.
func (p *plan) Members(at alarm.Place) (keys []string) {
	in := func(key string) bool {
		s := p.Alarm(key)
		return s != nil && s.In[at.Receiver] == at.Key
	}
	for key := range p.state.index.Members[at] {
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

// Tail implements alarm.Store.
func (p *plan) Tail(at alarm.Place) (alarm.Tail, bool) {
	if q := p.state.queues.ByName[at.Receiver]; q != nil {
		return p.rows.Tail(q, at.Key)
	}
	return alarm.Tail{}, false
}

// DropTail implements alarm.Store. A dropped raise is counted twice, because its clear is not queued either.
func (p *plan) DropTail(at alarm.Place) {
	q := p.state.queues.ByName[at.Receiver]
	rows := p.rows.AlarmQueue(q, at.Key)
	last := rows[len(rows)-1]
	p.remove(q, last)
	if p.rows.Count(q).Coalesced++; last.Kind == alarm.Raise && last.Repeat == 0 {
		p.rows.Count(q).Coalesced++
	}
}

// Append implements alarm.Store.
func (p *plan) Append(at alarm.Place, kind alarm.Kind, a *alarm.Alarm, after uint64) alarm.View {
	id := p.ids[string(kind)+a.ID]
	if id == "" {
		id = p.eventID(p.state.shards.OfPlace(at.Key))
		p.ids[string(kind)+a.ID] = id
	}
	return p.enqueue(at, alarm.Event{ID: id, Kind: kind, At: p.now, Alarm: *a}, after)
}

// enqueue appends an event to the alarm queue of a place, and returns the new view.
func (p *plan) enqueue(at alarm.Place, e alarm.Event, after uint64) alarm.View {
	r := &queue.Row{Event: e, After: after, Known: p.doubts(at, &e), Shard: p.state.shards.OfPlace(at.Key)}
	if v := p.View(at); v != nil && after != 0 && e.Kind == alarm.Clear {
		r.Ends = v.Event
	}
	if at.Key != r.QueueKey() {
		r.Line = at.Key
	}
	if q := p.state.queues.ByName[at.Receiver]; q != nil {
		p.append(q, r)
	} else {
		p.stamp(r)
		p.absent = append(p.absent, store.Row{Receiver: at.Receiver, Row: r})
	}
	return alarm.View{Event: e.ID, At: e.At, Run: r.Run, Repeats: e.Repeat}
}

// doubts reports whether the receiver may or may not have the alarm of a raise or a clear, by an earlier event.
func (p *plan) doubts(at alarm.Place, e *alarm.Event) bool {
	v := p.View(at)
	return v != nil && (e.Kind == alarm.Raise && e.Repeat == 0 || e.Kind == alarm.Clear && v.Unknown)
}

// Fresh implements alarm.Store.
func (p *plan) Fresh() alarm.View { return alarm.View{At: p.now, Run: clock.Seconds(p.run)} }

// Last implements alarm.Store.
func (p *plan) Last(at alarm.Place) uint64 {
	q := p.state.queues.ByName[at.Receiver]
	if q == nil {
		return 0
	}
	if rows := p.rows.AlarmQueue(q, at.Key); len(rows) > 0 {
		return rows[len(rows)-1].Seq()
	}
	return 0
}

func (p *plan) eventID(shard string) string {
	p.seq++
	return p.state.shards.EventID(p.state.prefix, shard, p.seq)
}

// add queues an event that is about no alarm.
func (p *plan) add(q *queue.Queue, e alarm.Event) {
	shard := p.state.shards.Common()
	e.ID = p.eventID(shard)
	p.append(q, &queue.Row{Event: e, Shard: shard})
}

// nextNumber returns the next number of a shard.
func (p *plan) nextNumber(shard string) uint64 {
	p.seq++
	return p.state.shards.Number(p.seq, shard)
}

func (p *plan) stamp(r *queue.Row) {
	p.touch(r.Shard)
	p.events.Stamp(r, p.nextNumber(r.Shard), clock.Seconds(p.run))
}

func (p *plan) append(q *queue.Queue, r *queue.Row) {
	p.stamp(r)
	p.rows.Append(q, r)
}

// remove removes a row from its alarm queue, if it is still there.
func (p *plan) remove(q *queue.Queue, r *queue.Row) {
	if p.rows.Remove(q, r) {
		p.touch(r.Shard)
	}
}

// apply applies the plan to the state in memory after the transaction.
func (p *plan) apply() {
	o := p.state
	o.seq = p.seq
	if p.welcomed {
		o.rerouted, o.newcomers = false, nil
	}
	before := o.mutes
	if o.mutes, o.outages = p.mutes, p.outages; p.relabels {
		o.index.Relabel(before, o.mutes)
	}
	o.aged = max(o.aged, p.aged)
	if p.change != nil {
		p.change.Settle()
		o.stored = p.stored
	}
	p.publish()
	for key, s := range p.alarms {
		o.index.Put(key, s)
	}
	o.index.PutInhibitors(p.inhibitors)
	o.index.Shared(&p.unshared)
	o.touched = o.touched[p.dropped:]
	if p.relabels {
		o.index.Reindex(p.relabeled)
	}
	for source, t := range p.renewals {
		o.index.Renew(source, t)
	}
	for at, v := range p.views {
		o.index.PutView(at, v)
	}
	for i := range p.outcomes {
		o.conclude(&p.outcomes[i])
	}
	counts := p.rows.Apply()
	for _, q := range p.alive {
		q.Beat(p.run)
	}
	maps.Copy(o.short, p.short)
	for q, c := range counts {
		o.metrics.Coalesced.WithLabelValues(q.Name).Add(float64(c.Coalesced))
		o.metrics.Moved.WithLabelValues(q.Name).Add(float64(c.Moved))
		o.metrics.Dropped.WithLabelValues(q.Name, outcomes.Full).Add(float64(c.Dropped))
		o.metrics.Dropped.WithLabelValues(q.Name, outcomes.ByHand).Add(float64(c.Forgotten))
	}
}

// changesNothing reports whether the plan has nothing to be stored.
func (p *plan) changesNothing() bool {
	return len(p.alarms)+len(p.views)+len(p.unshared.Changes)+len(p.rows.Added)+len(p.rows.Removed)+len(p.dead)+len(p.silences)+len(p.unburied)+len(p.doubted) == 0 && p.sent == nil && !p.notesWindows()
}

// notesWindows reports whether a maintenance window begins or ends.
func (p *plan) notesWindows() bool { return !slices.Equal(p.mutes.Noted(), p.state.mutes.Noted()) }
