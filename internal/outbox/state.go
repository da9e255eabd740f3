package outbox

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/statedir"
)

// state is the content of an outbox in memory, which the outbox's mutex guards. Plans read it; only the end of a
// transaction changes it.
type state struct {
	dir     *statedir.Dir
	prefix  string // of event IDs
	options Options
	logger  *slog.Logger
	metrics *Metrics
	journal *journal.Journal
	clock   runClock

	queues      []*queue
	groups      [][]*queue                      // the same
	byName      map[string]*queue               // the same
	names, tags map[string]bool                 // that they have
	active      map[string]*alarm.State         // by key
	size        int                             // of all of them
	sources     map[string]string               // of their conditions, by source the key
	members     map[alarm.Place]map[string]bool // the keys of those that a receiver knows by one key
	views       map[alarm.Place]*alarm.View
	unknown     map[alarm.Place]bool // views for which an event was given up
	short       map[*queue]bool      // queues without room for all that the receiver has to know
	seq         uint64               // the last number of a row or an event
	entrySeq    uint64               // the last number of an entry of the journal
	added       []journal.Event      // entries that are of no change of the outbox

	damaged int // rows that could not be read at the start
}

// put has an alarm in memory, or no more.
func (st *state) put(key string, s *alarm.State) {
	if old := st.active[key]; old != nil {
		st.size -= old.Size()
		for i := range old.Conditions {
			delete(st.sources, old.Conditions[i].Source)
		}
		for receiver, k := range old.In {
			at := alarm.Place{Receiver: receiver, Key: k}
			if delete(st.members[at], key); len(st.members[at]) == 0 {
				delete(st.members, at)
			}
		}
	}
	if s == nil {
		delete(st.active, key)
		return
	}
	st.active[key] = s
	st.size += s.Size()
	for i := range s.Conditions {
		st.sources[s.Conditions[i].Source] = key
	}
	for receiver, k := range s.In {
		at := alarm.Place{Receiver: receiver, Key: k}
		if st.members[at] == nil {
			st.members[at] = map[string]bool{}
		}
		st.members[at][key] = true
	}
}

// putView has in memory what a receiver knows.
func (st *state) putView(at alarm.Place, v *alarm.View) {
	if delete(st.unknown, at); v == nil {
		delete(st.views, at)
		return
	}
	if st.views[at] = v; v.Unknown {
		st.unknown[at] = true
	}
}

func (st *state) setQueues(queues []*queue) {
	st.queues, st.groups = queues, grouped(queues)
	st.byName, st.names, st.tags = map[string]*queue{}, map[string]bool{}, map[string]bool{}
	for _, q := range queues {
		st.byName[q.name], st.names[q.name] = q, true
		for _, tag := range q.route.Tags {
			st.tags[tag] = true
		}
	}
}

// extendLeases gives those who lease alarms the time to say them again: there was nobody to say it to.
func (st *state) extendLeases() {
	least := seconds(st.clock.run() + Lease)
	for _, s := range st.active {
		for i := range s.Conditions {
			if c := &s.Conditions[i]; c.Lease != 0 {
				c.Lease = max(c.Lease, least)
			}
		}
	}
}

// key is the identity of an alarm. One without labels is known by its ID.
func (st *state) key(a *alarm.Alarm) string {
	if len(a.Labels) == 0 {
		return a.ID
	}
	return alarm.Key(st.options.Deployment, a, st.options.Ignored)
}

// keys are those of the active alarms, the oldest first.
func (st *state) keys() []string {
	return slices.SortedFunc(maps.Keys(st.active), func(a, b string) int {
		return cmp.Or(st.active[a].RaisedAt.Compare(st.active[b].RaisedAt), cmp.Compare(st.active[a].ID, st.active[b].ID))
	})
}

// directed returns the alarm without the receivers and tags that do not exist, so that one whose rule names no
// other is sent to all and not to nobody.
func (st *state) directed(a *alarm.Alarm) *alarm.Alarm {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return a
	}
	c := *a
	c.Receivers, c.Tags = known(a.Receivers, st.names), known(a.Tags, st.tags)
	return &c
}

// reportUnknown logs and counts the receivers and tags of an alarm that do not exist.
func (st *state) reportUnknown(a *alarm.Alarm) {
	report := func(kind string, words []string, exist map[string]bool) {
		for _, word := range words {
			if !exist[word] {
				st.logger.Warn("unknown receiver or tag in the annotations of a rule", "rule", a.Rule, kind, word)
				st.metrics.Misread.Inc()
			}
		}
	}
	report("receiver", a.Receivers, st.names)
	report("tag", a.Tags, st.tags)
}

func (st *state) newQueue(r *Route) *queue {
	q := &queue{
		name: r.Name, route: r, receiver: st.receiver(r), rows: map[string][]*row{}, index: map[uint64]*row{}, awaited: map[uint64]int{}, blocked: map[uint64][]*row{},
		waiting: rowHeap{byTime: true}, lastSent: map[string]time.Duration{}, wake: make(chan struct{}, 1),
	}
	for i := range q.ready {
		q.ready[i].class = i
	}
	return q
}

// receiver is the route as alarms are compared with it.
func (st *state) receiver(r *Route) *alarm.Receiver {
	key := r.Key
	if key == nil {
		key = ByID
	}
	return &alarm.Receiver{
		Name: r.Name, Key: key, Scheme: r.Scheme, EveryTransition: r.EveryTransition,
		Wants: func(a *alarm.Alarm) bool { return r.Matches == nil || r.Matches(st.directed(a)) },
	}
}

func (st *state) warnOfOrphan(receiver string, events int) {
	if events > 0 {
		st.logger.Warn("notifications are kept for a receiver that is not in the configuration", "receiver", receiver, "events", events)
	}
}

// Options are what an outbox needs beside its state and routes.
type Options struct {
	Logger     *slog.Logger
	Metrics    *Metrics
	Deployment string           // is part of the identity of alarms
	Ignored    []string         // labels that are not
	MaxAlarms  int              // how many may be active; 0 means the default
	Clock      *Clock           // nil: the real one
	Journal    *journal.Journal // nil: one in memory
}

// grouped puts receivers of which one is told together, in the order of the configuration. Each of the
// others is a group by itself.
func grouped(queues []*queue) (groups [][]*queue) {
	at := map[string]int{}
	for _, q := range queues {
		i, known := at[q.route.Group]
		if q.route.Group != "" && known {
			groups[i] = append(groups[i], q)
			continue
		}
		at[q.route.Group] = len(groups)
		groups = append(groups, []*queue{q})
	}
	return groups
}
