package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
	"trapline/internal/statedir"
)

// unrestOfChild names the directory in which the test binary has alarms come and go as a process of its own, until it is
// killed.
const unrestOfChild = "TRAPLINE_TEST_UNREST_DIR"

// newRestless is an outbox with two receivers, which log what they are sent: one that wants acknowledgements, and one with a
// delay. Maintenance windows come and go.
func newRestless(dir string) (*Outbox, *statedir.Dir, error) {
	var routes []*queue.Route
	for _, name := range []string{"nms-1", "nms-2"} {
		log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, err
		}
		routes = append(routes, &queue.Route{Name: name, Window: 16, MaxAge: time.Hour, Deliver: func(_ context.Context, e *alarm.Event, _ int32) (originator.Receipt, error) {
			if _, err := fmt.Fprintf(log, "%s %s %s %s\n", e.Alarm.ID, e.ID, e.Kind, e.Alarm.Severity); err != nil {
				return originator.Receipt{}, err
			}
			time.Sleep(rand.N(3 * time.Millisecond)) // the process may be killed before the acknowledgement is stored
			return originator.Receipt{Sent: 1, RTT: time.Millisecond}, nil
		}})
	}
	routes[0].Acks, routes[1].Delay = true, 30*time.Millisecond
	rules, err := mute.NewRules(nil, brief(time.Now()), nil)
	if err != nil {
		return nil, nil, err
	}
	rules.Flap = &mute.FlapSettings{Changes: 6, Within: within(300 * time.Millisecond)}
	rules.Storm = &mute.StormSettings{Above: 40, Within: within(time.Second)}
	return openJournaled(dir, routes, rules)
}

// brief are maintenance windows of some alarms that come and go for 20 s.
func brief(now time.Time) (list []mute.WindowSettings) {
	for i := range 100 {
		from := now.Add(time.Duration(i) * 200 * time.Millisecond)
		list = append(list, mute.WindowSettings{
			Name: fmt.Sprint("CHG-", i), Matchers: []string{`alertname=~"a[3-6]"`},
			From: setting.Time{Time: from}, Until: setting.Time{Time: from.Add(100 * time.Millisecond)},
		})
	}
	return list
}

// beRestless has alarms come and go, change their severities, be acknowledged, and be silenced, and reports each action.
// Alarms of traps end by themselves unless they are raised again.
func beRestless(o *Outbox, acted func()) error {
	active := map[string]bool{}
	for _, a := range o.Active() {
		active[a.ID] = true
	}
	for {
		id := fmt.Sprintf("a%d", rand.IntN(20))
		a := alarm.Alarm{ID: id, Rule: id, Severity: alarm.Critical + alarm.Severity(rand.IntN(4)), Summary: "summary"}
		var err error
		switch now := time.Now(); rand.IntN(16) {
		case 0:
			m, _ := mute.Parse(fmt.Sprintf("alertname=~%q", id+".*"))
			_, err = o.Silence(mute.Silence{Matchers: m, StartsAt: now, EndsAt: now.Add(time.Duration(1+rand.IntN(200)) * time.Millisecond), CreatedBy: "me", Comment: "c"}, now)
		case 1:
			if all := o.Mutes().Silences(); len(all) > 0 {
				err = o.Expire(all[rand.IntN(len(all))].ID, now)
			}
		case 12, 13:
			if list := o.Active(); len(list) > 0 {
				ack := &alarm.Ack{By: "me", Comment: "c", Sticky: rand.IntN(2) == 0, Until: now.Add(time.Duration(1+rand.IntN(100)) * time.Millisecond)}
				if rand.IntN(3) == 0 {
					ack = nil
				}
				if err = o.Acknowledge(list[rand.IntN(len(list))].ID, ack, now); errors.Is(err, ErrNoAlarm) || errors.Is(err, ErrNotAcknowledged) {
					err = nil // its lease has ended meanwhile, or nobody has acknowledged it
				}
			}
		case 14, 15:
			trap := alarm.Alarm{ID: "trap-" + id, Rule: "trap-" + id, Severity: alarm.Minor, Summary: "received"}
			err = o.ApplyWith([]Transition{{Alarm: trap, Active: rand.IntN(3) > 0, Lease: now.Add(time.Duration(1+rand.IntN(900)) * time.Millisecond)}}, now, []ledger.Write{{Key: ledger.Named(ledger.Alert, trap.ID), Value: []byte("{}")}})
		case 2, 3:
			if active[id] {
				err = o.Apply([]Transition{{Alarm: a, Active: true}}, now)
			}
		default:
			active[id] = !active[id]
			err = o.Apply([]Transition{{Alarm: a, Active: active[id]}}, now)
		}
		if err != nil {
			return err
		}
		acted()
	}
}

