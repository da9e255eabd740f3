package serve

import (
	"context"
	"log/slog"

	"trapline/internal/httpapi"

	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"trapline/internal/app"
	"trapline/internal/cli"
	"trapline/internal/runtimeconfig"
)

// AddServeFlags adds the flags of the daemon, named as snmp_exporter's where it has them.
func AddServeFlags(f cli.Flagger) *app.Options {
	o := &app.Options{}
	cli.ConfigFlagsVar(f, &o.Files, &o.ExpandEnv)
	f.Flag("snmp.wrap-large-counters", "Wrap 64-bit counters at 2^53, so that every value is exact.").Default("true").BoolVar(&o.WrapCounters)
	f.Flag("snmp.source-address", "Address, or address:port, to send requests from; global.source_address and the targets' own come first.").StringVar(&o.SourceAddress)
	cli.CountVar(f.Flag("snmp.module-concurrency", "Modules of one target to ask for at the same time.").Default("1"), 0, &o.ModuleConcurrency)
	f.Flag("snmp.debug-packets", "Log every request and variable binding at debug level.").BoolVar(&o.DebugPackets)
	f.Flag("cluster.member", "Name of this member of the cluster, by which others reach it; default: cluster.member of the configuration, or the host name.").PlaceHolder("NAME").StringVar(&o.Member)
	addWebFlags(f, o)
	return o
}

func addWebFlags(f cli.Flagger, o *app.Options) {
	f.Flag("web.telemetry-path", "Path under which metrics are exposed.").Default("/metrics").SetValue((*pathValue)(&o.TelemetryPath))
	f.Flag("web.targets", "Expose the series of polled targets beside Trapline's own. In a cluster the default is --no-web.targets.").Default("true").IsSetByUser(&o.ExposeChosen).BoolVar(&o.ExposeTargets)
	f.Flag("web.enable-query", "Answer queries of what the rules look at, on /api/v1/query and /api/v1/query_range, to whoever may ask.").BoolVar(&o.EnableQuery)
	f.Flag("web.timeout-offset", "How long before the end of Prometheus' scrape timeout a poll is given up.").Default("500ms").DurationVar(&o.TimeoutOffset)
	cli.CountVar(f.Flag("web.max-connections", "HTTP connections at once; more are refused.").Default("8192"), 1, &o.MaxConnections)
	cli.CountVar(f.Flag("web.max-probes", "Polls that /snmp makes at once; further requests wait for their turn.").Default("1000"), 1, &o.MaxProbes)
	f.Flag("web.max-alerts-bytes", "Octets of a request by which Prometheus or Alertmanager may send alerts.").Default("8388608").Int64Var(&o.MaxAlertsBytes)
	f.Flag("web.actions", "Whether pages and the API may poll, walk, reload and the like: auto allows it on loopback listeners, and where --web.config.file has users or the client a certificate.").Default(httpapi.ActionsAuto).EnumVar(&o.Actions, httpapi.ActionsAuto, httpapi.ActionsOn, httpapi.ActionsOff)
	f.Flag("web.external-url", "The URL under which Trapline is reached from outside, for example by way of a reverse proxy. Its path is the prefix of all paths, unless --web.route-prefix sets another.").StringVar(&o.ExternalURL)
	f.Flag("web.route-prefix", "Prefix of all paths; default: the path of --web.external-url.").StringVar(&o.RoutePrefix)
	o.Web = kingpinflag.AddFlags(f, ":9116")
}

func addServe(program *cli.Program) {
	c := program.App.Command("serve", "Poll the targets of the configuration and answer Prometheus (the default).").Default()
	o := AddServeFlags(c)
	dryRun := c.Flag("dry-run", "Only read the configuration, as check does, and exit.").Bool()
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		if *dryRun {
			return runtimeconfig.Check(o.Files, o.ExpandEnv, logger)
		}
		return app.Run(ctx, o, logger)
	}
}

// pathValue is the argument of --web.telemetry-path.
type pathValue string

// ownPaths are served already.
var ownPaths = []string{"/snmp", "/sd", "/config", "/targets", "/-", "/api", "/debug", "/static", "/alarms", "/rules", "/receivers", "/configuration", "/mibs", "/modules"}

// Set reads a path that nothing else is served under.
func (p *pathValue) Set(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !strings.HasPrefix(text, "/") || u.Path != text || strings.ContainsAny(text, "{} ") || path.Clean(text) != strings.TrimRight(text, "/") && text != "/":
		return fmt.Errorf("%.80q is not a path: write one such as /metrics", text)
	case slices.Contains(ownPaths, "/"+strings.SplitN(text, "/", 3)[1]):
		return fmt.Errorf("%s is served already: write another path, such as /metrics", text)
	}
	*p = pathValue(text)
	return nil
}

func (p *pathValue) String() string { return string(*p) }
