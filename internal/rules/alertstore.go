package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/outbox"
	"trapline/internal/statedir"
)

// alertStore stores alerts. It is a swappableStore except in tests.
type alertStore interface {
	load(logger *slog.Logger) (list []*record, looked looks, alive time.Time, err error)
	apply(transitions []outbox.Transition, changes []change, looked []look, now time.Time) error
	markAlive(at, now time.Time) error
}

// AlertStore stores alerts in the database of the outbox, so that they outlive the process. Its zero value stores
// nothing and notifies nobody.
type AlertStore struct {
	State  *statedir.Dir
	Outbox *outbox.Outbox

	// Unsent gets the transitions if there is no Outbox; nil drops them.
	Unsent func(transitions []outbox.Transition, now time.Time)
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
func (l *AlertStore) apply(transitions []outbox.Transition, changes []change, looked []look, now time.Time) error {
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

// looks are the baseline rules that were evaluated for each target, by its name.
type looks map[string][]string

// look is the stored form of a target: the UIDs of the baseline rules that were evaluated for it. A look without rules
// deletes the target.
type look struct {
	target string
	rules  []string
}

// looksBucket has, by the name of a target, the UIDs of the baseline rules that have looked at it.
var looksBucket = []byte("rules_looks")

func storeLooks(tx *bbolt.Tx, list []look) error {
	if len(list) == 0 {
		return nil
	}
	b, err := tx.CreateBucketIfNotExists(looksBucket)
	if err != nil {
		return err
	}
	for _, l := range list {
		key := []byte(l.target)
		if len(l.rules) == 0 {
			err = b.Delete(key)
		} else {
			var text []byte
			if text, err = json.Marshal(l.rules); err == nil {
				err = b.Put(key, statedir.Seal(key, text))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func loadLooks(state *statedir.Dir) (looks, error) {
	found := looks{}
	_, err := state.ReadRecords(looksBucket, func(key, text []byte) error {
		var rules []string
		if err := json.Unmarshal(text, &rules); err != nil {
			return err
		}
		if len(bytes.TrimSpace(key)) == 0 {
			return errors.New("it is of no target")
		}
		found[string(key)] = rules
		return nil
	})
	return found, err
}

// swappableStore is an alertStore that can be replaced.
type swappableStore struct{ current atomic.Pointer[AlertStore] }

func (b *swappableStore) load(logger *slog.Logger) ([]*record, looks, time.Time, error) {
	return b.current.Load().load(logger)
}

func (b *swappableStore) apply(transitions []outbox.Transition, changes []change, looked []look, now time.Time) error {
	return b.current.Load().apply(transitions, changes, looked, now)
}

func (b *swappableStore) markAlive(at, now time.Time) error {
	return b.current.Load().markAlive(at, now)
}