// TestChildInUnrest is no test but the process that TestKilledInUnrest kills.
func TestChildInUnrest(t *testing.T) {
	dir := os.Getenv(unrestOfChild)
	if dir == "" {
		t.Skip("it is run by another test")
	}
	o, _, err := newRestless(dir)
	if err != nil {
		t.Fatal(err)
	}
	deliver(o)
	if err := beRestless(o, func() { fmt.Println("acted") }); err != nil {
		t.Fatal(err)
	}
}

// Whenever the process is killed while alarms flap, are acknowledged, and end by time, and silences and maintenance windows
// come and go: receivers are sent the events of each alarm in
// an order that makes sense, know in the end what the outbox believes that they know, and the journal has each entry once.
func TestKilledInUnrest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kills := killAgainAndAgain(t, "TestChildInUnrest", unrestOfChild+"="+dir, 15*time.Second, 120, func(line string) bool { return line == "acted" })
	o, state, err := newRestless(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	defer o.state.journal.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	for o.Depth("nms-1")+o.Depth("nms-2") > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	events := 0
	for _, name := range []string{"nms-1", "nms-2"} {
		events += checkLog(t, o, dir, name)
	}
	entries := checkEntries(t, o)
	t.Logf("%d kills, %d events, %d entries, %d alarms active", kills, events, entries, len(o.state.index.Active))
}

// checkLog compares what a receiver logged with what the outbox believes, and returns the number of events.
func checkLog(t *testing.T, o *Outbox, dir, name string) (events int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	type last struct{ event, kind, severity string }
	knows := map[string]last{}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) != 4 {
			continue // of a resync
		}
		id, now := words[0], last{words[1], words[2], words[3]}
		before := knows[id]
		if now == before || seen[now.event+now.kind] && now.kind == string(alarm.Acked) {
			continue // sent again
		}
		active := before.kind != "" && before.kind != string(alarm.Clear)
		if seen[now.event+now.kind] || (now.kind == string(alarm.Raise)) == active {
			t.Errorf("%s was sent %v after %v", name, now, before)
		}
		seen[now.event+now.kind] = true
		if now.kind != string(alarm.Acked) {
			knows[id] = now
		}
		events++
	}
	for id, l := range knows {
		v := o.state.index.Views[alarm.Place{Receiver: name, Key: id}]
		switch {
		case (v == nil) != (l.kind == string(alarm.Clear)):
			t.Errorf("%s was last sent %v of %s, and the outbox believes %v", name, l, id, v)
		case v != nil && (v.Event != l.event || v.Severity.String() != l.severity):
			t.Errorf("%s was last sent %v of %s, and the outbox believes %+v", name, l, id, v)
		}
	}
	return events
}

// checkEntries checks that the numbers of the journal's entries have no gap, and that each event has one outcome.
func checkEntries(t *testing.T, o *Outbox) int {
	t.Helper()
	entries := numberedEntries(t, o)
	times := map[string]int{}
	for _, e := range entries {
		if e.Kind == journal.Acknowledged {
			times[cmp.Or(e.Receiver, "?")+e.Event+e.Notification]++
		}
	}
	for what, n := range times {
		if n != 1 && !strings.Contains(what, "resync") {
			t.Errorf("%s was acknowledged %d times", what, n)
		}
	}
	return len(entries)
}
