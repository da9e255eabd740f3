package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// leave makes a state directory as a process with 300 alarms leaves it that nobody confirmed.
func leave(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	state := openState(t, dir)
	o, err := New(state, []*queue.Route{(&outboxtest.Receiver{}).Route("nms")}, Options{Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for first := range 30 {
		var list []Transition
		for i := range 10 {
			list = append(list, Transition{Active: true, Alarm: alarm.Alarm{ID: fmt.Sprintf("alarm-%d", first*10+i), Rule: "rule", Summary: strings.Repeat("it is hot ", 20)}})
		}
		if err := o.Apply(list, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startAnew runs the next process in dir, raises one more alarm, and returns the log.
func startAnew(t *testing.T, dir string) (log string, alarms int) {
	t.Helper()
	var text bytes.Buffer
	state, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		defer func() { _ = recover() }()
		_ = state.Close()
	}()
	l := (&outboxtest.Receiver{}).Route("nms")
	l.Resyncs = true
	o, err := New(state, []*queue.Route{l}, Options{Logger: slog.New(slog.NewTextHandler(&text, nil)), Metrics: NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Apply([]Transition{{Active: true, Alarm: alarm.Alarm{ID: "new"}}}, time.Now()); err != nil && !statedir.IsDamage(err) {
		t.Fatal(err)
	}
	if rows := o.state.queues.All[0].AlarmQueue(string(alarm.Resync)); len(rows) != 1 {
		t.Errorf("%d resyncs are sent", len(rows))
	}
	return text.String(), len(o.Active())
}

// A database that cannot be used is moved aside, loudly; the engine and its boots are kept.
func TestDamagedDatabasesAreMovedAside(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut short":       func(b []byte) []byte { return b[:len(b)/2] },
		"no database":     func([]byte) []byte { return bytes.Repeat([]byte("no database\n"), 4000) },
		"a few octets":    func([]byte) []byte { return []byte("x") },
		"pages of zeroes": func(b []byte) []byte { clear(b[4*4096:]); return b },
		"pages of ones": func(b []byte) []byte {
			for i := range b[4*4096:] {
				b[4*4096+i] = 0xff
			}
			return b
		},
	} {
		dir := leave(t)
		_, boots, err := statedir.Engine(dir, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, statedir.DatabaseFile)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		damaged := damage(whole)
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		log, alarms := startAnew(t, dir)
		aside, err := filepath.Glob(file + ".corrupt-*")
		if err != nil || len(aside) != 1 {
			t.Fatalf("%s: moved to %v, %v; logged\n%s", name, aside, err, log)
		}
		kept, err := os.ReadFile(aside[0])
		if err != nil || !bytes.Equal(kept, damaged) {
			t.Errorf("%s: %s is not the file that was damaged, %v", name, aside[0], err)
		}
		want := `level=ERROR msg="the active alarms and what waited for receivers cannot be read: receivers are sent a resync"`
		if alarms != 1 || !strings.Contains(log, want) || !strings.Contains(log, "it was moved to "+aside[0]) {
			t.Errorf("%s: %d alarms, logged\n%s", name, alarms, log)
		}
		if _, after, err := statedir.Engine(dir, nil, time.Now()); err != nil || after != boots+1 {
			t.Errorf("%s: boots went from %d to %d, %v", name, boots, after, err)
		}
	}
}

// Whatever octets are wrong, the next process starts.
func TestNoDamageKeepsFromStarting(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	dir := leave(t)
	whole, err := os.ReadFile(filepath.Join(dir, statedir.DatabaseFile))
	if err != nil {
		t.Fatal(err)
	}
	for range trials(100, 1000) {
		dir, b := t.TempDir(), bytes.Clone(whole)
		for range 1 + random.IntN(20) {
			b[random.IntN(len(b))] = byte(random.IntN(256))
		}
		if random.IntN(4) == 0 {
			b = b[:random.IntN(len(b))]
		}
		if err := os.WriteFile(filepath.Join(dir, statedir.DatabaseFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		startAnew(t, dir)
	}
}

// An invalid row must be set aside; other events must be sent.
func TestDamagedRowsHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{Broken: outboxtest.ErrTimeout}
		route := l.Route("nms")
		route.Resyncs = true
		r := run(t, dir, route)
		r.say("+a", "+b", "+c")
		r.stop()
		state := openState(t, dir)
		err := state.Update(func(tx *bbolt.Tx) error {
			rows := tx.Bucket([]byte("outbox")).Bucket([]byte("nms"))
			k, _ := rows.Cursor().Seek(numbered(4)) // behind the resync
			if err := tx.Bucket([]byte("alarms")).Put([]byte("c"), []byte("{")); err != nil {
				return err
			}
			return rows.Put(k, []byte("no JSON"))
		})
		if err := state.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		l.Set(nil, 0)
		r = run(t, dir, route)
		settle(time.Minute)
		r.expectAny(l, "resync dropped 2", "raise b", "raise c")
		r.stop()
		r = run(t, dir, route)
		defer r.stop()
		settle(time.Minute)
		r.expect(l, "resync")
	})
}

// No flipped bit of a record goes unseen.
func TestEveryFlippedBitOfARecordIsFound(t *testing.T) {
	k, text := []byte("key"), []byte(`{"id":"key","summary":"hot"}`)
	whole := statedir.Seal(k, text)
	if got, err := statedir.Unseal(k, whole); err != nil || !bytes.Equal(got, text) {
		t.Errorf("unsealed: %q, %v", got, err)
	}
	if got, err := statedir.Unseal(k, text); err != nil || !bytes.Equal(got, text) {
		t.Errorf("of an earlier version: %q, %v", got, err)
	}
	if _, err := statedir.Unseal([]byte("kez"), whole); err == nil {
		t.Error("another key is not found")
	}
	for bit := range 8 * len(whole) {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		got, err := statedir.Unseal(k, b)
		if err == nil && json.Valid(got) {
			t.Errorf("bit %d: %q", bit, b)
		}
	}
}
