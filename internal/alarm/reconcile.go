package alarm

import (
	"maps"
	"slices"
	"time"
)

// Kind is the kind of an event.
type Kind string

// The kinds of alarm events.
const (
	Raise  Kind = "raise"
	Clear  Kind = "clear"
	Change Kind = "change"
	Acked  Kind = "acknowledge" // a person has acknowledged the alarm, or, without Ack, no longer does
)

// Place is a key at a receiver. The receiver cannot distinguish alarms of the same place. Events of
// a place are sent in order.
type Place struct{ Receiver, Key string }

// View is the state of a place as the receiver will know it after all queued events.
type View struct {
	Event    string    `json:"event"` // ID of the raise or the last change
	At       time.Time `json:"at"`
	Run      float64   `json:"run"` // the same in run time, in seconds
	Severity Severity  `json:"severity"`
	Digest   uint64    `json:"digest"`           // of the text
	Scheme   string    `json:"scheme,omitempty"` // the receiver's Scheme at the time
	Repeats  int       `json:"repeats,omitempty"`
	After    uint64    `json:"after,omitempty"` // the row of another place that must be sent before the next event

	Left    bool   `json:"left,omitempty"`    // another receiver of the group took over; this one is sent only the clear
	Unknown bool   `json:"unknown,omitempty"` // an event was given up: the receiver may or may not have it
	Lost    *Alarm `json:"lost,omitempty"`    // the alarm of a clear that was given up

	// The outcome of the event. All fields are zero while it is queued.
	Sent    time.Time `json:"sent,omitzero"`      // when it was acknowledged or given up; for a trap, when it was sent
	Took    float64   `json:"took,omitempty"`     // seconds from sending to acknowledgment, or 0
	Tries   int       `json:"tries,omitempty"`    // messages sent
	GivenUp string    `json:"given_up,omitempty"` // the reason
}

// Record sets the severity and text that the receiver is sent.
func (v *View) Record(a *Alarm) { v.Severity, v.Digest = a.Severity, digest(a) }

// Receiver is a receiver of events.
type Receiver struct {
	Name  string
	Key   func(*Alarm) (key string, changes bool) // the receiver's key of an alarm, and whether it is sent changes
	Wants func(*Alarm) bool
	// Scheme identifies the fields that Key uses. If a reload changes it, the keys of all alarms
	// change.
	Scheme          string
	EveryTransition bool // send every transition, even if an unsent event would be superseded
}

// Tail is the last queued event of a place.
type Tail struct {
	Kind   Kind
	Repeat bool   // a repetition of an event because the alarm is still active
	Seen   bool   // the receiver may have received it
	Moved  bool   // a clear of an alarm that is active under another key
	Ends   string // the ID of the event by which the receiver knows the alarm of such a clear
	// Awaited reports whether an event of another place must be sent after it.
	Awaited bool
	OnRaise bool // the event before it is an unsent raise that is not awaited
}

// Update reports whether the next event of the place supersedes this one.
func (t Tail) Update() bool { return t.Kind == Change || t.Repeat }

// Store is the storage of a Reconciler. Its alarms and views are immutable.
type Store interface {
	Alarm(key string) *State // nil if it is not active
	PutAlarm(key string, s *State)
	View(Place) *View // nil if the receiver has no alarm there
	PutView(Place, *View)
	Members(Place) []string // the keys of the active alarms of the place

	Tail(Place) (Tail, bool)
	DropTail(Place)
	// Append queues an event and returns the view after it. The raise of a place that has a view, and the clear of one
	// whose view is Unknown, are Seen from the beginning: the receiver may have the alarm by an earlier event.
	Append(at Place, kind Kind, a *Alarm, after uint64) View
	Last(Place) uint64 // the last row queued there, or 0
	Fresh() View       // a view of the current time, without an event
}

// Reconciler creates the events that bring the state known to receivers up to date. It is the only
// creator of alarm events.
type Reconciler struct {
	Store
	Groups [][]*Receiver                               // one receiver of each group is notified of an alarm
	Choose func(group []*Receiver, s *State) *Receiver // returns nil to notify nobody yet
	Muted  func(receiver string, a *Alarm) bool        // may be nil; a muted alarm is neither raised nor changed
	// Withheld reports whether the raise of a muted alarm is dropped if it still waits; may be nil. It is queued again
	// once the alarm is not muted.
	Withheld func(receiver string, a *Alarm) bool
}

func (r *Reconciler) receiver(name string) *Receiver {
	for _, group := range r.Groups {
		for _, one := range group {
			if one.Name == name {
				return one
			}
		}
	}
	return nil
}

func (r *Reconciler) muted(receiver string, a *Alarm) bool {
	return r.Muted != nil && r.Muted(receiver, a)
}

// unmuted returns the receivers of a group for which an alarm is not muted.
func (r *Reconciler) unmuted(group []*Receiver, a *Alarm) []*Receiver {
	muted := func(one *Receiver) bool { return r.muted(one.Name, a) }
	if !slices.ContainsFunc(group, muted) {
		return group
	}
	return slices.DeleteFunc(slices.Clone(group), muted)
}

