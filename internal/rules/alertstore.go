package rules

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"trapline/internal/ledger"
	"trapline/internal/ledger/bolt"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/rules/known"
	"trapline/internal/statedir"
)

// alertStore stores alerts. It is a swappableStore except in tests.
type alertStore interface {
	load(ctx context.Context, shard string, logger *slog.Logger) (list []*record, looked looks, alive time.Time, err error)
	apply(transitions []outbox.Transition, changes []change, looked []look, now time.Time) error
	markAlive(at, now time.Time) error
}

// AlertStore stores alerts in the database of the outbox, so that they outlive the process. Its zero value stores
// nothing and notifies nobody.
type AlertStore struct {
	State  *statedir.Dir
	Outbox *outbox.Outbox

	// Store has the alerts of all shards in a cluster; nil means that State has them. The Outbox commits to it.
	Store ledger.Store

	// Unsent gets the transitions if there is no Outbox; nil drops them.
	Unsent func(transitions []outbox.Transition, now time.Time)
}

// load returns the alerts and looks of a shard. Invalid records are put aside; those of active alarms are restored from the
// alarms. A shard of a cluster has no time alive.
func (l *AlertStore) load(ctx context.Context, shard string, logger *slog.Logger) (list []*record, looked looks, alive time.Time, err error) {
	from := l.Store
	if from == nil {
		if l.State == nil {
			return nil, nil, alive, nil
		}
		defer l.State.LogDamage(logger)
		from = &bolt.Store{Dir: l.State}
	}
	looked = looks{}
	bad, err := read(ctx, from, shard, map[string]ledger.Each{
		ledger.Alive: func(_ string, text []byte) error { return alive.UnmarshalText(text) },
		ledger.Look:  looked.add,
		ledger.Alert: func(id string, text []byte) error {
			r, err := recordIn(id, text)
			if err == nil {
				r.shard = shard
				list = append(list, r)
			}
			return err
		},
	})
	if err == nil && l.Outbox != nil && (len(bad) > 0 || l.Store == nil && l.State.Damaged() > 0) {
		list = reconciled(shard, list, bad, l.Outbox.Conditions())
	}
	return list, looked, alive, err
}

// read calls a function for the records of each kind, and returns the names of alerts that cannot be read.
func read(ctx context.Context, from ledger.Store, shard string, each map[string]ledger.Each) (bad []string, err error) {
	err = ledger.Load(ctx, from, shard, slices.Collect(maps.Keys(each)), func(key string, text []byte) error {
		for kind, one := range each {
			if name, ok := strings.CutPrefix(key, kind); ok {
				return one(name, text)
			}
		}
		return nil
	})
	damage := (*ledger.Damage)(nil)
	if !errors.As(err, &damage) {
		return nil, err
	}
	for _, key := range damage.Keys {
		if id, ok := strings.CutPrefix(key, ledger.Alert); ok {
			bad = append(bad, id)
		}
	}
	return bad, nil
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
	writes, err := writesOf(changes)
	if err == nil {
		writes, err = appendLooks(writes, looked)
	}
	if err != nil {
		return err
	}
	return l.Outbox.ApplyWith(transitions, now, writes)
}

// markAlive stores that no evaluation was missed up to the time at, by the clock of rules.
func (l *AlertStore) markAlive(at, now time.Time) error {
	if l.Outbox == nil {
		return nil
	}
	text, err := at.MarshalText()
	if err != nil {
		return err
	}
	return l.Outbox.ApplyWith(nil, now, []ledger.Write{{Key: ledger.Alive, Value: text}})
}

// looks are the looks of the last process, by the name of the target.
type looks map[string]look

// look is the stored form of the look at a target. Without rules and rows it is deleted.
type look struct {
	known.Look
	target string    // empty as it is read
	shard  string    // that it is stored in
	gone   time.Time // since when there is no such target; zero if that is not known
}

// lookState is what baseline rules have seen of a target. The mutex of its device guards it.
type lookState struct {
	rules   map[string]bool        // that were evaluated, by UID
	known   map[string]*known.Rows // by the expression that found them
	changed bool                   // it differs from what is stored
}

func newLookState() *lookState {
	return &lookState{rules: map[string]bool{}, known: map[string]*known.Rows{}}
}

func (s *lookState) empty() bool { return len(s.rules)+len(s.known) == 0 }

// forget removes rules and expressions that were deleted: if they are added again, they have another baseline.
func (s *lookState) forget(set *Set) {
	before := len(s.rules) + len(s.known)
	maps.DeleteFunc(s.rules, func(uid string, _ bool) bool {
		return !slices.ContainsFunc(set.baselines, func(r *Rule) bool { return r.UID == uid })
	})
	maps.DeleteFunc(s.known, func(text string, _ *known.Rows) bool {
		return !slices.ContainsFunc(set.baselines, func(r *Rule) bool { return r.sound != nil && r.sound.String() == text })
	})
	s.changed = s.changed || len(s.rules)+len(s.known) < before
}

// stored returns the stored form, with rules that were evaluated besides.
func (s *lookState) stored(t *poller.Target, more []string) look {
	l := look{target: t.Name, Look: known.Look{Rules: slices.Sorted(maps.Keys(s.rules)), Address: t.Spec.Address, Known: map[string][]byte{}}}
	l.Rules = append(l.Rules, more...)
	for text, rows := range s.known {
		l.Known[text] = rows.Octets()
	}
	return l
}

func (s *lookState) take(stored map[string][]byte) {
	for text, octets := range stored {
		if rows, err := known.Read(octets); err == nil {
			s.known[text] = rows
		}
	}
}

// appendLooks appends the writes of looks.
func appendLooks(writes []ledger.Write, list []look) ([]ledger.Write, error) {
	for _, l := range list {
		w := ledger.Write{Shard: l.shard, Key: ledger.Named(ledger.Look, l.target)}
		if len(l.Rules)+len(l.Known) > 0 {
			var err error
			if w.Value, err = json.Marshal(&l.Look); err != nil {
				return nil, err
			}
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// add adds the look at a target as it is stored.
func (all looks) add(target string, text []byte) error {
	l, err := known.ReadLook(text)
	if err != nil {
		return err
	}
	if strings.TrimSpace(target) == "" {
		return errors.New("it is of no target")
	}
	all[target] = look{Look: l}
	return nil
}

// swappableStore is an alertStore that can be replaced.
type swappableStore struct{ current atomic.Pointer[AlertStore] }

func (b *swappableStore) load(ctx context.Context, shard string, logger *slog.Logger) ([]*record, looks, time.Time, error) {
	return b.current.Load().load(ctx, shard, logger)
}

func (b *swappableStore) apply(transitions []outbox.Transition, changes []change, looked []look, now time.Time) error {
	return b.current.Load().apply(transitions, changes, looked, now)
}

func (b *swappableStore) markAlive(at, now time.Time) error {
	return b.current.Load().markAlive(at, now)
}
