package alarm

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// world is the state of a random history: alarms, receivers, their queues and the events they
// received.
type world struct {
	random *rand.Rand
	step   int
	quiet  map[string]int // by alarm: the last step before which the receiver by-notification may lack it

	alarms map[string]*State
	views  map[Place]*View
	lines  map[Place][]*waiting
	seq    uint64

	there      map[uint64]bool // the rows in lines
	awaitedBy  map[uint64]int  // the number of rows that wait for a row
	reconciler *Reconciler

	receivers []*modelReceiver
	muted     map[string]bool // alarms, severities and receivers
	held      map[string]bool // alarms that are not sent to receivers that do not know them, as by a delay
	byAlarm   bool            // lines and views are keyed by alarm, regardless of the receiver's keys
	violation string
}

// waiting is a queued event.
type waiting struct {
	seq, after uint64
	kind       Kind
	alarm      Alarm
	seen       bool
	made       int // step of its creation
}

func newWorld(random *rand.Rand, byAlarm bool) *world {
	w := &world{
		random: random, byAlarm: byAlarm, alarms: map[string]*State{}, views: map[Place]*View{}, lines: map[Place][]*waiting{},
		muted: map[string]bool{}, held: map[string]bool{}, quiet: map[string]int{}, there: map[uint64]bool{}, awaitedBy: map[uint64]int{},
	}
	w.add("by-alarm", true, func(a *Alarm) string { return a.ID })
	w.add("by-instance", false, func(a *Alarm) string { return a.Target })
	w.add("by-notification", false, func(a *Alarm) string { return a.Notification + a.ID })
	w.add("by-notification-and-instance", random.IntN(2) == 0, func(a *Alarm) string { return a.Notification + a.Target })
	w.configure()
	return w
}

// configure sets up the reconciler for the receivers that are present.
func (w *world) configure() {
	r := &Reconciler{Store: w, Muted: w.isMuted, Withheld: w.isMuted}
	for _, m := range w.receivers {
		if m.present {
			r.Groups = append(r.Groups, []*Receiver{&m.Receiver})
		}
	}
	r.Choose = func(group []*Receiver, s *State) *Receiver {
		if group[0].Wants(s.Alarm()) && !w.held[s.ID] {
			return group[0]
		}
		return nil
	}
	w.reconciler = r
}

func (w *world) Alarm(key string) *State { return w.alarms[key] }

func (w *world) PutAlarm(key string, s *State) {
	if w.alarms[key] = s; s == nil {
		delete(w.alarms, key)
	}
}

func (w *world) View(at Place) *View { return w.views[at] }

func (w *world) PutView(at Place, v *View) {
	if w.views[at] = v; v == nil {
		delete(w.views, at)
	}
}

func (w *world) Members(at Place) (keys []string) {
	for key, s := range w.alarms {
		if s.In[at.Receiver] == at.Key {
			keys = append(keys, key)
		}
	}
	return keys
}

func (w *world) Tail(at Place) (Tail, bool) {
	line := w.lines[at]
	if len(line) == 0 || !w.receiver(at.Receiver).present {
		return Tail{}, false
	}
	last := line[len(line)-1]
	t := Tail{Kind: last.kind, Seen: last.seen, Moved: last.kind == Clear && last.after != 0, Awaited: w.awaitedBy[last.seq] > 0}
	if len(line) > 1 {
		before := line[len(line)-2]
		t.OnRaise = before.kind == Raise && !before.seen && w.awaitedBy[before.seq] == 0
	}
	return t, true
}

func (w *world) receiver(name string) *modelReceiver {
	return w.receivers[slices.IndexFunc(w.receivers, func(m *modelReceiver) bool { return m.Name == name })]
}

func (w *world) DropTail(at Place) {
	last := len(w.lines[at]) - 1
	w.forget(w.lines[at][last])
	w.lines[at] = w.lines[at][:last]
}

func (w *world) forget(e *waiting) {
	delete(w.there, e.seq)
	w.awaitedBy[e.after]--
}

func (w *world) Append(at Place, kind Kind, a *Alarm, after uint64) View {
	w.seq++
	w.there[w.seq] = true
	w.awaitedBy[after]++
	w.lines[at] = append(w.lines[at], &waiting{seq: w.seq, after: after, kind: kind, alarm: *a, made: w.step})
	return View{Event: fmt.Sprint(w.seq)}
}

func (w *world) Last(at Place) uint64 {
	if line := w.lines[at]; len(line) > 0 {
		return line[len(line)-1].seq
	}
	return 0
}

func (w *world) Fresh() View { return View{} }

// ready returns the places whose first event may be sent, in a deterministic order.
func (w *world) ready() (list []Place) {
	for at, line := range w.lines {
		if len(line) > 0 && w.receiver(at.Receiver).present && !w.there[line[0].after] {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b Place) int { return int(w.lines[a][0].seq) - int(w.lines[b][0].seq) })
	return list
}

// deliver sends the first event of a place. The event or its acknowledgment may be lost.
func (w *world) deliver(at Place, lost, confirmed bool) {
	e, m := w.lines[at][0], w.receiver(at.Receiver)
	w.checkMuted(at, e)
	e.seen = true
	if lost {
		return
	}
	if !m.heard[e.seq] {
		m.heard[e.seq] = true
		w.hear(m, e)
	}
	if confirmed {
		w.forget(e)
		w.lines[at] = w.lines[at][1:]
	}
}

