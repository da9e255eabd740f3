package outbox

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// secondRow is a row of form 2, as the version that wrote it had it: with its event.
type secondRow struct {
	alarm.Event
	Line  string  `json:"line,omitempty"`
	After uint64  `json:"after,omitempty"`
	Run   float64 `json:"run"`
}

// makeSecond turns a database of form 3 into one of form 2. They differ in rows alone.
func makeSecond(tx *bbolt.Tx) error {
	events := tx.Bucket([]byte("events"))
	err := tx.Bucket([]byte("outbox")).ForEachBucket(func(name []byte) error {
		b, rows := tx.Bucket([]byte("outbox")).Bucket(name), map[string]*secondRow{}
		err := b.ForEach(func(k, value []byte) error {
			var ref struct{ Event uint64 }
			r := &secondRow{}
			text, err := statedir.Unseal(k, value)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(text, &ref); err != nil {
				return err
			}
			number := numbered(ref.Event)
			event, err := statedir.Unseal(number, events.Get(number))
			if err != nil {
				return err
			}
			var own struct {
				Line  string
				After uint64
				Run   float64
			}
			if err := json.Unmarshal(text, &own); err != nil {
				return err
			}
			r.Line, r.After, r.Run = own.Line, own.After, own.Run
			rows[string(k)] = r
			return json.Unmarshal(event, &r.Event)
		})
		for k, r := range rows {
			if err != nil {
				return err
			}
			text, _ := json.Marshal(r)
			err = b.Put([]byte(k), statedir.Seal([]byte(k), text))
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := tx.DeleteBucket([]byte("events")); err != nil {
		return err
	}
	return tx.Bucket([]byte("meta")).Put([]byte("schema"), numbered(2))
}

// A database of form 2 must be converted without a notification. Events that wait are sent, as they were, to each receiver,
// also to one that is configured again only later.
func TestDatabasesOfForm2AreConverted(t *testing.T) {
	const waiting = 40
	alarms := trials(500, 5000)
	synctest.Test(t, func(t *testing.T) {
		dir, list := t.TempDir(), []*outboxtest.Receiver{{}, {}, {}}
		var routes []*queue.Route
		for i, l := range list {
			route := l.Route(fmt.Sprint("nms-", i))
			if i == 1 {
				route.Key, route.Scheme = byInstance, "by-instance"
			}
			routes = append(routes, route)
		}
		begin := func(r *running, from, to int) {
			var all []Transition
			for i := from; i < to; i++ {
				all = append(all, Transition{Active: true, Alarm: portOf(i, alarm.Major)})
			}
			if err := r.outbox.Apply(all, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		r := run(t, dir, routes...)
		begin(r, 0, alarms)
		settle(time.Minute)
		for _, l := range list {
			if n := len(l.TakeReceived()); n != alarms {
				t.Fatalf("%d raises", n)
			}
			l.Set(outboxtest.ErrTimeout, 0)
		}
		begin(r, alarms, alarms+waiting)
		r.say("-" + portOf(1, alarm.Major).ID)
		settle(time.Minute)
		r.stop()
		for _, l := range list {
			l.TakeReceived()
		}
		state := openState(t, dir)
		if err := state.Update(makeSecond); err != nil {
			t.Fatal(err)
		}
		if err := state.Close(); err != nil {
			t.Fatal(err)
		}
		rows := waitingRows(t, dir)
		if len(rows) != 3*(waiting+1) {
			t.Fatalf("%d rows wait", len(rows))
		}
		for _, l := range list {
			l.Set(nil, 0)
		}
		r = run(t, dir, routes[:2]...)
		settle(time.Minute)
		if _, err := os.Stat(filepath.Join(dir, statedir.DatabaseFile+".v2")); err != nil {
			t.Error(err)
		}
		if err := r.outbox.SetRoutes(routes, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		r.stop()
		for i, l := range list {
			var got []string
			for _, e := range l.TakeReceived() {
				text, _ := json.Marshal(&e.Event)
				got = append(got, fmt.Sprintf("nms-%d %d %s", i, e.RequestID, text))
			}
			want := slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return row[:5] != fmt.Sprint("nms-", i) })
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d notifications of %d that waited, or others: %.300s, %.300s", len(got), len(want), got[0], want[0])
			}
		}
	})
}

// waitingRows returns the receivers, request-ids and events of the rows of a database of form 2.
func waitingRows(t *testing.T, dir string) (rows []string) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, statedir.DatabaseFile), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("outbox")).ForEachBucket(func(name []byte) error {
			return tx.Bucket([]byte("outbox")).Bucket(name).ForEach(func(k, value []byte) error {
				r := secondRow{}
				text, _ := statedir.Unseal(k, value)
				if err := json.Unmarshal(text, &r); err != nil {
					return err
				}
				text, _ = json.Marshal(&r.Event)
				rows = append(rows, fmt.Sprintf("%s %d %s", name, binary.BigEndian.Uint64(k)+1, text)) // request-id and event
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
