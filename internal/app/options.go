package app

import (
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// Options are the settings of the daemon that are not in the configuration, as the flags of serve set them.
type Options struct {
	Files             []string // of the configuration, or globs; empty: the standard ones
	ExpandEnv         bool     // $NAME in credentials
	WrapCounters      bool     // at 2^53
	SourceAddress     string   // of requests, unless the configuration has one
	ModuleConcurrency int      // modules of one target that are polled at the same time
	DebugPackets      bool     // log each request and variable binding
	TelemetryPath     string   // of the metrics
	ExposeTargets     bool     // their series too, under TelemetryPath
	ExposeChosen      bool     // the user has set ExposeTargets
	Member            string   // of the cluster; empty: as the configuration says
	EnableQuery       bool
	TimeoutOffset     time.Duration // before the end of Prometheus' scrape timeout
	MaxConnections    int           // of HTTP, at once
	MaxProbes         int           // polls for /snmp, at once
	MaxAlertsBytes    int64         // octets of a request that sends alerts
	Actions           string        // httpapi.ActionsAuto, httpapi.ActionsOn or httpapi.ActionsOff
	ExternalURL       string
	RoutePrefix       string // of all paths; empty: the path of ExternalURL
	Web               *web.FlagConfig
}
