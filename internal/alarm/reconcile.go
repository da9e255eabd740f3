package alarm

import (
	"maps"
	"slices"
	"time"
)

// Kind is what an event says.
type Kind string

// The kinds of events that are about alarms.
const (
	Raise  Kind = "raise"
	Clear  Kind = "clear"
	Change Kind = "change"
)

// Place is a key before a receiver: alarms of one place the receiver cannot tell apart. What is sent of a place is
// sent in order.
type Place struct{ Receiver, Key string }

// View is what a receiver knows of a place, or will know by what waits for it.
type View struct {
	Event    string    `json:"event"` // ID of the raise or the last change
	At       time.Time `json:"at"`
	Run      float64   `json:"run"` // the same in run seconds
	Severity Severity  `json:"severity"`
	Digest   uint64    `json:"digest"`           // of the text
	Scheme   string    `json:"scheme,omitempty"` // that of the receiver at the time
	Repeats  int       `json:"repeats,omitempty"`
	After    uint64    `json:"after,omitempty"` // the row of another place that the next event has to wait for

	Left    bool   `json:"left,omitempty"`    // another receiver of the group is notified, and this one only of the end
	Unknown bool   `json:"unknown,omitempty"` // an event was given up: whether the receiver knows what it said is not known
	Lost    *Alarm `json:"lost,omitempty"`    // that was a clear, of this

	// What became of the event. All is zero while it waits.
	Sent    time.Time `json:"sent,omitzero"`      // when it was acknowledged or given up, or by a trap sent
	Took    float64   `json:"took,omitempty"`     // seconds from sending to acknowledgement; 0 without one
	Tries   int       `json:"tries,omitempty"`    // messages
	GivenUp string    `json:"given_up,omitempty"` // why
}

// Record notes how the receiver is shown the place.
func (v *View) Record(a *Alarm) { v.Severity, v.Digest = a.Severity, digest(a) }

// Receiver is one who is notified.
type Receiver struct {
	Name  string
	Key   func(*Alarm) (key string, changes bool) // what it knows an alarm by, and whether it is notified of changes
	Wants func(*Alarm) bool
	// Scheme names what Key looks at. Where a configuration changes it, the receiver knows each alarm by another key.
	Scheme          string
	EveryTransition bool // every transition is sent, also of what it has not seen yet
}

// Tail is the last event that waits in a place.
type Tail struct {
	Kind   Kind
	Repeat bool // it was sent before, and is sent again because the alarm lasts
	Seen   bool // the receiver may have seen it
	Moved  bool // a clear of an alarm that went on under another key
	// Awaited: an event of another place has to wait for it
	Awaited bool
}

// Update reports whether the event says no more than what the next one of its place says too.
func (t Tail) Update() bool { return t.Kind == Change || t.Repeat }

// Store is all that a Reconciler reads and writes. Its alarms and views are not changed in place.
type Store interface {
	Alarm(key string) *State // nil without one
	PutAlarm(key string, s *State)
	View(Place) *View // nil: the receiver knows nothing
	PutView(Place, *View)
	Members(Place) []string // the keys of the active alarms that are in the place

	Tail(Place) (Tail, bool)
	DropTail(Place)
	Append(at Place, kind Kind, a *Alarm, after uint64) View // which is that of the event
	Last(Place) uint64                                       // the last row that waits there; 0 without one
	Fresh() View                                             // of this moment, without an event
}

// Reconciler makes events: what receivers know becomes what is true. Nobody else does.
type Reconciler struct {
	Store
	Groups [][]*Receiver                               // of each one receiver is notified of an alarm
	Choose func(group []*Receiver, a *Alarm) *Receiver // nil: nobody, for now
	Muted  func(*Alarm) bool                           // nil: never. A muted alarm is neither raised nor changed
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

func (r *Reconciler) muted(a *Alarm) bool { return r.Muted != nil && r.Muted(a) }

// Reconcile makes the events that lead from an alarm as it was to as it is; nil means that it is not active. Its
// end is why and how its condition ended, nil where that is not known.
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
		raised[at.Receiver] = r.Last(at) // by which the receiver knows of it at the latest
	}
	for _, at := range m.stayed {
		r.resolve(at, nil, 0)
	}
	for _, left := range m.left {
		r.resolve(left.at, left.ended, raised[left.at.Receiver])
	}
}

// moves are the places that an alarm comes to, stays in and leaves.
type moves struct {
	joined, stayed []Place
	left           []leaving
}