// Reconcile creates the events for the transition of an alarm from was to is; nil is an inactive
// alarm. end is the alarm when its condition ended, nil if unknown.
func (r *Reconciler) Reconcile(key string, was, is *State, end *Alarm) {
	is = is.Clone()
	m := r.moves(was, is, end)
	r.PutAlarm(key, is)
	r.resolveAll(m)
}

func (r *Reconciler) moves(was, is *State, end *Alarm) *moves {
	m := &moves{}
	if was != nil {
		if end == nil {
			end = &Alarm{}
		}
		r.leave(was, is, end, m)
	}
	if is != nil {
		r.join(is, m)
	}
	return m
}

func (r *Reconciler) resolveAll(m *moves) {
	raised := map[string]uint64{}
	for _, at := range m.joined {
		r.resolve(at, nil, 0)
		raised[at.Receiver] = r.Last(at) // the row by which the receiver will know the alarm
	}
	for _, at := range m.stayed {
		r.resolve(at, nil, 0)
	}
	for _, left := range m.left {
		r.resolve(left.at, left.ended, raised[left.at.Receiver])
	}
}

// moves are the places that an alarm joins, stays in and leaves.
type moves struct {
	joined, stayed []Place
	left           []leaving
}

// leaving is a place, and the alarm as sent in its clear there.
type leaving struct {
	at    Place
	ended *Alarm
}

func (m *moves) leave(at Place, as, end *Alarm) {
	ended := as.Over(end)
	m.left = append(m.left, leaving{at, &ended})
}

// leave finds the places to leave. If the alarm's notification, instance or labels changed, a
// receiver's key may change; the receiver is then sent the raise of the new key before the clear of
// the old one.
func (r *Reconciler) leave(was, is *State, end *Alarm, m *moves) {
	before := was.Alarm()
	for _, name := range slices.Sorted(maps.Keys(was.In)) {
		at := Place{name, was.In[name]}
		if is == nil {
			m.leave(at, was.knownAs(name, before), end)
			continue
		}
		one, a := r.receiver(name), is.Alarm()
		if one != nil && r.withhold(is, at, one) {
			if is.leave(name); len(r.Members(at)) > 1 {
				m.stayed = append(m.stayed, at) // the others of the place are sent
			}
			continue
		}
		if one == nil || r.muted(name, a) {
			is.keep(name, before)
			m.stayed = append(m.stayed, at)
			continue
		}
		k, _ := one.Key(a)
		if k == at.Key {
			is.join(name, k)
			m.stayed = append(m.stayed, at)
			continue
		}
		m.leave(at, was.knownAs(name, before), end)
		is.leave(name)
		if v := r.View(at); one.Wants(a) && (v == nil || !v.Left) {
			is.join(name, k)
			m.joined = append(m.joined, Place{name, k})
		}
	}
}

// withhold drops the unsent raise of an alarm that is withheld, unless another event waits for it. It reports whether the
// receiver knows nothing of the alarm therefore, nor of others of the place.
func (r *Reconciler) withhold(is *State, at Place, one *Receiver) bool {
	if r.Withheld == nil || one.EveryTransition || !r.Withheld(at.Receiver, is.Alarm()) {
		return false
	}
	t, waits := r.Tail(at)
	if v := r.View(at); !waits || t.Seen || t.Awaited || v != nil && v.Unknown {
		return false
	}
	update := t.Update()
	switch {
	case update && !t.OnRaise, !update && t.Kind != Raise:
		return false
	case update:
		r.DropTail(at)
	}
	r.DropTail(at)
	r.PutView(at, nil)
	return true
}

// join chooses a receiver for each group that is not yet notified of the alarm.
func (r *Reconciler) join(is *State, m *moves) {
	a := is.Alarm()
	for _, group := range r.Groups {
		if r.holder(is, group) != nil {
			continue
		}
		open := r.unmuted(group, a)
		if len(open) == 0 {
			continue
		}
		one := r.Choose(open, is)
		if one == nil {
			continue
		}
		k, _ := one.Key(a)
		at := Place{one.Name, k}
		m.stayed = slices.DeleteFunc(m.stayed, func(other Place) bool { return other.Receiver == one.Name })
		is.join(one.Name, k)
		m.joined = append(m.joined, at)
		if v := r.View(at); v != nil && v.Left {
			c := *v // its queue was moved to another receiver: it may have the alarm, and is sent a raise nevertheless
			c.Left, c.Lost = false, a
			r.PutView(at, &c)
		}
	}
}

// holder returns the receiver of the group that is notified of the alarm, or nil.
func (r *Reconciler) holder(s *State, group []*Receiver) *Receiver {
	for _, one := range group {
		k, in := s.In[one.Name]
		if !in {
			continue
		}
		if v := r.View(Place{one.Name, k}); v == nil || !v.Left {
			return one
		}
	}
	return nil
}

