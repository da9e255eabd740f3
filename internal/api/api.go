// Package api answers what pages, scripts and the command line ask of a running Trapline: the state of
// targets, alarms, receivers, rules and the configuration, and the reasons of failures in words. It reads the
// poller, the rules and the outbox. It renders no page.
package api

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/journal"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/mibs"
)

// Options are the sources of an API.
type Options struct {
	Polls   *poller.Poller
	Rules   *rules.Evaluator
	Outbox  *notify.Outbox   // nil without a state directory
	Journal *journal.Journal // nil: none
	Version string
	Started time.Time

	Guard  Guard        // of what acts
	Logger *slog.Logger // of who acts; nil means nowhere

	Open          poller.Open                            // the session to a target, to ask it beside its polls
	Names         func() (*mibs.Tree, error)             // the MIBs of the configuration and the built-in ones
	Modules       func() (map[string]KnownModule, error) // of the configuration and those that ship
	Configuration Configuration
}

// API answers queries. Its methods may be called concurrently.
type API struct {
	options   Options
	kept      atomic.Pointer[kept]
	asking    asking
	checking  sync.Mutex
	counted   counted
	followers atomic.Int32  // of events
	searching chan struct{} // has an element for each search for words in the journal
}

// New returns an API over running parts.
func New(o Options) *API {
	a := &API{options: o, searching: make(chan struct{}, maxSearches)}
	a.Use(o.Outbox, o.Journal)
	return a
}

// kept is where alarms and events are kept.
type kept struct {
	outbox  *notify.Outbox
	journal *journal.Journal
	moved   chan struct{} // closed once they are kept elsewhere
}

// Use has answers come of an outbox and a journal, either of which may be nil, in place of those of the options.
func (a *API) Use(outbox *notify.Outbox, j *journal.Journal) {
	if before := a.kept.Swap(&kept{outbox, j, make(chan struct{})}); before != nil {
		close(before.moved)
	}
}

func (a *API) outbox() *notify.Outbox { return a.kept.Load().outbox }

func (a *API) journal() *journal.Journal { return a.kept.Load().journal }

// Errors of queries. The answer's status is 404, 400, 409, 403 and 503.
var (
	ErrNotFound    = errors.New("not found")
	ErrBadRequest  = errors.New("bad request")
	ErrBusy        = errors.New("busy")
	ErrLocked      = errors.New("actions are off")
	ErrUnavailable = errors.New("unavailable")
)
