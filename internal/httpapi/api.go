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
	Fleet     Fleet
	Console   Console
	Catalog   *catalog.Catalog
	Explainer Explainer
	Own       Own // of this process, of which the others are made

	options  Options
	union    Union // nil unless it answers for a cluster
	own      *API  // of this member of it
	checking sync.Mutex
	counted  counts
}

// Own are the parts of a process.
type Own struct {
	Fleet     *fleet.Fleet
	Console   *alerting.Console
	Explainer *explain.Explainer
}

// New returns an API over running parts.
func New(o Options) *API {
	a := &API{Catalog: catalog.New(o.Polls, o.Names, o.Modules), options: o}
	a.Own.Console = alerting.New(o.Rules, a.Catalog, o.Outbox, o.Journal)
	a.Own.Fleet = fleet.New(o.Polls, o.Open, a.Catalog, a.Own.Console, o.Started)
	a.Own.Fleet.Neighbours = o.Neighbours
	a.Own.Explainer = explain.New(a.Own.Fleet, a.Catalog, o.Configuration.Where)
	a.Fleet, a.Console, a.Explainer = a.Own.Fleet, a.Own.Console, a.Own.Explainer
	return a
}

// Union adds to the answers of a process those of the other members of its cluster.
type Union interface {
	Warnings() []string // which members do not answer
	Status(api.Status) api.Status
	Usages() []map[string]*catalog.Usage // of modules, by other members
	Received(own func(limit int) api.Received, limit int) api.Received
	Everywhere(path string) error // has the other members act by a path
}

// ForAll returns an API that answers for all members of a cluster.
func (a *API) ForAll(u Union, f Fleet, c Console, x Explainer) *API {
	return &API{Fleet: f, Console: c, Catalog: a.Catalog.ForAll(u.Usages), Explainer: x, Own: a.Own, options: a.options, union: u, own: a}
}
