package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"trapline/config"
	"trapline/internal/alertmanager"
	"trapline/internal/api"
	"trapline/internal/boottime"
	"trapline/internal/client"
	"trapline/internal/discovery"
	"trapline/internal/httpapi"
	"trapline/internal/httpserver"
	"trapline/internal/instances"
	"trapline/internal/listen"
	"trapline/internal/member"
	"trapline/internal/ownmib"
	"trapline/internal/poller"
	"trapline/internal/relay"
	"trapline/internal/rules"
	"trapline/internal/runtimeconfig"
	"trapline/internal/zones"
	"trapline/mibs"
)

// Run is the daemon, from the configuration to the series: the configuration names targets, the poller polls them, the
// collector makes series of the answers, the evaluator runs the rules over them, the notifier sends the alarms to the
// receivers, and the HTTP server exposes the series to Prometheus. It returns when ctx is canceled, or a part fails.
func Run(ctx context.Context, o *Options, logger *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	d := newDaemon(o, logger)
	defer d.close()
	if err := d.start(ctx); err != nil {
		return err
	}
	return d.run(ctx)
}

// daemon has the parts of the process, in the order in which they are made.
type daemon struct {
	options  *Options
	logger   *slog.Logger
	registry *prometheus.Registry
	metrics  *metrics
	client   *client.Client
	polls    poller.PassOptions // of all polls, scheduled and on demand

	first     *runtimeconfig.Config // the configuration that the process starts with
	discovery *discovery.Discovery
	notifier  *notifier
	outages   *outages
	shrinks   *shrinks
	state     *engineState
	evaluator *rules.Evaluator
	poller    *poller.Poller
	member    *member.Member // nil without a cluster
	listener  *listen.Listener
	relay     *relay.Relay // nil without a cluster
	agent     *ownmib.Agent
	reloader  *reloader
	server    *http.Server

	serveMembers func(context.Context) error // answers requests of other members of the cluster
}

func newDaemon(o *Options, logger *slog.Logger) *daemon {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("snmp_exporter"), versioncollector.NewCollector("trapline"), alertmanager.NewBuildInfo())
	d := &daemon{options: o, logger: logger, registry: registry, metrics: newMetrics(registry)}
	d.agent = ownmib.New(registry)
	d.client = client.New(client.Options{Logger: logger, Metrics: client.NewMetrics(registry)})
	d.polls = poller.PassOptions{
		Open:              opener(d.client, o.DebugPackets, logger),
		WrapCounters:      o.WrapCounters,
		ModuleConcurrency: o.ModuleConcurrency,
		ObserveModule:     d.metrics.observeModule,
		InFlight:          d.metrics.inFlight,
	}
	return d
}

// start makes the parts that need the configuration. Nothing is sent yet.
func (d *daemon) start(ctx context.Context) (err error) {
	if d.first, err = d.load(); err != nil {
		return err
	}
	d.discovery = discovery.New(func() { d.reloader.listed(d.discovery.Listed) }, d.logger)
	d.registry.MustRegister(d.discovery)
	if d.first, _, err = d.lists(d.first); err != nil {
		return err
	}
	if err := FreePorts(ctx, d.options.Web); err != nil {
		return err
	}
	if err := d.openMember(); err != nil {
		return err
	}
	if err := d.openState(); err != nil {
		return err
	}
	d.poller = d.newPoller()
	d.shrinks = newShrinks(d.discovery.Lists, d.member.Name(), d.deployment, d.notifier.apply, d.logger)
	d.outages = &outages{notifier: d.notifier, pending: d.evaluator.Pending, again: d.poller.PollAgain}
	d.relay = d.newRelay()
	if d.listener, err = d.newListener(); err != nil {
		return err
	}
	if err := d.listenTo(d.first); err != nil {
		return err
	}
	d.reloader = d.newReloader()
	guard, err := newGuard(d.options)
	if err != nil {
		return err
	}
	d.logger.Info("starting Trapline", "version", version.Version, "targets", len(d.first.Targets), "rules", len(d.first.Config.Rules.Rules()),
		"receivers", len(d.first.Config.Receivers), "listen", strings.Join(*d.options.Web.WebListenAddresses, ","))
	d.reloader.apply(d.first)
	d.server = d.newHTTPServer(guard)
	return nil
}

func (d *daemon) load() (*runtimeconfig.Config, error) {
	return runtimeconfig.Load(d.options.Files, d.options.ExpandEnv, d.options.SourceAddress)
}

// openState opens the state directory, and loads the state that the last process stored there: the queues of the
// receivers, the alarms, and the measurements of the targets.
func (d *daemon) openState() (err error) {
	if d.notifier, err = openNotifier(d.first.Config, d.member, d.registry, d.logger); err != nil {
		return err
	}
	d.notifier.links.lists = d.discovery
	d.state = newEngineState(d.client, d.first.Config.StateDir, d.logger)
	d.state.restore()
	d.evaluator, err = newEvaluator(d.first.Config, d.notifier, d.registry, d.logger)
	return err
}