// resolve compares a receiver's view of a place with the active alarms and queues the difference.
func (r *Reconciler) resolve(at Place, ended *Alarm, after uint64) {
	v, one, shown := r.View(at), r.receiver(at.Receiver), r.Shown(at)
	switch {
	case shown == nil && v != nil && v.Lost == nil: // also for a removed receiver: it is sent on its return
		r.clear(at, v, ended, after)
	case shown == nil || one == nil:
	case v == nil && r.takeBack(at, one, shown):
	case v == nil || v.Lost != nil:
		r.send(at, v, Raise, shown)
	default:
		r.update(at, v, one, shown)
	}
}

// Shown returns the alarm that represents a place: the most severe, then the oldest; nil if the
// place is empty.
func (r *Reconciler) Shown(at Place) *Alarm {
	var shown *Alarm
	for _, key := range r.Members(at) {
		s := r.Alarm(key)
		a := s.knownAs(at.Receiver, s.Alarm())
		if shown == nil || a.worseThan(shown) {
			shown = a
		}
	}
	return shown
}

func (a *Alarm) worseThan(other *Alarm) bool {
	if c := a.Severity.Compare(other.Severity); c != 0 {
		return c < 0
	}
	if c := a.RaisedAt.Compare(other.RaisedAt); c != 0 {
		return c < 0
	}
	return a.ID < other.ID
}

func (r *Reconciler) update(at Place, v *View, one *Receiver, shown *Alarm) {
	_, changes := one.Key(shown)
	switch {
	case v.Left, !changes, r.muted(at.Receiver, shown):
	case v.Severity != shown.Severity || v.Digest != digest(shown):
		kind := Change
		if v.Unknown {
			kind = Raise
		}
		r.supersede(at, one)
		r.send(at, v, kind, shown)
	}
}

// send queues an event and stores the resulting view.
func (r *Reconciler) send(at Place, old *View, kind Kind, a *Alarm) {
	after := uint64(0)
	if old != nil {
		after = old.After
	}
	v := r.Append(at, kind, a, after)
	v.Scheme = r.receiver(at.Receiver).Scheme
	v.Record(a)
	r.PutView(at, &v)
}

// clear queues the clear of a place. If the raise is still unsent, it is dropped, unless the clear of another place must be
// sent after it. The clear is then queued only if the receiver may have the alarm by an earlier event.
func (r *Reconciler) clear(at Place, v *View, ended *Alarm, after uint64) {
	defer r.PutView(at, nil)
	one := r.receiver(at.Receiver)
	r.supersede(at, one)
	if t, waits := r.Tail(at); waits && t.Kind == Raise && !t.Repeat && !t.Seen && !t.Awaited && (one == nil || !one.EveryTransition) {
		if r.DropTail(at); !v.Unknown {
			return
		}
	}
	r.Append(at, Clear, ended, max(after, v.After))
}

// takeBack drops an unsent clear of an alarm that moved to another key and has returned to this
// one. It reports whether it dropped one.
func (r *Reconciler) takeBack(at Place, one *Receiver, shown *Alarm) bool {
	t, waits := r.Tail(at)
	if !waits || !t.Moved || t.Seen || one.EveryTransition {
		return false
	}
	r.DropTail(at)
	if _, changes := one.Key(shown); changes {
		r.send(at, nil, Change, shown)
	} else {
		v := r.Fresh()
		v.Event = t.Ends
		v.Scheme = one.Scheme
		v.Record(shown)
		r.PutView(at, &v)
	}
	return true
}

// supersede drops the last event of a place if it is an unsent update on which no other event
// depends.
func (r *Reconciler) supersede(at Place, one *Receiver) {
	if t, waits := r.Tail(at); waits && t.Update() && !t.Seen && !t.Awaited && (one == nil || !one.EveryTransition) {
		r.DropTail(at)
	}
}

// Announce is Reconcile for an unchanged alarm after the receivers changed. If a receiver's key of
// the alarm changed, nothing is sent, but events queued under the old key are sent first.
func (r *Reconciler) Announce(key string) {
	was := r.Alarm(key)
	if was == nil { // cleared earlier in the same transaction
		return
	}
	is := was.Clone()
	for name, old := range was.In {
		one := r.receiver(name)
		if one == nil {
			continue
		}
		if v := r.View(Place{name, old}); v != nil && v.Scheme != one.Scheme {
			k, _ := one.Key(is.Alarm())
			r.rename(key, is, Place{name, old}, Place{name, k})
		}
	}
	now := is.Clone()
	m := r.moves(is, now, nil)
	if !maps.Equal(is.In, now.In) || !maps.Equal(is.As, now.As) {
		r.PutAlarm(key, now)
	}
	r.resolveAll(m)
}

func (r *Reconciler) rename(key string, is *State, from, to Place) {
	is.join(to.Receiver, to.Key)
	r.PutAlarm(key, is.Clone())
	c := *r.View(from)
	c.Scheme = r.receiver(to.Receiver).Scheme
	if from == to || r.View(to) == nil {
		if from != to {
			c.After = max(c.After, r.Last(from))
		}
		r.PutView(to, &c)
	}
	if len(r.Members(from)) == 0 {
		r.PutView(from, nil)
	}
}
