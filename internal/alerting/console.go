// Package alerting answers queries about alarms, rules, receivers and the journal, and acts on alarms and receivers.
package alerting

import (
	"sync/atomic"

	"trapline/internal/catalog"
	"trapline/internal/journal"
	"trapline/internal/notify"
	"trapline/internal/rules"
)

// Console answers queries about alarms, rules, receivers and the journal, and acts on them. Its methods may be called
// concurrently.
type Console struct {
	rules     *rules.Evaluator // nil: none
	catalog   *catalog.Catalog
	kept      atomic.Pointer[kept]
	counted   counted
	followers atomic.Int32  // of events
	searching chan struct{} // has an element for each search for words in the journal
}

// New returns a console over running parts. The outbox and the journal may be nil.
func New(evaluator *rules.Evaluator, catalog *catalog.Catalog, outbox *notify.Outbox, j *journal.Journal) *Console {
	c := &Console{rules: evaluator, catalog: catalog, searching: make(chan struct{}, maxSearches)}
	c.Use(outbox, j)
	return c
}

// kept is where alarms and events are kept.
type kept struct {
	outbox  *notify.Outbox
	journal *journal.Journal
	moved   chan struct{} // closed once they are kept elsewhere
}

// Use replaces the outbox and the journal, either of which may be nil.
func (c *Console) Use(outbox *notify.Outbox, j *journal.Journal) {
	if before := c.kept.Swap(&kept{outbox, j, make(chan struct{})}); before != nil {
		close(before.moved)
	}
}

func (c *Console) outbox() *notify.Outbox { return c.kept.Load().outbox }

// Journal returns the journal; nil if there is none.
func (c *Console) Journal() *journal.Journal { return c.kept.Load().journal }
