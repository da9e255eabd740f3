package outbox

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/downs"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
	"trapline/internal/statedir"
)

// state is the state of an outbox in memory, guarded by Outbox.mu. Plans read it; it changes only after a transaction.
type state struct {
	dir     *statedir.Dir
	store   ledger.Store                 // of the process
	shards  *shards.Set                  // nil without a cluster
	engine  ledger.Store                 // of the other shards
	clears  map[alarm.Place]*alarm.Event // the last ones, by a member of a cluster
	boots   int32                        // of the process
	prefix  string                       // of event IDs
	options Options
	logger  *slog.Logger
	metrics *Metrics
	journal *journal.Journal
	clock   clock.Run

	queues      []*queue.Queue
	groups      [][]*queue.Queue                // the same
	receivers   [][]*alarm.Receiver             // of the groups
	rerouted    bool                            // the receivers have changed, and alarms are not announced to them yet
	newcomers   []*queue.Queue                  // those of them that were added
	byName      map[string]*queue.Queue         // the same
	names, tags map[string]bool                 // of the receivers
	active      map[string]*alarm.State         // by key
	size        int                             // of all active alarms
	sources     map[string]string               // keys of active alarms, by source of their conditions
	members     map[alarm.Place]map[string]bool // keys of the active alarms of a place
	views       map[alarm.Place]*alarm.View
	mutes       *mute.Set
	aged        float64 // see plan.aged
	causes      *cause.Index
	outages     *cause.Outages
	downs       downs.Index
	unknown     map[alarm.Place]bool  // places for which an event was given up
	short       map[*queue.Queue]bool // whether an alarm has no room in the queue
	seq         uint64                // the last number of a row or an event
	entrySeq    uint64                // the last number of an entry of the journal
	inherited   uint64                // the last entry of earlier processes
	added       []journal.Event       // entries of the journal that wait for a transaction
	today       outcomes.Day          // of the entries that this process has added, and those that it has recalled

	reader     *store.Reader
	references store.References
	buried     store.Buried
	stored     store.Entries // entries of the journal in the database
}

// put stores an alarm in memory, or deletes it if s is nil.
func (st *state) put(key string, s *alarm.State) {
	if old := st.active[key]; old != nil {
		st.size -= old.Size()
		st.causes.Set(old.ID, key, nil)
		st.downs.Set(key, old, false)
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
	if st.shards != nil {
		st.house(key, s)
	}
	st.causes.Set(s.ID, key, s)
	st.downs.Set(key, s, true)
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

// renewal is a condition that is renewed.
type renewal struct {
	alarm *alarm.Alarm
	lease float64
}

// renew renews a condition, in a copy of its alarm: others may be reading the alarm.
func (st *state) renew(source string, to renewal) {
	key := st.sources[source]
	s := st.active[key]
	if s == nil {
		return
	}
	renewed := *s
	renewed.Conditions = slices.Clone(s.Conditions)
	if c := renewed.Find(source); c != nil {
		st.size += to.alarm.Size() - c.Alarm.Size()
		c.Alarm, c.Lease = *to.alarm, to.lease
		st.active[key] = &renewed
	}
}

// putView stores a view in memory, or deletes it if v is nil.
func (st *state) putView(at alarm.Place, v *alarm.View) {
	if delete(st.unknown, at); v == nil {
		delete(st.views, at)
		return
	}
	if st.shards != nil {
		if held := st.shards.Held(st.shards.OfPlace(at.Key)); held != nil {
			held.Places[at] = true
		}
	}
	if st.views[at] = v; v.Unknown {
		st.unknown[at] = true
	}
}

func (st *state) setQueues(queues []*queue.Queue) {
	st.queues, st.groups, st.receivers = queues, grouped(queues), nil
	for _, group := range st.groups {
		var receivers []*alarm.Receiver
		for _, q := range group {
			receivers = append(receivers, q.Receiver)
		}
		st.receivers = append(st.receivers, receivers)
	}
	st.byName, st.names, st.tags = map[string]*queue.Queue{}, map[string]bool{}, map[string]bool{}
	for _, q := range queues {
		st.byName[q.Name], st.names[q.Name] = q, true
		for _, tag := range q.Route.Tags {
			st.tags[tag] = true
		}
	}
}

// extendLeases extends all leases to at least Lease after the start, because they could not be renewed before it.
func (st *state) extendLeases() {
	least := clock.Seconds(st.clock.Run() + Lease)
	for _, s := range st.active {
		extendLeases(s, least)
	}
}

func extendLeases(s *alarm.State, least float64) {
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Lease != 0 {
			c.Lease = max(c.Lease, least)
		}
	}
}

// key returns the identity of an alarm, which is the ID if it has no labels.
func (st *state) key(a *alarm.Alarm) string {
	if len(a.Labels) == 0 {
		return a.ID
	}
	return alarm.Key(st.options.Deployment, a, st.options.Ignored)
}

// keys returns the keys of the active alarms, the oldest first.
func (st *state) keys() []string {
	return slices.SortedFunc(maps.Keys(st.active), func(a, b string) int {
		return cmp.Or(st.active[a].RaisedAt.Compare(st.active[b].RaisedAt), cmp.Compare(st.active[a].ID, st.active[b].ID))
	})
}

// directed returns the alarm without unknown receivers and tags. If its rule names no others, all receivers are
// notified.
func (st *state) directed(a *alarm.Alarm) *alarm.Alarm {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return a
	}
	c := *a
	c.Receivers, c.Tags = known(a.Receivers, st.names), known(a.Tags, st.tags)
	return &c
}

