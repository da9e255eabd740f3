package outbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// knower is a receiver that tracks its alarms by the fields of its format.
type knower struct {
	listener *outboxtest.Receiver
	name     string
	group    string
	key      func(*alarm.Alarm) (string, bool)
	maxAge   time.Duration
	repeat   time.Duration
	gone     bool // from the configuration
	heard    map[string]bool
	knows    map[string]bool
	doubt    map[string]bool // an event was given up: the outbox cannot know the state of the receiver
	wrong    []string
}

func (k *knower) route() *queue.Route {
	r := k.listener.Route(k.name)
	r.Key, r.Scheme, r.Group, r.Acks, r.MaxAge, r.RepeatInterval = k.key, k.name, k.group, k.group == "", k.maxAge, k.repeat
	return r
}

// take processes the events sent since the previous call.
func (k *knower) take() {
	events := k.listener.TakeReceived()
	for i := range events {
		e := &events[i].Event
		key, _ := k.key(&e.Alarm)
		again := k.heard[e.ID]
		has := e.Kind == alarm.Acked || again == (e.Kind == alarm.Raise) // it is sent again only the last event
		if k.group == "" && e.Kind != alarm.Change && k.knows[key] != has && !k.doubt[key] {
			k.wrong = append(k.wrong, fmt.Sprintf("%s of %s (again: %t)", e.Kind, key, again))
		}
		if !again {
			k.heard[e.ID], k.knows[key] = true, e.Kind != alarm.Clear
			delete(k.doubt, key)
		}
	}
}

// history is an outbox to which things happen at random.
type history struct {
	running   *running
	random    *rand.Rand
	dir       string
	receivers []*knower
	active    map[string]map[string]alarm.Alarm // by alarm, by condition
	byAlarm   bool                              // lines are by alarm, whatever the receivers' keys are
	slow      time.Duration                     // how long failing receivers take
	now       func() time.Time
	rest      time.Duration // in which the last retries are made
	settle    func(time.Duration)
	restart   func()
}

func newHistory(t *testing.T, seed uint64) *history {
	h := receiversOf(seed)
	h.dir, h.slow, h.now, h.settle, h.rest = t.TempDir(), time.Second, time.Now, settle, 30*time.Minute
	h.restart = func() {
		h.running.stop()
		h.running = run(h.running.t, h.dir, h.routes()...)
	}
	h.running = run(t, h.dir, h.routes()...)
	return h
}

func receiversOf(seed uint64) *history {
	h := &history{random: rand.New(rand.NewPCG(seed, 2)), active: map[string]map[string]alarm.Alarm{}}
	add := func(name, group string, key func(*alarm.Alarm) (string, bool)) {
		h.receivers = append(h.receivers, &knower{
			listener: &outboxtest.Receiver{}, name: name, group: group, key: key, maxAge: 24 * time.Hour,
			heard: map[string]bool{}, knows: map[string]bool{}, doubt: map[string]bool{},
		})
	}
	add("by-id", "", queue.ByID)
	add("by-notification", "", byNotification)
	add("by-instance", "", func(a *alarm.Alarm) (string, bool) { return a.Notification + a.Variable, true })
	add("first", "pair", queue.ByID)
	add("second", "pair", queue.ByID)
	return h
}

// gaveUp notes that an event was given up.
func (h *history) gaveUp(receiver string, r *queue.Row) {
	for _, k := range h.receivers {
		if k.name == receiver {
			k.take()
			key, _ := k.key(&r.Alarm)
			k.doubt[key] = true
		}
	}
}

func (h *history) routes() (routes []*queue.Route) {
	for _, k := range h.receivers {
		if !k.gone {
			r := k.route()
			if h.byAlarm {
				r.Key = queue.ByID
			}
			routes = append(routes, r)
		}
	}
	return routes
}

func (h *history) reload() {
	if err := h.running.outbox.SetRoutes(h.routes(), nil, h.now()); err != nil {
		h.running.t.Error(err)
	}
}

func (h *history) step() {
	k := h.receivers[h.random.IntN(len(h.receivers))]
	switch n := h.random.IntN(14); {
	case n < 7:
		var list []Transition
		for range 1 + h.random.IntN(3) {
			list = append(list, h.transition())
		}
		if err := h.running.outbox.Apply(list, h.now()); err != nil {
			h.running.t.Error(err)
		}
	case n == 7:
		k.listener.Set(outboxtest.ErrTimeout, h.slow)
	case n == 8:
		k.listener.Set(nil, 0)
	case n == 9:
		k.gone = !k.gone
		h.reload()
	case n == 10:
		h.restart()
	case n == 11:
		h.silence()
	case n == 12:
		h.acknowledge()
	case n == 13 && !k.gone:
		if err := h.running.outbox.Retry(k.name, h.now()); err != nil {
			h.running.t.Error(err)
		}
	}
	h.settle(time.Duration(h.random.IntN(8)) * time.Second)
	for _, k := range h.receivers {
		k.take()
	}
}

