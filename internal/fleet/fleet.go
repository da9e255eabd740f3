// Package fleet answers queries about targets by their last polls: lists, tables with rates, and the sentences on targets that need
// attention. It polls and walks targets on request.
package fleet

import (
	"fmt"
	"time"

	"trapline/internal/alerting"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/poller"
)

// Fleet answers queries about targets by their last polls, and polls and walks them. Its methods may be called
// concurrently.
type Fleet struct {
	polls    *poller.Poller
	open     poller.Open // the session to a target, to request objects beside its polls; nil if that is not possible
	catalog  *catalog.Catalog
	console  *alerting.Console
	started  time.Time // of the process
	sessions sessions

	Neighbours func(target string) []api.Neighbour // nil where none are known; set before the first query
}

// New returns the fleet of the targets of a poller.
func New(polls *poller.Poller, open poller.Open, catalog *catalog.Catalog, console *alerting.Console, started time.Time) *Fleet {
	return &Fleet{polls: polls, open: open, catalog: catalog, console: console, started: started}
}

// Usages returns how much the targets use modules, by name.
func (f *Fleet) Usages() map[string]*catalog.Usage { return f.catalog.Usages() }

// Detail returns the state of a target. The error of a name that no target has is ErrNotFound.
func (f *Fleet) Detail(name string) (poller.Detail, error) {
	d, ok := f.polls.Detail(name)
	if !ok {
		return d, f.NoTarget(name)
	}
	return d, nil
}

// HasTarget reports whether there is a target of a name.
func (f *Fleet) HasTarget(name string) bool {
	_, ok := f.polls.Detail(name)
	return ok
}

// StoreVersion returns a version that changes with the state of any target and the number of its alarms. It differs
// between processes.
func (f *Fleet) StoreVersion() string {
	return fmt.Sprintf("%x-%x-%x", f.started.UnixNano(), f.polls.Version(), f.console.OpenAlarms().Version)
}