// known returns the words that are in exist.
func known(words []string, exist map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !exist[word] })
}

// reportUnknown logs and counts the unknown receivers and tags of an alarm.
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

// receiver returns the alarm.Receiver of a route.
func (st *state) receiver(r *queue.Route) *alarm.Receiver {
	key := r.Key
	if key == nil {
		key = queue.ByID
	}
	if own := key; st.shards != nil {
		key = func(a *alarm.Alarm) (string, bool) {
			k, changes := own(a)
			return st.shards.Place(a, k), changes
		}
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

// Options are the options of an outbox.
type Options struct {
	Logger     *slog.Logger
	Metrics    *Metrics
	Deployment string           // part of the identity of alarms
	Ignored    []string         // labels that are not part of the identity
	MaxAlarms  int              // maximum number of active alarms; 0 means the default
	Inhibit    []cause.Rule     // see SetInhibitRules
	Outages    OutagesOf        // at the start; nil means none
	Clock      *Clock           // nil means the real clock
	Journal    *journal.Journal // nil means a journal in memory
	Mutes      *mute.Rules      // mutes of the configuration; nil means none
	Store      ledger.Store     // nil means the database of the state directory

	// Cluster is the cluster that the process is a member of, Engine the store of its shards, and Store keeps whatever stays
	// with the process. Nil without a cluster.
	Cluster *shards.Cluster
	Engine  ledger.Store
}

// grouped returns the queues by group, in the order of the configuration. A receiver without a group is a group of its
// own.
func grouped(queues []*queue.Queue) (groups [][]*queue.Queue) {
	at := map[string]int{}
	for _, q := range queues {
		i, known := at[q.Route.Group]
		if q.Route.Group != "" && known {
			groups[i] = append(groups[i], q)
			continue
		}
		at[q.Route.Group] = len(groups)
		groups = append(groups, []*queue.Queue{q})
	}
	return groups
}

// Clock is the clock of an outbox.
type Clock = clock.Clock

// Metrics counts the outcomes of notifications by receiver.
type Metrics = outcomes.Metrics

// NewMetrics returns metrics that are registered with r.
func NewMetrics(r prometheus.Registerer) *Metrics { return outcomes.New(r) }
