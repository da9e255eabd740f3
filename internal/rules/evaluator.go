package rules

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"trapline/internal/poller"
	"trapline/internal/rules/fleet"
	"trapline/internal/rules/steady"
	"trapline/internal/rules/takeover"
	"trapline/internal/snmp"
	"trapline/internal/throttle"
)

// Options of an Evaluator.
type Options struct {
	Dir        string     // of the samples; empty means a temporary one
	Alerts     AlertStore // of alerts and receivers; its zero value keeps alerts in memory
	Deployment string     // as in alarm.ID
	Logger     *slog.Logger
	Registry   prometheus.Registerer
	Now        func() time.Time // nil means time.Now

	// ShardOf returns the shard of a target in a cluster, and with "" the one of rules over several targets. Alerts are then
	// loaded by Take. nil means that there is one shard, which New loads.
	ShardOf func(target string) string

	// Agreed returns how long all members of the cluster have had the configuration of this one; 0 if they have not.
	Agreed func() time.Duration

	// Others asks all other members of the cluster for samples. An error names those that do not answer.
	Others func(ctx context.Context, r *fleet.Request) ([]*fleet.Answer, error)

	// PausedSince returns since when a target that is not polled at a moment is not, the moment itself if it is polled. nil
	// means that all are.
	PausedSince func(target string, at time.Time) time.Time
}

// Evaluator evaluates rules as polls end, and stores their alerts.
type Evaluator struct {
	alertStore alertStore // swappable, but in tests
	swappable  *swappableStore
	dir        string
	deployment string
	logger     *slog.Logger
	metrics    *metrics
	read       func() time.Time // the time of day, by which intervals are measured too
	clock      *steady.Clock
	shards     takeover.Shards
	rounds     fleet.Rounds                                // of rules over several targets
	since      func(target string, at time.Time) time.Time // see Options.PausedSince

	queryEngine atomic.Pointer[queryEngine] // nil until the store is open
	ready       chan *device                // that have passes to evaluate
	changed     chan struct{}

	configuring sync.Mutex                // held through a change of rules and targets
	targets     map[string]*poller.Target // as they were configured; guarded by configuring

	mu            sync.Mutex
	set           *Set
	settings      Settings
	configuration Configuration         // the last
	objects       map[string][]snmp.OID // of notifications, by the names that rules have for them
	devices       map[string]*device    // changed only with configuring and mu held
	known         fleet.Known           // selectors of set, once all devices have it
	global        *device
	restored      takeover.Lists[*record] // until the next configuration
	looks         looks                   // that were restored, of targets without a device
	orphans       takeover.Lists[orphan]
	ended         bool // no pass is evaluated any more

	closed    atomic.Pointer[error] // why the store cannot be opened
	throttled *slog.Logger          // of errors that recur at each poll
}

// orphan is an alert of a deleted rule or target, whose clear is yet to be stored.
type orphan struct {
	*record // has the time since when it is one
	reason  string
}

// maxReady is how many targets may wait to be evaluated.
const maxReady = 1 << 14

// New loads the alerts of the last process. Nothing is evaluated before Run.
func New(o Options) (*Evaluator, error) {
	kept := &swappableStore{}
	kept.current.Store(&o.Alerts)
	e := &Evaluator{
		alertStore: kept, swappable: kept, dir: o.Dir, deployment: o.Deployment, logger: o.Logger, read: o.Now,
		metrics: newMetrics(o.Registry), ready: make(chan *device, maxReady), changed: make(chan struct{}, 1),
		shards: takeover.Shards{Of: o.ShardOf, Agreed: o.Agreed}, looks: looks{}, restored: takeover.Lists[*record]{}, orphans: takeover.Lists[orphan]{}, rounds: fleet.Rounds{Ask: o.Others},
		since: o.PausedSince, set: NewSet(nil), devices: map[string]*device{}, global: newDevice(), throttled: throttle.New(o.Logger),
	}
	if e.read == nil {
		e.read = time.Now
	}
	if e.since == nil {
		e.since = func(_ string, at time.Time) time.Time { return at }
	}
	e.clock = steady.New(e.read())
	o.Registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "trapline_rules_series", Help: "Series that rules look at, in memory."}, e.series),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "trapline_rules_unhealthy", Help: "Rules whose last evaluation failed for a target; /api/v1/rules says why.",
		}, e.unhealthy),
		storeFaults(e.faults),
	)
	if e.shards.Many() {
		o.Registry.MustRegister(e.rounds.Collector())
		return e, nil
	}
	list, looked, alive, err := e.alertStore.load(context.Background(), "", e.logger)
	e.restore(list, looked, alive)
	return e, err
}

