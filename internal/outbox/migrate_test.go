package outbox

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/store"
	"trapline/internal/statedir"
)

// The records of form 1, as the version that wrote them had them.
type (
	oldView struct {
		Event string    `json:"event"`
		At    time.Time `json:"at"`
	}
	oldAlarm struct {
		Alarm alarm.Alarm        `json:"alarm"`
		Lease time.Time          `json:"lease,omitzero"`
		Views map[string]oldView `json:"told,omitempty"`
	}
	oldRow struct {
		alarm.Event
		Expires time.Time `json:"expires"`
	}
)

// oldState is a state directory of form 1.
type oldState struct {
	t   *testing.T
	dir string
	tx  *bbolt.Tx
	seq uint64
}

func leaveOld(t *testing.T, fill func(*oldState)) (dir string) {
	t.Helper()
	o := &oldState{t: t, dir: t.TempDir()}
	state := openState(t, o.dir)
	err := state.Update(func(tx *bbolt.Tx) error {
		o.tx = tx
		for _, name := range []string{"meta", "alarms", "outbox", "dead"} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		fill(o)
		o.put("meta", "", []byte("seq"), numbered(o.seq))
		return nil
	})
	if err == nil {
		err = state.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return o.dir
}

func (o *oldState) put(bucket, below string, k, value []byte) {
	b := o.tx.Bucket([]byte(bucket))
	var err error
	if below != "" {
		b, err = b.CreateBucketIfNotExists([]byte(below))
	}
	if err == nil {
		err = b.Put(k, value)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// active leaves an alarm that receivers know.
func (o *oldState) active(a alarm.Alarm, receivers ...string) {
	old := oldAlarm{Alarm: a, Views: map[string]oldView{}}
	for _, name := range receivers {
		old.Views[name] = oldView{Event: "e-" + a.ID, At: time.Now().Add(-time.Hour)}
	}
	text, _ := json.Marshal(old)
	o.put("alarms", "", []byte(a.ID), text)
}

// waits leaves an event that a receiver has yet to confirm.
func (o *oldState) waits(receiver string, kind alarm.Kind, a alarm.Alarm) {
	o.seq++
	text, _ := json.Marshal(oldRow{Event: alarm.Event{ID: fmt.Sprint("e-", o.seq), Kind: kind, At: time.Now().Add(-time.Minute), Alarm: a}, Expires: time.Now().Add(time.Hour)})
	o.put("outbox", receiver, numbered(o.seq), text)
}

func portOf(i int, severity alarm.Severity) alarm.Alarm {
	labels := map[string]string{"alertname": "Down", "ifIndex": fmt.Sprint(i), "target": "dev", "severity": severity.String()}
	return alarm.Alarm{
		ID: alarm.ID("", "g/Down", "dev", labels), Rule: "Down", Target: "dev", Labels: labels, Severity: severity, Summary: "it is down",
		Variable: fmt.Sprintf("1.3.6.1.2.1.2.2.1.8.%d", i), RaisedAt: time.Now().Add(-time.Hour),
	}
}

// A database of form 1 must be converted without a notification: alarms keep the IDs known to
// receivers until they are cleared, and queued events are sent.
func TestDatabasesOfForm1AreConverted(t *testing.T) {
	alarms := trials(500, 5000)
	synctest.Test(t, func(t *testing.T) {
		dir := leaveOld(t, func(o *oldState) {
			for i := range alarms {
				o.active(portOf(i, alarm.Major), "alarm", "disman", "away")
			}
			o.active(portOf(alarms, alarm.Minor), "alarm", "disman")
			o.waits("disman", alarm.Raise, portOf(alarms, alarm.Minor))
		})
		before, err := os.ReadFile(filepath.Join(dir, statedir.DatabaseFile))
		if err != nil {
			t.Fatal(err)
		}
		byID, byTrigger, away := &outboxtest.Receiver{}, &outboxtest.Receiver{}, &outboxtest.Receiver{}
		disman := byTrigger.Route("disman")
		disman.Key, disman.Scheme = byInstance, "by-instance"
		routes := []*queue.Route{byID.Route("alarm"), disman}
		r := run(t, dir, routes...)
		if kept, err := os.ReadFile(filepath.Join(dir, statedir.DatabaseFile+".v1")); err != nil || len(kept) == 0 || len(kept) > len(before) {
			t.Errorf("%d octets were kept of %d, %v", len(kept), len(before), err)
		}
		settle(time.Minute)
		r.expect(byID, "")
		r.expect(byTrigger, "raise "+portOf(alarms, alarm.Minor).ID)
		r.stop()
		r = run(t, dir, routes...)
		defer func() { r.stop() }()
		again := portOf(7, alarm.Major)
		if err := r.outbox.Apply([]Transition{{Alarm: again, Active: true}, {Alarm: alarm.Alarm{ID: portOf(0, alarm.Major).ID}}, {Alarm: portOf(1, alarm.Critical), Active: true}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		r.expectAny(byID, "clear "+portOf(0, alarm.Major).ID, "change "+portOf(1, alarm.Major).ID)
		r.expect(byTrigger, "clear "+portOf(0, alarm.Major).ID)
		if n := len(r.outbox.Active()); n != alarms {
			t.Errorf("%d alarms are active", n)
		}
		if err := r.outbox.SetRoutes(append(routes, away.Route("away")), nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		heard := strings.Split(away.Take(), ", ")
		slices.Sort(heard)
		want := []string{"change " + portOf(1, alarm.Major).ID, "clear " + portOf(0, alarm.Major).ID, "raise " + portOf(alarms, alarm.Minor).ID}
		slices.Sort(want)
		if !slices.Equal(heard, want) {
			t.Errorf("who was away heard %v, want %v", heard, want)
		}
	})
}

// Two alarms of form 1 that are one, at two severities: the worse keeps its ID. Who is shown IDs is sent the end of the
// other.
func TestAlarmsOfForm1BecomeOne(t *testing.T) {
	for _, order := range [][2]alarm.Severity{{alarm.Minor, alarm.Major}, {alarm.Major, alarm.Minor}} {
		synctest.Test(t, func(t *testing.T) {
			dir := leaveOld(t, func(o *oldState) {
				for _, severity := range order {
					a := portOf(3, severity)
					a.RaisedAt = a.RaisedAt.Add(time.Duration(o.seq) * time.Minute)
					o.seq++
					o.active(a, "alarm", "disman")
				}
			})
			byID, byTrigger := &outboxtest.Receiver{}, &outboxtest.Receiver{}
			disman := byTrigger.Route("disman")
			disman.Key, disman.Scheme = byInstance, "by-instance"
			r := run(t, dir, byID.Route("alarm"), disman)
			defer r.stop()
			settle(time.Minute)
			r.expect(byID, "clear "+portOf(3, alarm.Minor).ID)
			r.expect(byTrigger, "")
			r.say("-"+portOf(3, alarm.Minor).ID, "-"+portOf(3, alarm.Major).ID)
			settle(time.Minute)
			r.expect(byID, "clear "+portOf(3, alarm.Major).ID)
			r.expect(byTrigger, "clear "+portOf(3, alarm.Major).ID)
		})
	}
}

func TestDatabasesOfLaterFormsAreRefused(t *testing.T) {
	dir := leave(t)
	state := openState(t, dir)
	err := state.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), numbered(store.Version+1))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(state, nil, Options{}, time.Now()); err == nil || !strings.Contains(err.Error(), "trapline.db is of form 4") {
		t.Error(err)
	}
}

// byInstance is the key of a receiver that is shown rule, target and instance of an alarm, and no changes.
func byInstance(a *alarm.Alarm) (string, bool) {
	return a.Rule + " " + a.Target + " " + a.Variable, false
}
