// Package alerting answers queries about alarms, rules, receivers and the journal, and acts on alarms and receivers.
package alerting

import (
	"sync/atomic"

	"trapline/internal/alarm"
	"trapline/internal/catalog"
	"trapline/internal/journal"
	"trapline/internal/outbox"
	"trapline/internal/outbox/standing"
	"trapline/internal/rules"
)

// Console answers queries about alarms, rules, receivers and the journal, and acts on them. Its methods may be called
// concurrently.
type Console struct {
	// Beside returns the wanted ones of the active alarms that have an outbox of their own; nil: there are none. It is set before any
	// method is called.
	Beside func(wanted func(*alarm.Alarm) bool) []standing.Standing

	rules     *rules.Evaluator // nil: none
	catalog   *catalog.Catalog
	storage   atomic.Pointer[storage]
	counted   counted
	followers atomic.Int32  // of events
	searching chan struct{} // has an element for each search that takes long
}

// New returns a console over running parts. The outbox and the journal may be nil.
func New(evaluator *rules.Evaluator, catalog *catalog.Catalog, outbox *outbox.Outbox, j *journal.Journal) *Console {
	c := &Console{rules: evaluator, catalog: catalog, searching: make(chan struct{}, maxSearches)}
	c.Use(outbox, j)
	return c
}

// storage is where alarms and events are kept.
type storage struct {
	outbox   *outbox.Outbox
	journal  *journal.Journal
	replaced chan struct{} // closed once they are kept elsewhere
}

// Use replaces the outbox and the journal, either of which may be nil.
func (c *Console) Use(outbox *outbox.Outbox, j *journal.Journal) {
	if before := c.storage.Swap(&storage{outbox, j, make(chan struct{})}); before != nil {
		close(before.replaced)
	}
}

func (c *Console) outbox() *outbox.Outbox { return c.storage.Load().outbox }

// Journal returns the journal; nil if there is none.
func (c *Console) Journal() *journal.Journal { return c.storage.Load().journal }
