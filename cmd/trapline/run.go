package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
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

	"trapline/collector"
	"trapline/config"
	"trapline/internal/client"
	"trapline/internal/httpapi"
	"trapline/internal/httpserver"
	"trapline/internal/poller"
	"trapline/mibs"
)

// run is the line: the configuration gives targets, the poller makes passes over them, the collector
// makes series of what the engine brings, the rules judge them, and the server hands them to Prometheus.
// What Prometheus makes alerts of comes back by the inlet. Of all alarms receivers are told.
func run(ctx context.Context, flags *serveFlags, logger *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("snmp_exporter"), versioncollector.NewCollector("trapline"))
	metrics := newMetrics(registry)

	sessions := client.New(client.Options{Logger: logger, Metrics: client.NewMetrics(registry)})
	defer sessions.Close()
	passes := passOptions(sessions, flags, metrics, logger)
	read := func() (*world, error) { return load(*flags.files, *flags.expandEnv, *flags.sourceAddress) }
	first, err := read()
	if err != nil {
		return err
	}
	if err := freePorts(ctx, flags.web); err != nil {
		return err
	}
	told, err := openNotifier(first.config, registry, logger)
	if err != nil {
		return err
	}
	defer told.close(logger)
	kept := newEngineState(sessions, first.config.StateDir, logger)
	kept.restore()
	judge, err := newJudge(first.config, told, registry, logger)
	if err != nil {
		return err
	}
	scheduled := passes
	scheduled.KeepIndexes = true // for rules, and for rows of histories
	polls := poller.New(poller.Options{
		PassOptions: scheduled, Logger: logger, Ended: judge.Ended, Entered: told.noteState,
		Concurrency:  first.config.Global.Concurrency,
		Elapsed:      poller.SinceBoot,
		ObserveDelay: metrics.observeDelay,
		Overran:      metrics.overran,
		Identify:     true,
		History:      metrics.histories,
	})
	reloads := newReloader(read, func(w *world) {
		sessions.SetMaxTotalBytes(w.config.Global.MaxTotalBytes)
		sessions.SetExclusive(w.config.Global.Concurrency == 1)
		judge.Configure(w.rules())
		metrics.histories.Configure(&w.config.History)
		polls.SetTargets(w.targets)
		metrics.configured(w)
	}, registry, logger)
	reloads.accept, reloads.ended = told.reload, told.noteReload
	reloads.settings = func(c *config.Config) []string {
		names := told.later(c)
		if pollsAtOnce(c) != pollsAtOnce(first.config) {
			names = append(names, "global.concurrency")
		}
		return names
	}
	reloads.loadText = func(text []byte, running *config.Config) (*world, error) {
		c, err := config.LoadText(text, running, config.Options{ExpandEnv: *flags.expandEnv})
		if err != nil {
			return nil, err
		}
		return compile(c, *flags.sourceAddress)
	}
	guard, err := newGuard(flags)
	if err != nil {
		return err
	}
	logger.Info("starting Trapline", "version", version.Version, "targets", len(first.targets), "rules", len(first.config.Rules.Rules()),
		"receivers", len(first.config.Receivers), "listen", strings.Join(*flags.web.WebListenAddresses, ","))
	reloads.adopt(first)
	limits := newLimits(registry, flags)
	answers := httpapi.New(httpapi.Options{
		Polls: polls, Rules: judge, Outbox: told.kept.Load().outbox, Journal: told.kept.Load().journal, Version: version.Version, Started: time.Now(),
		Guard: guard, Logger: logger, Open: passes.Open, Configuration: reloads.configuration(), Modules: reloads.modules,
		Names: func() (*mibs.Tree, error) { return reloads.current.Load().config.Names() },
	})
	told.handOver = func(k *keeping, c *config.Config) error {
		if err := judge.Use(k.ledger(), samplesDir(c)); err != nil {
			return err
		}
		answers.Console.Use(k.outbox, k.journal)
		kept.use(c.StateDir)
		return nil
	}
	handler := newServer(&server{
		probes: &poller.Prober{Options: passes}, polls: polls, reloads: reloads, told: told, judge: judge, registry: registry, metrics: metrics,
		guard:   guard,
		answers: answers, health: healthOf(judge, polls, told), flags: flags, logger: logger, limits: limits,
		prefix: routePrefix(*flags.routePrefix, guard.External), outside: outsidePrefix(*flags.routePrefix, guard.External),
	})
	listener := httpserver.New(handler, httpserver.Options{MaxConnections: *flags.maxConnections, Metrics: limits.metrics, Logger: logger})

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return polls.Run(ctx) })
	group.Go(func() error { return judge.Run(ctx) })
	group.Go(func() error { return reloads.Run(ctx) })
	group.Go(func() error { return kept.Run(ctx) })
	group.Go(func() error { return told.run(ctx) })
	group.Go(func() error { return listen(ctx, listener, flags.web, logger) })
	return group.Wait()
}

// pollsAtOnce is how many targets are polled at once.
func pollsAtOnce(c *config.Config) int {
	return cmp.Or(c.Global.Concurrency, poller.DefaultConcurrency)
}

// passOptions are those of all passes.
func passOptions(sessions *client.Client, flags *serveFlags, metrics *metrics, logger *slog.Logger) poller.PassOptions {
	return poller.PassOptions{
		Open:              opener(sessions, *flags.debugPackets, logger),
		WrapCounters:      *flags.wrapCounters,
		ModuleConcurrency: *flags.moduleConcurrency,
		ObserveModule:     metrics.observeModule,
		InFlight:          metrics.inFlight,
	}
}

// garbagePercent is how much garbage may lie about beside the last passes. These are numbers and text,
// which cost the collector little to look through, so that it may come twice as often as usual.
const garbagePercent = 50

// shutdownTime is how long requests in hand have to end.
const shutdownTime = 5 * time.Second

// listen serves until ctx is cancelled.
func listen(ctx context.Context, server *http.Server, flags *web.FlagConfig, logger *slog.Logger) error {
	ended := make(chan error, 1)
	chosen := slices.ContainsFunc(*flags.WebListenAddresses, func(address string) bool { return strings.HasSuffix(address, ":0") })
	if !chosen { // else the logger is to say which port it is
		logger = quiet(logger)
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
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func opener(e *client.Client, debug bool, logger *slog.Logger) poller.Open {
	return func(s client.Spec) (collector.Session, error) {
		t, err := e.Target(s)
		if err != nil || !debug {
			return t, err
		}
		return &tracedSession{t, logger.With("target", s.Address)}, nil
	}
}