// checkMuted checks that the raise of a muted alarm is not sent unless it may have been before, also if it shares its place
// with others. Where keys change, the clear of the old one may have waited for it meanwhile.
func (w *world) checkMuted(at Place, e *waiting) {
	s := w.alarms[e.alarm.ID]
	if e.kind != Raise || e.seen || len(w.lines[at]) > 1 || w.awaitedBy[e.seq] > 0 || s == nil || s.In[at.Receiver] != at.Key || strings.HasPrefix(at.Receiver, "by-notification") {
		return
	}
	if w.isMuted(at.Receiver, s.Alarm()) {
		w.fail("%s is sent the raise of %s, which is muted", at.Receiver, s.ID)
	}
}

func (w *world) fail(format string, args ...any) {
	if w.violation == "" {
		w.violation = fmt.Sprintf("step %d: ", w.step) + fmt.Sprintf(format, args...)
	}
}

var modelAlarms = []string{"a", "b", "c", "d"}

// act performs one random action.
func (w *world) act() {
	w.step++
	w.listen()
	switch n := w.random.IntN(20); {
	case n < 9:
		w.transition()
	case n < 16:
		if ready := w.ready(); len(ready) > 0 {
			w.deliver(ready[w.random.IntN(len(ready))], w.random.IntN(5) == 0, w.random.IntN(3) > 0)
		}
	case n == 16:
		w.mute()
		w.greet()
	case n == 17:
		w.crash()
	default:
		w.reload()
	}
}

func (w *world) listen() {
	m := w.receiver("by-notification")
	for _, id := range modelAlarms {
		if s := w.alarms[id]; s == nil || !m.present || !m.Wants(s.Alarm()) || w.isMuted(m.Name, s.Alarm()) || w.held[id] {
			w.quiet[id] = w.step
		}
	}
}

// isMuted is the Muted of the reconciler.
func (w *world) isMuted(receiver string, a *Alarm) bool {
	return w.muted[a.ID] || w.muted[a.Severity.String()] || w.muted[receiver]
}

// mute begins or ends a mute of an alarm, a severity or a receiver, or holds an alarm back.
func (w *world) mute() {
	id, severity := modelAlarms[w.random.IntN(len(modelAlarms))], Severity(3+w.random.IntN(4)).String()
	toggle := func(set map[string]bool, what string) { set[what] = !set[what] }
	switch w.random.IntN(5) {
	case 0:
		toggle(w.muted, severity)
	case 1:
		toggle(w.muted, w.receivers[w.random.IntN(len(w.receivers))].Name)
	case 2:
		toggle(w.held, id)
	default:
		toggle(w.muted, id)
	}
}

// transition starts or ends a condition of an alarm.
func (w *world) transition() {
	id := modelAlarms[w.random.IntN(len(modelAlarms))]
	was := w.alarms[id]
	is := was.Clone()
	source := strconv.Itoa(w.random.IntN(3))
	if is != nil && is.Find(source) != nil && w.random.IntN(3) > 0 {
		if is.End(source); len(is.Conditions) == 0 {
			is = nil
		}
		w.reconciler.Reconcile(id, was, is, nil)
		return
	}
	a := Alarm{ID: id, Target: string('0' + rune(id[0]-'a')/2), Severity: Severity(3 + w.random.IntN(4)), Notification: string('x' + rune(w.random.IntN(3)))}
	if is == nil {
		is = &State{ID: id}
	}
	if c := is.Find(source); c != nil {
		c.Alarm = a
	} else {
		is.Conditions = append(is.Conditions, Condition{Source: source, Alarm: a})
	}
	w.reconciler.Reconcile(id, was, is, nil)
}

func (w *world) greet() {
	for _, id := range modelAlarms {
		w.reconciler.Announce(id)
	}
}

// reload changes the routing.
func (w *world) reload() {
	m := w.receivers[w.random.IntN(len(w.receivers))]
	if w.random.IntN(2) == 0 {
		m.least = Severity(3 + w.random.IntN(4))
	} else if m.present = !m.present; m.present {
		w.restored(m.Name)
	}
	w.configure()
	w.greet()
}

// restored marks the queue of a receiver as after a restart: every event that was ready may have
// been sent.
func (w *world) restored(name string) {
	for at, line := range w.lines {
		if len(line) > 0 && (name == "" || name == at.Receiver) {
			line[0].seen = line[0].seen || !w.there[line[0].after]
		}
	}
}

// crash drops all state that is not on disk.
func (w *world) crash() {
	if w.random.IntN(4) == 0 { // a long outage
		for key, s := range w.alarms {
			w.alarms[key] = again(s)
		}
		for at, v := range w.views {
			w.views[at] = again(v)
		}
	}
	w.restored("")
	w.greet()
}

func again[T any](v *T) *T {
	text, err := json.Marshal(v)
	c := new(T)
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err != nil {
		panic(err)
	}
	return c
}

// settle delivers all events and compares the receivers' state with the active alarms.
func (w *world) settle() {
	w.step++
	w.listen()
	clear(w.muted)
	clear(w.held)
	for _, m := range w.receivers {
		if !m.present {
			m.present = true
			w.restored(m.Name)
		}
	}
	w.configure()
	w.greet()
	for ready := w.ready(); len(ready) > 0; ready = w.ready() {
		w.deliver(ready[w.random.IntN(len(ready))], false, true)
	}
	for _, m := range w.receivers {
		w.compare(m)
	}
}