func (d *daemon) newPoller() *poller.Poller {
	scheduled := d.polls
	scheduled.KeepIndexes = true // for rules, and for rows of histories
	return poller.New(poller.Options{
		PassOptions: scheduled, Logger: d.logger, Ended: d.ended, Entered: d.notifier.noteState,
		Concurrency:  d.first.Config.Global.Concurrency,
		Elapsed:      boottime.Elapsed,
		ObserveDelay: d.metrics.observeDelay,
		Overran:      d.metrics.overran,
		Identify:     true,
		Identified:   d.discovery.Identified,
		Answered:     func(ctx context.Context, t *poller.Target) { d.notifier.links.answered(ctx, d.polls.Open, t) },
		History:      d.metrics.histories,
		Paused:       d.notifier.paused,
	})
}

func (d *daemon) newReloader() *reloader {
	r := newReloader(d.load, d.configure, d.registry, d.logger)
	r.accept, r.relist, r.ended, r.lists, r.noteListed = d.accept, d.notifier.relist, d.notifier.noteReload, d.lists, d.notifier.noteListed
	r.settings = func(c *config.Config) []string {
		names := d.notifier.later(c)
		if concurrency(c) != concurrency(d.first.Config) {
			names = append(names, "global.concurrency")
		}
		if !reflect.DeepEqual(c.Cluster, d.first.Config.Cluster) {
			names = append(names, "cluster")
		}
		return names
	}
	r.loadText = func(text []byte, running *config.Config) (*runtimeconfig.Config, error) {
		c, err := config.LoadText(text, running, config.Options{ExpandEnv: d.options.ExpandEnv})
		if err != nil {
			return nil, err
		}
		return runtimeconfig.Compile(c, d.options.SourceAddress)
	}
	return r
}

// lists returns a configuration with the targets of its lists that are known, and has these lists read, until undo.
func (d *daemon) lists(w *runtimeconfig.Config) (with *runtimeconfig.Config, undo func(), err error) {
	lists := w.Lists()
	lists.Ask = w.Ask(d.polls.Open)
	undo = d.discovery.Configure(lists)
	with, err = w.With(d.discovery.Listed())
	return with, undo, err
}

// configure applies a configuration that was accepted to the parts that poll and evaluate.
func (d *daemon) configure(w *runtimeconfig.Config) {
	d.client.SetMaxTotalBytes(w.Config.Global.MaxTotalBytes)
	d.client.SetExclusive(w.Config.Global.Concurrency == 1)
	if d.notifier.storage.Load().outbox == nil { // whose mutes are those of the configuration
		if mutes, err := mutesOf(w.Config); err == nil { // which accept has checked
			d.notifier.mutes.Store(mutes)
		}
	}
	d.metrics.histories.Configure(&w.Config.History)
	d.outages.configure(w.Config)
	d.share(w)
	if err := d.listenTo(w); err != nil {
		d.logger.Error("traps are received by the configuration before", "err", err)
	}
	d.metrics.configured(w)
	d.member.Configured()
}

// share has the targets polled that are this process' own, and the rules of those that it owns evaluated: all targets without
// a cluster.
func (d *daemon) share(w *runtimeconfig.Config) {
	rules := w.Rules()
	mine, polled, elsewhere := d.member.Share(w)
	rules.Targets, rules.Elsewhere = mine, elsewhere
	d.evaluator.Configure(rules)
	d.poller.SetTargets(polled)
	d.metrics.targets.Set(float64(len(polled)))
	if d.member != nil {
		d.listener.Moved()
	}
}

