package rules

import (
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/notify"
)

// ledger is what keeps alerts; it is Ledger but in tests.
type ledger interface {
	load(logger *slog.Logger) (list []*record, alive time.Time, err error)
	apply(transitions []notify.Transition, changes []change, now time.Time) error
	alive(at, now time.Time) error
}

// Ledger is where alerts outlive the process, together with what receivers have yet to be told of them. Its
// zero value keeps nothing and tells nobody.
type Ledger struct {
	State  *notify.State
	Outbox *notify.Outbox
}

func (l *Ledger) load(logger *slog.Logger) (list []*record, alive time.Time, err error) {
	if l.State == nil {
		return nil, time.Time{}, nil
	}
	defer l.State.LogDamage(logger)
	return loadRecords(l.State, l.Outbox)
}

// apply commits changes of alerts and transitions of alarms in one transaction.
func (l *Ledger) apply(transitions []notify.Transition, changes []change, now time.Time) error {
	if l.Outbox == nil || len(transitions)+len(changes) == 0 {
		return nil
	}
	if len(changes) == 0 {
		return l.Outbox.Apply(transitions, now)
	}
	return l.Outbox.ApplyWith(transitions, now, func(tx *bbolt.Tx) error { return storeChanges(tx, changes) })
}

// alive notes that up to the time at, by the clock of rules, nothing was missed.
func (l *Ledger) alive(at, now time.Time) error {
	if l.Outbox == nil {
		return nil
	}
	return l.Outbox.ApplyWith(nil, now, func(tx *bbolt.Tx) error { return storeAlive(tx, at) })
}
