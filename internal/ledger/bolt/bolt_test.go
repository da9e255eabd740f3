package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/ledger"
	"trapline/internal/ledger/ledgertest"
	"trapline/internal/statedir"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := statedir.Open(dir, nil, time.Now())
	if err == nil {
		err = s.View(func(tx *bbolt.Tx) error { tx.DB().NoSync = true; return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return &Store{Dir: s}
}

func load(t *testing.T, s ledger.Store, prefixes ...string) (records map[string]string, order []string) {
	t.Helper()
	records = map[string]string{}
	err := ledger.Load(t.Context(), s, "", prefixes, func(key string, value []byte) error {
		records[key] = string(value)
		order = append(order, key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, order
}

// anyKey returns a key of any kind, often one that was returned before.
func anyKey(random *rand.Rand) string {
	l := &layouts[random.IntN(len(layouts))]
	name := []string{"a", "b/c", "%", "x y", strings.Repeat("n", 300)}[random.IntN(5)]
	kind := l.kind
	if l.nested {
		kind = ledger.Of(kind, []string{"nms", "n/m%s", "%2F"}[random.IntN(3)])
	}
	switch {
	case l.record != "":
		return l.kind
	case l.numbered:
		return ledger.Numbered(kind, random.Uint64N(5)<<random.IntN(60))
	}
	return ledger.Named(kind, name)
}

func anyValue(random *rand.Rand, key string) []byte {
	switch key {
	case ledger.Number:
		return strconv.AppendUint(nil, random.Uint64(), 10)
	case ledger.Run:
		return strconv.AppendFloat(nil, random.Float64()*math.Pow(10, float64(random.IntN(10))), 'g', -1, 64)
	}
	return fmt.Appendf(nil, "{%d}", random.Uint64()>>random.IntN(64))
}

// The database has the records that a store in memory has after the same writes, also after a restart, whichever are asked
// for, and all of a kind or a receiver in order.
func TestTheDatabaseHasWhatWasWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 7))
	dir := t.TempDir()
	s, memory := open(t, dir), &ledgertest.Memory{}
	for round := range 150 {
		var writes []ledger.Write
		for range random.IntN(20) {
			w := ledger.Write{Key: anyKey(random)}
			if random.IntN(3) > 0 || w.Key == ledger.Number {
				w.Value = anyValue(random, w.Key)
			}
			writes = append(writes, w)
		}
		for _, one := range []ledger.Store{s, memory} {
			if err := one.Commit(t.Context(), writes); err != nil {
				t.Fatal(err)
			}
		}
		if round%10 == 0 {
			if err := s.Dir.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
		}
		prefixes := []string{"", anyKey(random), layouts[random.IntN(len(layouts))].kind, ledger.Of(ledger.Out, "nms")}
		for _, asked := range [][]string{{""}, prefixes[1:2], prefixes[1:]} {
			got, order := load(t, s, asked...)
			want, _ := load(t, memory, asked...)
			if !maps.Equal(got, want) {
				t.Fatalf("round %d: of %q the database has %v, want %v", round, asked, got, want)
			}
			for _, l := range layouts {
				of := slices.DeleteFunc(slices.Clone(order), func(key string) bool { return layoutOf(key).kind != l.kind })
				if !l.nested && !slices.IsSorted(of) {
					t.Fatalf("round %d: out of order: %q", round, of)
				}
			}
		}
	}
	if err := s.Dir.Close(); err != nil {
		t.Fatal(err)
	}
}

// A batch is applied as a whole or not at all, and the write that is refused is named: also one at which bbolt panics.
func TestABatchWithARefusedWriteIsNotApplied(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Dir.Close()
	broken := layout{kind: "broken", bucket: "meta", record: "broken", form: form{encode: func(_, _ []byte) ([]byte, error) { panic("page 7 is no page") }}}
	byKind[broken.kind] = &broken
	defer delete(byKind, broken.kind)
	good := ledger.Write{Key: ledger.Named(ledger.Alarm, "a"), Value: []byte("{}")}
	for _, bad := range []ledger.Write{
		{Key: broken.kind, Value: []byte("x")}, {Key: ledger.Alarm, Value: []byte("{}")}, {Key: "other/a", Value: []byte("{}")}, {Key: "", Value: []byte("{}")},
		{Key: ledger.Event + "7", Value: []byte("{}")}, {Key: ledger.Number, Value: []byte("x")}, {Key: ledger.Run, Value: []byte("")},
		{Key: ledger.Named(ledger.Alarm, strings.Repeat("k", bbolt.MaxKeySize+1)), Value: []byte("{}")}, {Shard: "7", Key: good.Key, Value: []byte("{}")},
		{Key: ledger.Out + "nms", Value: []byte("{}")}, {Key: ledger.Named(ledger.Of(ledger.View, ""), "k"), Value: []byte("{}")},
	} {
		refused := (*ledger.Refused)(nil)
		if err := s.Commit(t.Context(), []ledger.Write{good, bad, good}); !errors.As(err, &refused) || refused.At != 1 {
			t.Errorf("%q: %v", bad.Key, err)
		}
		if all, _ := load(t, s, ""); len(all) > 0 {
			t.Fatalf("%q: %v were applied", bad.Key, all)
		}
	}
}

// A record that cannot be read, or that the reader refuses, is put aside, named once, and never seen again. All others are
// read.
func TestUnreadableRecordsArePutAside(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Dir.Close()
	var writes []ledger.Write
	for _, l := range layouts {
		kind := l.kind
		if l.nested {
			kind = ledger.Of(kind, "n/1")
		}
		for n := range uint64(3) {
			switch {
			case l.lenient:
			case l.record != "":
				writes = append(writes, ledger.Write{Key: kind, Value: []byte("{}")})
			default:
				writes = append(writes, ledger.Write{Key: ledger.Numbered(kind, n), Value: []byte("{}")})
			}
		}
	}
	if err := s.Commit(t.Context(), writes); err != nil {
		t.Fatal(err)
	}
	err := s.Dir.Update(func(tx *bbolt.Tx) error { // the second row has another bit
		b := tx.Bucket([]byte("outbox")).Bucket([]byte("n/1"))
		k := []byte{7: 1}
		v := bytes.Clone(b.Get(k))
		v[0] ^= 1
		return errors.Join(b.Put(k, v), tx.Bucket([]byte("events")).Put([]byte("key"), []byte("{}")))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{ledger.Numbered(ledger.Alarm, 1), ledger.Alive, ledger.Event + "key", ledger.Numbered(ledger.Of(ledger.Out, "n/1"), 1), ledger.Numbered(ledger.Of(ledger.View, "n/1"), 2)}
	refuse := map[string]bool{want[0]: true, want[1]: true, want[4]: true}
	read := map[string]bool{}
	err = s.Load(context.Background(), "", func(key string, _ []byte) error {
		if refuse[key] {
			return errors.New("no")
		}
		read[key] = true
		return nil
	})
	damage := (*ledger.Damage)(nil)
	if !errors.As(err, &damage) || damage.Err != nil || !slices.Equal(damage.Keys, want) || s.Dir.Damaged() != len(want) {
		t.Errorf("got %v, %d damaged, want the keys %q", err, s.Dir.Damaged(), want)
	}
	again, _ := load(t, s, "")
	for _, w := range writes {
		if read[w.Key] == slices.Contains(want, w.Key) || again[w.Key] == "" == read[w.Key] {
			t.Errorf("%q was read: %t, and is there: %t", w.Key, read[w.Key], again[w.Key] != "")
		}
	}
}

// Another shard than that of a single process has nothing here.
func TestThereIsOneShard(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Dir.Close()
	if err := s.Load(t.Context(), "7", func(string, []byte) error { return nil }); err == nil {
		t.Error("the shard 7 was loaded")
	}
}