// newHTTPServer makes the API, and the handler of all paths. A reload that opens the state directory hands it to the
// parts that store something there.
func (d *daemon) newHTTPServer(guard httpapi.Guard) *http.Server {
	limits := newLimits(d.registry, d.options)
	stores := d.notifier.storage.Load()
	answers := httpapi.New(httpapi.Options{
		Polls: d.poller, Rules: d.evaluator, Outbox: stores.outbox, Journal: stores.journal, Version: version.Version, Started: time.Now(),
		Guard: guard, Logger: d.logger, Open: d.polls.Open, Received: d.listener.Received, Neighbours: d.notifier.links.of, Configuration: d.reloader.configuration(), Modules: d.reloader.modules,
		Discovery: httpapi.Discovery{
			Lists:  func() []api.List { return listsShown(d.discovery) },
			Accept: func(list string) error { return acceptList(d.discovery, list) },
		},
		Cluster: d.member.Status,
		Names:   func() (*mibs.Tree, error) { return d.reloader.current.Load().Config.AllNames() },
	})
	answers.Own.Console.Beside = stores.quorum.Standings
	own, devices := answers.Own, instances.Source(answers.Own.Fleet)
	d.notifier.handOver = func(s *storage, c *config.Config) error {
		if err := d.evaluator.Use(s.ledger(), samplesDir(c)); err != nil {
			return err
		}
		own.Console.Use(s.outbox, s.journal)
		d.state.use(c.StateDir)
		return nil
	}
	var all *unionParts
	if d.member != nil {
		all = d.newUnion(answers)
		answers, devices = all.answers, all.fleet
	}
	served := &server{
		probes: &poller.Prober{Options: d.polls}, poller: d.poller, reloader: d.reloader, notifier: d.notifier, evaluator: d.evaluator,
		registry: d.registry, metrics: d.metrics, guard: guard,
		answers: answers, devices: devices, all: all, health: healthOf(d.evaluator, d.poller, d.notifier), options: d.options, started: time.Now(), logger: d.logger, limits: limits, listener: d.listener,
		member: d.member, relay: d.relay,
		prefix: routePrefix(d.options.RoutePrefix, guard.External), outside: outsidePrefix(d.options.RoutePrefix, guard.External),
	}
	handler := newServer(served)
	if all != nil {
		h := served.forMembers(all)
		d.serveMembers = func(ctx context.Context) error {
			return d.member.Serve(ctx, h, httpserver.MaxConnections(maxMemberConnections, limits.metrics))
		}
	}
	return httpserver.New(handler, httpserver.Options{MaxConnections: d.options.MaxConnections, Closing: d.member != nil, Metrics: limits.metrics, Logger: d.logger})
}

// run runs all parts until ctx is canceled, which SIGTERM and SIGINT do, or one of them fails. A member of a cluster first
// hands its targets over. Then, in this order:
//
//  1. All parts end at the same time. The poller cancels polls that run, and waits for them. The evaluator completes the
//     evaluations that run, and closes its samples. The engine state is saved once more. The receivers go on for some
//     seconds with notifications that can be sent at once: those without an acknowledgement stay stored. The HTTP server
//     accepts no more connections, and requests that run have shutdownTime to end.
//  2. Once the last of them has ended, run returns, and close closes the journal, then the state directory, then the
//     sockets to the targets.
func (d *daemon) run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { d.logger.Info("stopping Trapline") })()
	parts, end := d.member.Outlived(ctx)
	defer end()
	group, parts := errgroup.WithContext(parts)
	if d.member != nil {
		group.Go(func() error {
			defer end()
			return d.member.Join(ctx, parts)
		})
		group.Go(func() error { return d.serveMembers(parts) })
	}
	group.Go(func() error { return d.poller.Run(parts) })
	group.Go(func() error { return d.evaluator.Run(parts) })
	group.Go(func() error { return d.reloader.Run(parts) })
	group.Go(func() error { return d.discovery.Run(parts) })
	group.Go(func() error { return d.state.Run(parts) })
	group.Go(func() error { return d.notifier.run(ctx, parts) })
	group.Go(func() error { return d.outages.Run(parts) })
	group.Go(func() error { return d.notifier.tracker.Run(parts) })
	group.Go(func() error { return d.shrinks.Run(parts) })
	group.Go(func() error { return d.listener.Run(parts) })
	group.Go(func() error { return d.relay.Run(parts) })
	if d.member != nil {
		without := zones.New(d.member.ZonesWithout, d.deployment, d.notifier.apply, d.logger)
		group.Go(func() error { return without.Run(parts) })
	}
	group.Go(func() error { return serveHTTP(parts, d.server, d.options.Web, d.logger) })
	return group.Wait()
}

// deployment returns the name that the IDs of alarms have.
func (d *daemon) deployment() string { return d.first.Config.Notifications.Deployment }

// close closes the parts that start made, also where that failed halfway.
func (d *daemon) close() {
	if d.listener != nil {
		_ = d.listener.Close() // which the end of run has done, unless start failed
	}
	d.member.Close()
	if d.notifier != nil {
		d.notifier.close(d.logger)
	}
	d.client.Close()
}

// concurrency is the number of targets that are polled at the same time.
func concurrency(c *config.Config) int {
	return cmp.Or(c.Global.Concurrency, poller.DefaultConcurrency)
}

// garbagePercent is the GOGC of the daemon: how much garbage there may be beside the last polls. These are numbers and
// text, which are cheap to scan, so the collector may run twice as often as by default.
const garbagePercent = 50

// shutdownTime bounds how long requests that run may take to end.
const shutdownTime = 5 * time.Second

// serveHTTP serves until ctx is canceled.
func serveHTTP(ctx context.Context, server *http.Server, flags *web.FlagConfig, logger *slog.Logger) error {
	ended := make(chan error, 1)
	chosen := slices.ContainsFunc(*flags.WebListenAddresses, func(address string) bool { return strings.HasSuffix(address, ":0") })
	if !chosen { // otherwise the log has the port
		logger = Quiet(logger)
	}
	go func() { ended <- web.ListenAndServe(server, flags, logger) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // requests that still run are cut off
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