// leaving is a place, and the alarm as its clear there shows it.
type leaving struct {
	at    Place
	ended *Alarm
}

func (m *moves) leave(at Place, as, end *Alarm) {
	ended := as.Over(end)
	m.left = append(m.left, leaving{at, &ended})
}

// leave finds the places that an alarm was in. One whose notification, instance or labels have changed may have
// another key for a receiver, which then is sent the raise of the new one before the clear of the old one.
func (r *Reconciler) leave(was, is *State, end *Alarm, m *moves) {
	before := was.Alarm()
	for _, name := range slices.Sorted(maps.Keys(was.In)) {
		at := Place{name, was.In[name]}
		if is == nil {
			m.leave(at, was.knownAs(name, before), end)
			continue
		}
		one, a := r.receiver(name), is.Alarm()
		if one == nil || r.muted(a) {
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

// join finds, for each group that is not notified of an alarm, who is to be.
func (r *Reconciler) join(is *State, m *moves) {
	a := is.Alarm()
	if r.muted(a) {
		return
	}
	for _, group := range r.Groups {
		if r.holder(is, group) != nil {
			continue
		}
		one := r.Choose(group, a)
		if one == nil {
			continue
		}
		k, _ := one.Key(a)
		at := Place{one.Name, k}
		m.stayed = slices.DeleteFunc(m.stayed, func(other Place) bool { return other.Receiver == one.Name })
		is.join(one.Name, k)
		m.joined = append(m.joined, at)
		if v := r.View(at); v != nil && v.Left {
			r.PutView(at, nil) // what waited was taken from it: it may know this, and may not
		}
	}
}

// holder is the receiver of a group that is notified of an alarm, nil where none is.
func (r *Reconciler) holder(s *State, group []*Receiver) *Receiver {
	for _, one := range group {
		k, in := s.In[one.Name]
		if !in {
			continue
		}
		if v := r.View(Place{one.Name, k}); len(group) == 1 || v == nil || !v.Left {
			return one
		}
	}
	return nil
}

// resolve compares what a receiver knows of a place with what is true, and sends the difference.
func (r *Reconciler) resolve(at Place, ended *Alarm, after uint64) {
	v, one, shown := r.View(at), r.receiver(at.Receiver), r.Shown(at)
	switch {
	case shown == nil && v != nil && v.Lost == nil: // absent receivers, too, are sent it when they are back
		r.clear(at, v, ended, after)
	case shown == nil || one == nil:
	case v == nil && r.takeBack(at, one, shown):
	case v == nil || v.Lost != nil:
		r.send(at, v, Raise, shown)
	default:
		r.update(at, v, one, shown)
	}
}

// Shown is the alarm that stands for a place: the worst, of equals the oldest; nil without any.
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
	case v.Left, !changes, r.muted(shown):
	case v.Severity != shown.Severity || v.Digest != digest(shown):
		kind := Change
		if v.Unknown {
			kind = Raise
		}
		r.supersede(at, one)
		r.send(at, v, kind, shown)
	}
}

// send appends an event, by which the receiver knows what it says.
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

// clear sends the end of what a receiver knows. What it has not seen yet is not sent at all, unless the clear of another
// place waits for it: that would be sent too early.
func (r *Reconciler) clear(at Place, v *View, ended *Alarm, after uint64) {
	r.PutView(at, nil)
	one := r.receiver(at.Receiver)
	r.supersede(at, one)
	if t, waits := r.Tail(at); waits && t.Kind == Raise && !t.Repeat && !t.Seen && !t.Awaited && (one == nil || !one.EveryTransition) {
		r.DropTail(at)
		return
	}
	r.Append(at, Clear, ended, max(after, v.After))
}

// takeBack drops a clear that the receiver has not seen of an alarm that never ended, and is back under the key. It
// reports whether there was one.
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
		v.Scheme = one.Scheme
		v.Record(shown)
		r.PutView(at, &v)
	}
	return true
}

// supersede drops an update that the receiver has not seen, and that nothing waits for, from the end of a place.
func (r *Reconciler) supersede(at Place, one *Receiver) {
	if t, waits := r.Tail(at); waits && t.Update() && !t.Seen && !t.Awaited && (one == nil || !one.EveryTransition) {
		r.DropTail(at)
	}
}

// Announce is Reconcile for an alarm that has not changed where receivers may have. One that now knows it by another
// key knows it all the same: nothing is sent of that, but what waits under the old key goes first.
func (r *Reconciler) Announce(key string) {
	was := r.Alarm(key)
	if was == nil { // a change of the same transaction has cleared it
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