// restore takes over the alerts and looks of the last process, in the one shard.
func (e *Evaluator) restore(list []*record, looked looks, alive time.Time) {
	e.restored = takeover.Lists[*record]{"": list}
	maps.Copy(e.looks, looked)
	e.setBack(alive, e.now())
}

// setBack moves the times of restored alerts if the wall clock was set back since the last process: the downtime is
// unknown then, and counts as zero.
func (e *Evaluator) setBack(alive, now time.Time) {
	if by := now.Sub(alive); !alive.IsZero() && by < 0 {
		alive = now
		for i, r := range e.restored[""] {
			e.restored[""][i] = r.moved(by)
		}
	}
	e.shards.Take("", alive)
}

func (e *Evaluator) series() float64 {
	if s := e.queryEngine.Load(); s != nil {
		return float64(s.store.samples.NumSeries())
	}
	return 0
}

// faults returns the faults of the store, none before it is open.
func (e *Evaluator) faults() (outOfOrder, corruption, write uint64) {
	if s := e.queryEngine.Load(); s != nil {
		return s.store.samples.Faults()
	}
	return 0, 0, 0
}

// unhealthy counts the rules that cannot be evaluated.
func (e *Evaluator) unhealthy() float64 {
	failing := map[string]bool{}
	for _, d := range e.allDevices() {
		if shown := d.health.Load(); shown != nil {
			for i := range *shown {
				if f := &(*shown)[i]; f.err != nil {
					failing[f.uid] = true
				}
			}
		}
	}
	return float64(len(failing))
}

// busy reports whether there are rules.
func (e *Evaluator) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.set.Groups) > 0
}

// Ended evaluates the rules for a poll that has ended. It does not wait. Until the store is open, the last poll of each
// target is kept.
func (e *Evaluator) Ended(r poller.Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.devices[r.Target.Name]
	if d == nil || e.ended || len(e.set.Groups) == 0 {
		return
	}
	if e.queryEngine.Load() == nil { // not yet open
		d.waiting = []poller.Report{r}
		return
	}
	if d.waiting = append(d.waiting, r); len(d.waiting) > maxWaiting {
		d.waiting = slices.Delete(d.waiting, 0, 1)
		e.metrics.skipped.Inc()
	}
	e.queue(d)
}

// queue queues the device for a worker, unless it is queued.
func (e *Evaluator) queue(d *device) {
	if d.queued {
		return
	}
	select {
	case e.ready <- d:
		d.queued = true
	default: // the next pass tries again
	}
}

// catchUp queues the devices whose polls ended before the store was open.
func (e *Evaluator) catchUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.devices {
		if len(d.waiting) > 0 {
			e.queue(d)
		}
	}
}

// end drops the waiting polls, and refuses further ones.
func (e *Evaluator) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	for _, d := range e.devices {
		d.waiting = nil
	}
}

// maxWaiting is how many polls of a target may wait to be evaluated.
const maxWaiting = 3

// Run opens the store once there are rules, and evaluates until ctx is canceled. Running evaluations are completed.
func (e *Evaluator) Run(ctx context.Context) error {
	for !e.busy() {
		select {
		case <-ctx.Done():
			return nil
		case <-e.changed:
		}
	}
	s := e.openRetrying(ctx)
	if s == nil {
		e.end()
		return nil
	}
	e.catchUp()
	var group errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error { e.work(ctx); return nil })
	}
	group.Go(func() error { e.runTimers(ctx); return nil })
	group.Go(func() error { e.maintain(ctx, s); return nil })
	err := group.Wait()
	e.end()
	e.queryEngine.Store(nil)
	return errors.Join(err, e.markAlive(), s.close())
}

// openTime is the time between attempts to open a store.
const openTime = 10 * time.Second

