package app

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/httpserver"
)

// limits bound the work and the memory that HTTP clients can take.
type limits struct {
	metrics    *httpserver.Metrics
	spool      *httpserver.Spool
	alerts     *httpserver.Intake
	forms      *httpserver.Intake
	members    *httpserver.Intake
	probes     probes
	telemetry  *httpserver.Gate
	render     *httpserver.Gate
	actions    *httpserver.Gate
	config     *httpserver.Gate
	query      *httpserver.Gate
	inlet      *httpserver.Gate
	inletLarge *httpserver.Gate
	profiles   *httpserver.Gate
}

const (
	maxHeldResponses = 32 << 20 // octets of responses that wait for their readers
	maxHeldResponse  = 4 << 20  // of one; larger ones are streamed
	maxHeldRequests  = 32 << 20 // octets of bodies that are being received
	maxForm          = 64 << 10 // octets of the form of a query

	maxHeldOfMembers     = 128 << 20 // octets of bodies that are being received from other members
	maxOfMembers         = 64 << 20  // of one
	maxMemberConnections = 4096      // on the port for other members

	// maxScrapeTime is how long a pass on demand may take, where the client sets no timeout.
	maxScrapeTime = 2 * time.Minute
)

func newLimits(registry prometheus.Registerer, o *Options) *limits {
	m := httpserver.NewMetrics(registry)
	gate := func(path string, running, waiting int, wait time.Duration) *httpserver.Gate {
		return httpserver.NewGate(httpserver.GateOptions{Path: path, Running: running, Waiting: waiting, Wait: wait}, m)
	}
	live := o.MaxProbes / 4 // whose passes are short
	requests := httpserver.NewMemory("requests", maxHeldRequests, m)
	return &limits{
		metrics: m,
		spool: &httpserver.Spool{
			Memory: httpserver.NewMemory("responses", maxHeldResponses, m), MaxResponse: maxHeldResponse,
			Streams: gate("large responses", 4, 8, 10*time.Second),
		},
		alerts:  &httpserver.Intake{Memory: requests, MaxBody: o.MaxAlertsBytes},
		forms:   &httpserver.Intake{Memory: requests, MaxBody: maxForm},
		members: &httpserver.Intake{Memory: httpserver.NewMemory("requests of members", maxHeldOfMembers, m), MaxBody: maxOfMembers},
		probes: probes{
			live:   gate("/snmp", max(1, live), o.MaxConnections, maxScrapeTime),
			others: gate("/snmp of devices that did not answer", max(1, o.MaxProbes-live), o.MaxConnections, maxScrapeTime),
		},
		telemetry:  gate("/metrics", 4, 64, 10*time.Second),
		render:     gate("/targets, /sd, /api", 64, 1024, 10*time.Second),
		actions:    gate("actions", 64, 64, 10*time.Second),
		config:     gate("/config", 1, 16, 10*time.Second),
		query:      gate("/api/v1/query", max(1, runtime.GOMAXPROCS(0)/2), 16, 10*time.Second),
		inlet:      gate("alerts", 32, 1024, 30*time.Second),
		inletLarge: gate("many alerts", 1, 16, 30*time.Second),
		profiles:   gate("/debug/pprof/", 2, 4, time.Second),
	}
}
