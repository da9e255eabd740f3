package outbox

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/index"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
	"trapline/internal/statedir"
)

// state is the state of an outbox in memory, guarded by Outbox.mu. Plans read it; it changes only after a transaction.
type state struct {
	dir     *statedir.Dir
	store   ledger.Store // of the process
	shards  *shards.Set  // nil without a cluster
	engine  ledger.Store // of the other shards
	clears  queue.Clears // by a member of a cluster
	boots   int32        // of the process
	prefix  string       // of event IDs
	options Options
	logger  *slog.Logger
	metrics *Metrics
	journal *journal.Journal
	clock   clock.Run

	queues    queue.Set
	rerouted  bool           // the receivers have changed, and alarms are not announced to them yet
	newcomers []*queue.Queue // those of them that were added
	index     *index.Index
	touched   []string // keys of alarms that shards which were dropped concern: see plan.touched
	mutes     *mute.Set
	aged      float64 // see plan.aged
	outages   *cause.Outages
	short     map[*queue.Queue]bool // whether an alarm has no room in the queue
	seq       uint64                // the last number of a row or an event
	entrySeq  uint64                // the last number of an entry of the journal
	inherited uint64                // the last entry of earlier processes
	added     []journal.Event       // entries of the journal that wait for a transaction
	today     outcomes.Day          // of the entries that this process has added, and those that it has recalled

	reader     *store.Reader
	references store.References
	buried     store.Buried
	stored     store.Entries // entries of the journal in the database
}

// key returns the identity of an alarm, which is the ID if it has no labels.
func (st *state) key(a *alarm.Alarm) string {
	if len(a.Labels) == 0 {
		return a.ID
	}
	return alarm.Key(st.options.Deployment, a, st.options.Ignored)
}

// reportUnknown logs and counts the unknown receivers and tags of an alarm.
func (st *state) reportUnknown(a *alarm.Alarm) {
	st.queues.Unknown(a, func(kind, word string) {
		st.logger.Warn("unknown receiver or tag in the annotations of a rule", "rule", a.Rule, kind, word)
		st.metrics.Misread.Inc()
	})
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
		Wants: func(a *alarm.Alarm) bool { return r.Matches == nil || r.Matches(st.queues.Directed(a)) },
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

	interval time.Duration // of housekeeping; 0 means housekeepingInterval
}

// Clock is the clock of an outbox.
type Clock = clock.Clock

// Metrics counts the outcomes of notifications by receiver.
type Metrics = outcomes.Metrics

// NewMetrics returns metrics that are registered with r.
func NewMetrics(r prometheus.Registerer) *Metrics { return outcomes.New(r) }