// openRetrying opens the store, and retries as long as that fails: polling continues without rules meanwhile, and
// alerts stay as they are. It returns nil once ctx is canceled.
func (e *Evaluator) openRetrying(ctx context.Context) *store {
	for {
		s, err := e.openSamples()
		if err == nil {
			e.closed.Store(nil)
			return s
		}
		e.throttled.Error("rules are not evaluated: their samples cannot be stored", "err", err)
		e.closed.Store(&err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(openTime):
		}
	}
}

// maintain maintains the store until ctx is canceled.
func (e *Evaluator) maintain(ctx context.Context, s *store) {
	tick := time.NewTicker(maintainInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.maintain(); err != nil && ctx.Err() == nil {
			e.metrics.storeFailures.Inc()
			e.throttled.Error("the samples that rules look back at cannot be made smaller, and stay in memory", "err", err)
		}
	}
}

func (e *Evaluator) openSamples() (*store, error) {
	e.mu.Lock()
	window, dir := e.set.Selectors.Window, e.dir
	e.mu.Unlock()
	s, err := openStore(dir, window, e.now(), e.logger)
	if err != nil {
		return nil, err
	}
	if s.samples.NumSeries() > 0 {
		e.clock.Begin(time.UnixMilli(s.samples.MaxTime()), e.read())
	}
	e.queryEngine.Store(e.newQueryEngine(s))
	return s, nil
}

// work evaluates the polls of queued devices until ctx is canceled.
func (e *Evaluator) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-e.ready:
			for r, ok := e.nextPoll(d); ok; r, ok = e.nextPoll(d) {
				e.evaluatePoll(context.WithoutCancel(ctx), d, &r)
			}
		}
	}
}

// nextPoll removes and returns the next poll of a device.
func (e *Evaluator) nextPoll(d *device) (r poller.Report, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(d.waiting) == 0 {
		d.queued = false
		return r, false
	}
	r = d.waiting[0]
	d.waiting = slices.Delete(d.waiting, 0, 1)
	return r, true
}

// evaluatePoll evaluates the rules of a target for a poll.
func (e *Evaluator) evaluatePoll(ctx context.Context, d *device, r *poller.Report) {
	s := e.queryEngine.Load()
	e.mu.Lock()
	set, settings := e.set, e.settings
	e.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.target == nil || d.selectors != set.Selectors {
		return // a configuration is being taken over
	}
	at := e.clock.At(r.Last.Start)
	emptied := settings.OnPollFailure == resolve
	if err := d.storePoll(s.store, r, at, emptied); err != nil {
		e.metrics.rejected.Inc()
		e.throttled.Error("samples cannot be stored: rules that look at them stay as they are", "target", d.target.Name, "err", err)
	}
	e.noteExcess(d)
	d.bind(set, e.lastPolled(d.target))
	ev := e.newEvaluation(s, d, d.target.Interval, at)
	if !r.Last.Up && emptied {
		ev.reason = "the target does not answer"
	}
	for _, b := range d.instances {
		switch {
		case !d.frozen(b, r.Last, emptied):
			ev.evaluate(ctx, b)
		case d.lost.Load().of(b.rule):
			b.err = d.lost.Load().err
		}
	}
	ev.noteLooks(set, r.Last.Up && r.Last.Err == nil)
	d.forgetJumps(at.Add(-set.Selectors.Window - 2*d.target.Interval))
	e.finish(ev)
	d.lastPoll.Store(e.now().UnixMilli())
	e.metrics.latency.Observe(e.read().Sub(r.Last.Start.Add(r.Last.Duration)).Seconds())
}

func (e *Evaluator) finish(r *evaluation) {
	err := r.commit()
	if err != nil {
		e.throttled.Error("cannot store alerts, will retry", "of", r.device.String(), "err", err)
		r.device.uncommitted.Store(&err)
	} else {
		r.device.uncommitted.Store(nil)
	}
	r.device.publishHealth()
}

// allDevices returns the devices, and the one of global rules.
func (e *Evaluator) allDevices() []*device {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := []*device{e.global}
	for _, d := range e.devices {
		list = append(list, d)
	}
	return list
}

// device returns the device of a target, or nil.
func (e *Evaluator) device(name string) *device {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.devices[name]
}
