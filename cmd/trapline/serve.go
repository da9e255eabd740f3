package main

import (
	"context"
	"log/slog"

	"trapline/internal/httpapi"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"trapline/internal/app"
	"trapline/internal/runtimeconfig"
)

// flagger is an application or one of its subcommands.
type flagger interface {
	Flag(name, help string) *kingpin.FlagClause
}

// addConfigFlags adds the flags that name the configuration.
func addConfigFlags(f flagger) (files *[]string, expandEnv *bool) {
	files, expandEnv = new([]string), new(bool)
	configFlagsVar(f, files, expandEnv)
	return files, expandEnv
}

func configFlagsVar(f flagger, files *[]string, expandEnv *bool) {
	f.Flag("config.file", "Path of the configuration file, or a glob of several. Repeatable. Without it: snmp.yml, or /etc/trapline/snmp.yml.").PlaceHolder("snmp.yml").StringsVar(files)
	f.Flag("config.expand-environment-variables", "Expand $NAME and ${NAME} in the credentials of auths; $$ is a $.").BoolVar(expandEnv)
}

// addServeFlags adds the flags of the daemon, named as snmp_exporter's where it has them.
func addServeFlags(f flagger) *app.Options {
	o := &app.Options{}
	configFlagsVar(f, &o.Files, &o.ExpandEnv)
	f.Flag("snmp.wrap-large-counters", "Wrap 64-bit counters at 2^53, so that every value is exact.").Default("true").BoolVar(&o.WrapCounters)
	f.Flag("snmp.source-address", "Address, or address:port, to send requests from; global.source_address and the targets' own come first.").StringVar(&o.SourceAddress)
	countVar(f.Flag("snmp.module-concurrency", "Modules of one target to ask for at the same time.").Default("1"), 0, &o.ModuleConcurrency)
	f.Flag("snmp.debug-packets", "Log every request and variable binding at debug level.").BoolVar(&o.DebugPackets)
	addWebFlags(f, o)
	return o
}

func addWebFlags(f flagger, o *app.Options) {
	f.Flag("web.telemetry-path", "Path under which metrics are exposed.").Default("/metrics").SetValue((*pathValue)(&o.TelemetryPath))
	f.Flag("web.targets", "Expose the series of polled targets beside Trapline's own.").Default("true").BoolVar(&o.ExposeTargets)
	f.Flag("web.enable-query", "Answer queries of what the rules look at, on /api/v1/query and /api/v1/query_range, to whoever may ask.").BoolVar(&o.EnableQuery)
	f.Flag("web.timeout-offset", "How long before the end of Prometheus' scrape timeout a poll is given up.").Default("500ms").DurationVar(&o.TimeoutOffset)
	countVar(f.Flag("web.max-connections", "HTTP connections at once; more are refused.").Default("8192"), 1, &o.MaxConnections)
	countVar(f.Flag("web.max-probes", "Polls that /snmp makes at once; further requests wait for their turn.").Default("1000"), 1, &o.MaxProbes)
	f.Flag("web.max-alerts-bytes", "Octets of a request by which Prometheus or Alertmanager may send alerts.").Default("8388608").Int64Var(&o.MaxAlertsBytes)
	f.Flag("web.actions", "Whether pages and the API may poll, walk, reload and the like: auto allows it on loopback listeners, and where --web.config.file has users or the client a certificate.").Default(httpapi.ActionsAuto).EnumVar(&o.Actions, httpapi.ActionsAuto, httpapi.ActionsOn, httpapi.ActionsOff)
	f.Flag("web.external-url", "The URL under which Trapline is reached from outside, for example by way of a reverse proxy. Its path is the prefix of all paths, unless --web.route-prefix sets another.").StringVar(&o.ExternalURL)
	f.Flag("web.route-prefix", "Prefix of all paths; default: the path of --web.external-url.").StringVar(&o.RoutePrefix)
	o.Web = kingpinflag.AddFlags(f, ":9116")
}

func addServe(application *kingpin.Application, commands map[string]command) {
	c := application.Command("serve", "Poll the targets of the configuration and answer Prometheus (the default).").Default()
	o := addServeFlags(c)
	dryRun := c.Flag("dry-run", "Only read the configuration, as check does, and exit.").Bool()
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		if *dryRun {
			return runtimeconfig.Check(o.Files, o.ExpandEnv, logger)
		}
		return app.Run(ctx, o, logger)
	}
}
