package main

import (
	"context"
	"log/slog"
	"time"

	"trapline/internal/httpapi"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// serveFlags are the flags of the server, named as snmp_exporter's where it has them.
type serveFlags struct {
	files             *[]string
	expandEnv         *bool
	dryRun            *bool
	wrapCounters      *bool
	sourceAddress     *string
	moduleConcurrency *int
	debugPackets      *bool
	telemetryPath     *string
	exposeTargets     *bool
	enableQuery       *bool
	timeoutOffset     *time.Duration
	maxConnections    *int
	maxProbes         *int
	maxAlertsBytes    *int64
	actions           *string
	externalURL       *string
	routePrefix       *string
	web               *web.FlagConfig
}

// flagger is an application or one of its subcommands.
type flagger interface {
	Flag(name, help string) *kingpin.FlagClause
}

func addConfigFlags(f flagger) (files *[]string, expandEnv *bool) {
	files = f.Flag("config.file", "Path of the configuration file, or a glob of several. Repeatable. Without it: snmp.yml, or /etc/trapline/snmp.yml.").PlaceHolder("snmp.yml").Strings()
	expandEnv = f.Flag("config.expand-environment-variables", "Expand $NAME and ${NAME} in the credentials of auths; $$ is a $.").Bool()
	return files, expandEnv
}

func newServeFlags(f flagger) *serveFlags {
	var s serveFlags
	s.files, s.expandEnv = addConfigFlags(f)
	s.dryRun = f.Flag("dry-run", "Only read the configuration, as check does, and exit.").Bool()
	s.wrapCounters = f.Flag("snmp.wrap-large-counters", "Wrap 64-bit counters at 2^53, so that every value is exact.").Default("true").Bool()
	s.sourceAddress = f.Flag("snmp.source-address", "Address, or address:port, to send requests from; global.source_address and the targets' own come first.").String()
	s.moduleConcurrency = countOf(f.Flag("snmp.module-concurrency", "Modules of one target to ask for at the same time.").Default("1"), 0)
	s.debugPackets = f.Flag("snmp.debug-packets", "Log every request and variable binding at debug level.").Bool()
	telemetryPath := new(pathValue)
	f.Flag("web.telemetry-path", "Path under which metrics are exposed.").Default("/metrics").SetValue(telemetryPath)
	s.telemetryPath = (*string)(telemetryPath)
	s.exposeTargets = f.Flag("web.targets", "Expose the series of polled targets beside Trapline's own.").Default("true").Bool()
	s.enableQuery = f.Flag("web.enable-query", "Answer queries of what the rules look at, on /api/v1/query and /api/v1/query_range, to whoever may ask.").Bool()
	s.timeoutOffset = f.Flag("web.timeout-offset", "How long before the end of Prometheus' scrape timeout a poll is given up.").Default("500ms").Duration()
	s.maxConnections = countOf(f.Flag("web.max-connections", "HTTP connections at once; more are refused.").Default("8192"), 1)
	s.maxProbes = countOf(f.Flag("web.max-probes", "Polls that /snmp makes at once; further requests wait for their turn.").Default("1000"), 1)
	s.maxAlertsBytes = f.Flag("web.max-alerts-bytes", "Octets of a request by which Prometheus or Alertmanager may send alerts.").Default("8388608").Int64()
	s.actions = f.Flag("web.actions", "Whether pages and the API may poll, walk, reload and the like: auto allows it on loopback listeners, and where --web.config.file has users or the client a certificate.").Default(httpapi.ActionsAuto).Enum(httpapi.ActionsAuto, httpapi.ActionsOn, httpapi.ActionsOff)
	s.externalURL = f.Flag("web.external-url", "The URL under which Trapline is reached from outside, for example by way of a reverse proxy. Its path is the prefix of all paths, unless --web.route-prefix sets another.").String()
	s.routePrefix = f.Flag("web.route-prefix", "Prefix of all paths; default: the path of --web.external-url.").String()
	s.web = kingpinflag.AddFlags(f, ":9116")
	return &s
}

func addServe(app *kingpin.Application, commands map[string]command) {
	c := app.Command("serve", "Poll the targets of the configuration and answer Prometheus (the default).").Default()
	flags := newServeFlags(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		if *flags.dryRun {
			return check(*flags.files, *flags.expandEnv, logger)
		}
		return run(ctx, flags, logger)
	}
}
