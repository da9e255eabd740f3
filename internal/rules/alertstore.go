package rules

import (
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/notify"
)

// alertStore stores alerts. It is a swappableStore except in tests.
type alertStore interface {
	load(logger *slog.Logger) (list []*record, looked looks, alive time.Time, err error)
	apply(transitions []notify.Transition, changes []change, looked []look, now time.Time) error
	markAlive(at, now time.Time) error
}

// AlertStore stores alerts in the database of the outbox, so that they outlive the process. Its zero value stores
// nothing and notifies nobody.
type AlertStore struct {
	State  *notify.State
	Outbox *notify.Outbox

	// Unsent gets the transitions if there is no Outbox; nil drops them.
	Unsent func(transitions []notify.Transition, now time.Time)
}

func (l *AlertStore) load(logger *slog.Logger) (list []*record, looked looks, alive time.Time, err error) {
	if l.State == nil {
		return nil, nil, time.Time{}, nil
	}
	defer l.State.LogDamage(logger)
	if looked, err = loadLooks(l.State); err != nil {
		return nil, nil, time.Time{}, err
	}
	list, alive, err = loadRecords(l.State, l.Outbox)
	return list, looked, alive, err
}

// apply commits changes of alerts, transitions of alarms and looks of rules in one transaction.
func (l *AlertStore) apply(transitions []notify.Transition, changes []change, looked []look, now time.Time) error {
	if l.Outbox == nil && l.Unsent != nil {
		l.Unsent(transitions, now)
	}
	if l.Outbox == nil || len(transitions)+len(changes)+len(looked) == 0 {
		return nil
	}
	if len(changes)+len(looked) == 0 {
		return l.Outbox.Apply(transitions, now)
	}
	return l.Outbox.ApplyWith(transitions, now, func(tx *bbolt.Tx) error {
		if err := storeLooks(tx, looked); err != nil {
			return err
		}
		return storeChanges(tx, changes)
	})
}

// markAlive stores that no evaluation was missed up to the time at, by the clock of rules.
func (l *AlertStore) markAlive(at, now time.Time) error {
	if l.Outbox == nil {
		return nil
	}
	return l.Outbox.ApplyWith(nil, now, func(tx *bbolt.Tx) error { return storeAlive(tx, at) })
}