// silence begins a silence of an alarm or a severity, which may end by itself, or ends one.
func (h *history) silence() {
	o, now := h.running.outbox, h.now()
	if list := o.Mutes().Silences(); len(list) > 0 && h.random.IntN(2) == 0 {
		if err := o.Expire(list[h.random.IntN(len(list))].ID, now); err != nil {
			h.running.t.Error(err)
		}
		return
	}
	text := []string{`alertname="a"`, `alertname=~"b|c"`, `severity="critical"`}[h.random.IntN(3)]
	m, err := mute.Parse(text)
	if err == nil {
		from := time.Duration(h.random.IntN(20)) * time.Second
		_, err = o.Silence(mute.Silence{Matchers: m, StartsAt: now.Add(from), EndsAt: now.Add(from + time.Duration(1+h.random.IntN(120))*time.Second)}, now)
	}
	if err != nil {
		h.running.t.Error(err)
	}
}

// acknowledge acknowledges an alarm, or removes that.
func (h *history) acknowledge() {
	list := h.running.outbox.Active()
	if len(list) == 0 {
		return
	}
	ack := &alarm.Ack{By: "ann", Sticky: h.random.IntN(2) == 0, Until: h.now().Add(time.Duration(1+h.random.IntN(60)) * time.Second)}
	if h.random.IntN(3) == 0 {
		ack = nil
	}
	one, want := list[h.random.IntN(len(list))], error(nil)
	if ack == nil && one.Ack == nil {
		want = ErrNotAcknowledged
	}
	if err := h.running.outbox.Acknowledge(one.ID, ack, h.now()); !errors.Is(err, want) {
		h.running.t.Errorf("got %v, want %v", err, want)
	}
}

func (h *history) transition() Transition {
	id := string(rune('a' + h.random.IntN(4)))
	source := fmt.Sprintf("%s-%d", id, h.random.IntN(2))
	if _, there := h.active[id][source]; there && h.random.IntN(3) > 0 {
		if delete(h.active[id], source); len(h.active[id]) == 0 {
			delete(h.active, id)
		}
		return Transition{Alarm: alarm.Alarm{ID: source}}
	}
	a := alarm.Alarm{
		ID: source, Rule: id, Labels: map[string]string{"alertname": id}, Severity: alarm.Severity(3 + h.random.IntN(4)), Summary: "summary",
		Notification: string(rune('x' + h.random.IntN(3))), Variable: string('0' + rune(id[0]-'a')/2),
	}
	if h.active[id] == nil {
		h.active[id] = map[string]alarm.Alarm{}
	}
	h.active[id][source] = a
	return Transition{Alarm: a, Active: true}
}

// compare returns the differences between the receivers' final alarms and the active ones.
func (h *history) compare() (violations []string) {
	wrong := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	active := h.running.outbox.Active()
	if len(active) != len(h.active) {
		wrong("%d alarms are active, want %d", len(active), len(h.active))
	}
	for _, k := range h.receivers {
		if k.gone {
			continue
		}
		is := map[string]bool{}
		for i := range active {
			key, _ := k.key(&active[i])
			is[key] = true
			inGroup := func(other *knower) bool { return other.group == "pair" && !other.gone && other.knows[key] }
			if !k.knows[key] && (k.group == "" || !slices.ContainsFunc(h.receivers, inGroup)) {
				wrong("%s does not know %s", k.name, key)
			}
		}
		for key, knows := range k.knows {
			if knows && !is[key] {
				wrong("%s knows %s, which is over", k.name, key)
			}
		}
		if len(k.wrong) > 0 {
			wrong("%s was sent %v", k.name, k.wrong)
		}
	}
	return violations
}

// end has all receivers work again, but perhaps one of the group, and returns the violations in the end.
func (h *history) end() []string {
	lacks := 2 + h.random.IntN(3) // 2: none
	for i, k := range h.receivers {
		k.gone, k.repeat = i == lacks && i > 2, 0
		k.listener.Set(nil, 0)
	}
	h.reload()
	h.settle(h.rest)
	for _, k := range h.receivers {
		k.take()
	}
	return h.compare()
}

// Despite transitions, failures, restarts and reloads, receivers must in the end have exactly the
// active alarms, and must never be sent a raise of an alarm that they have or a clear of one that
// they do not have.
func TestReceiversKnowWhatIsTrueInTheEnd(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			h := newHistory(t, seed)
			defer func() { h.running.stop() }()
			for range 60 {
				h.step()
			}
			if violations := h.end(); len(violations) > 0 {
				t.Fatalf("seed %d: %v", seed, violations)
			}
		})
		if t.Failed() {
			return
		}
	}
}
