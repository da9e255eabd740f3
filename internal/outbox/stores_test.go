package outbox

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"trapline/internal/ledger"
	"trapline/internal/ledger/bolt"
	"trapline/internal/ledger/ledgertest"
	"trapline/internal/outbox/store"
	"trapline/internal/statedir"
)

// twins are two stores that are given the same, and must have the same. They are read in turn.
type twins struct {
	t      *testing.T
	stores [2]ledger.Store
	loads  int
}

func (w *twins) Commit(ctx context.Context, writes []ledger.Write) error {
	return errors.Join(w.stores[0].Commit(ctx, writes), w.stores[1].Commit(ctx, writes))
}

func (w *twins) Load(ctx context.Context, shard string, each func(key string, value []byte) error) error {
	return w.LoadOf(ctx, shard, []string{""}, each)
}

func (w *twins) LoadOf(ctx context.Context, shard string, prefixes []string, each func(key string, value []byte) error) error {
	var found [2]map[string][]byte
	for i, one := range w.stores {
		found[i] = map[string][]byte{}
		err := ledger.Load(ctx, one, shard, prefixes, func(key string, value []byte) error {
			found[i][key] = bytes.Clone(value)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found[0])) {
		if !bytes.Equal(found[0][key], found[1][key]) {
			w.t.Errorf("%s: the database has %q, the memory %q", key, found[0][key], found[1][key])
		}
		delete(found[1], key)
	}
	for key, value := range found[1] {
		w.t.Errorf("%s: the database has none, the memory %q", key, value)
	}
	w.loads++
	return ledger.Load(ctx, w.stores[w.loads%2], shard, prefixes, each)
}

// recordsOf reads all records of a store as a start does.
func recordsOf(t *testing.T, s ledger.Store, state *statedir.Dir) *store.Records {
	t.Helper()
	r := &store.Reader{Store: s, Dir: state}
	all, err := r.Read(0, 1)
	if err != nil || r.Damaged > 0 {
		t.Fatalf("%d records are damaged, %v", r.Damaged, err)
	}
	slices.SortFunc(all.Unused, func(a, b ledger.Write) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	return all
}

// compare compares what the outbox knows of its records with the records.
func (o *Outbox) compare(t *testing.T, stored *store.Records) {
	t.Helper()
	known := maps.Clone(o.state.buried)
	maps.DeleteFunc(known, func(_ string, list []uint64) bool { return len(list) == 0 })
	if !reflect.DeepEqual(known, stored.Buried) {
		t.Errorf("it knows of the dead letters %v, stored are %v", known, stored.Buried)
	}
	if !maps.Equal(o.state.references, stored.References) {
		t.Errorf("it knows of the references %v, stored are %v", o.state.references, stored.References)
	}
	if len(o.state.index.Active) != len(stored.Alarms) || o.state.seq < stored.Seq {
		t.Errorf("%d alarms are active, stored are %d; its last number is %d, stored is %d", len(o.state.index.Active), len(stored.Alarms), o.state.seq, stored.Seq)
	}
}

// The same random histories give the same records in the database and in memory, and an outbox that goes on with those of
// the one or the other keeps receivers true.
func TestStoresAreAlike(t *testing.T) {
	t.Parallel()
	state := openState(t, t.TempDir())
	kinds := map[string]int{}
	for seed := range uint64(40) {
		memory := &ledgertest.Memory{}
		w := &twins{t: t, stores: [2]ledger.Store{&bolt.Store{Dir: state}, memory}}
		h := historyByHand(t, state, w, 1000+seed, false)
		for range 30 {
			h.step()
			h.running.outbox.compare(t, recordsOf(t, memory, state))
		}
		for key := range memory.Records("") {
			kinds[key[:strings.IndexByte(key, '/')+1]]++
		}
		if violations := h.end(); len(violations) > 0 {
			t.Fatalf("seed %d: %v", seed, violations)
		}
		h.running.outbox.compare(t, recordsOf(t, memory, state))
		if a, b := recordsOf(t, w.stores[0], state), recordsOf(t, memory, state); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: the database has %+v, the memory %+v", seed, a, b)
		}
		if t.Failed() {
			return
		}
	}
	for _, kind := range []string{ledger.Alarm, ledger.Event, ledger.Out, ledger.View, ledger.Dead, ledger.Silence} {
		if kinds[kind] < 10 {
			t.Errorf("the histories have few records of %s: %v", kind, kinds)
		}
	}
}
