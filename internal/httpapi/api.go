// Package httpapi serves the HTTP API: its routes, their parameters and bodies, who may act, and the state of the process.
// The answers are those of fleet, alerting, catalog and explain. It renders no page.
package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"trapline/internal/alerting"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/explain"
	"trapline/internal/fleet"
	"trapline/internal/journal"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/mibs"
)

// Options are the sources of an API.
type Options struct {
	Polls   *poller.Poller
	Rules   *rules.Evaluator
	Outbox  *outbox.Outbox   // nil without a state directory
	Journal *journal.Journal // nil: none
	Version string
	Started time.Time

	Guard  Guard        // of requests that act
	Logger *slog.Logger // of who acts; nil means nowhere

	Open          poller.Open                                    // the session to a target, to ask it beside its polls
	Names         func() (*mibs.Tree, error)                     // the MIBs of the configuration and the built-in ones
	Modules       func() (map[string]catalog.KnownModule, error) // of the configuration and those that ship
	Neighbours    func(target string) []api.Neighbour            // of a target; nil: none are known
	Configuration Configuration
	Discovery     Discovery // of lists of targets
	Cluster       func(context.Context) (api.Cluster, error)
	Received      func(limit int) api.Received // of notifications of devices; nil: none
}

// API serves the answers of the parts of a running Trapline. Its methods may be called concurrently.
type API struct {
	Fleet     *fleet.Fleet
	Console   *alerting.Console
	Catalog   *catalog.Catalog
	Explainer *explain.Explainer

	options  Options
	checking sync.Mutex
	counted  counts
}

// New returns an API over running parts.
func New(o Options) *API {
	a := &API{Catalog: catalog.New(o.Polls, o.Names, o.Modules), options: o}
	a.Console = alerting.New(o.Rules, a.Catalog, o.Outbox, o.Journal)
	a.Fleet = fleet.New(o.Polls, o.Open, a.Catalog, a.Console, o.Started)
	a.Fleet.Neighbours = o.Neighbours
	a.Explainer = explain.New(a.Fleet, a.Catalog, o.Configuration.Where)
	return a
}
