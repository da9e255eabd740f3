package transfer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/ledger"
	"trapline/internal/ledger/ledgertest"
	"trapline/internal/outbox/shards"
	"trapline/internal/rules/takeover"
	"trapline/internal/transfer"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// inboxes has what is sent to a shard come into its inbox.
type inboxes struct{ ledgertest.Memory }

func (s *inboxes) Commit(ctx context.Context, writes []ledger.Write) error {
	for i, w := range writes {
		if rest, is := strings.CutPrefix(w.Key, ledger.To); is {
			shard, rest, _ := strings.Cut(rest, "/")
			writes[i].Shard, writes[i].Key = shard, ledger.Inbox+rest
		}
	}
	return s.Memory.Commit(ctx, writes)
}

// receive has a shard take over what is in its inbox, of which rules were evaluated up to a time.
func (s *inboxes) receive(t *testing.T, shard string, alive time.Time) map[string][]byte {
	t.Helper()
	var batches []string
	for key := range s.Records(shard) {
		if batch, is := strings.CutPrefix(key, ledger.Inbox); is && !strings.Contains(batch, "/") {
			batches = append(batches, batch)
		}
	}
	r := transfer.Receiver{Store: s, Shard: shard, Alive: alive, Now: noon, Logger: slog.New(slog.DiscardHandler)}
	if err := r.Receive(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	return s.Records(shard)
}

func (s *inboxes) put(t *testing.T, shard, key string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = s.Commit(t.Context(), []ledger.Write{{Shard: shard, Key: key, Value: text}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// alert is a stored alert, with a field that only others know.
type alert struct {
	ID              string            `json:"id"`
	Rule            string            `json:"rule"`
	Labels          map[string]string `json:"labels"`
	Value           string            `json:"value"`
	Firing          bool              `json:"firing"`
	Baseline        bool              `json:"baseline,omitempty"`
	ActiveAt        time.Time         `json:"active_at"`
	FiredAt         time.Time         `json:"fired_at,omitzero"`
	KeepFiringSince time.Time         `json:"keep_firing_since,omitzero"`
}

// Of two alerts one is left: the one that receivers know rather than one that is held or pending, and of the same state the one that
// has been active for longer.
func TestAlertsAreMerged(t *testing.T) {
	ago := func(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }
	pending := func(minutes int) alert { return alert{Value: "pending", ActiveAt: ago(minutes)} }
	firing := func(minutes int) alert {
		return alert{Value: "firing", Firing: true, ActiveAt: ago(minutes), FiredAt: ago(minutes)}
	}
	held := func(minutes int) alert {
		a := firing(minutes)
		a.Value, a.Baseline = "held", true
		return a
	}
	for _, c := range []struct {
		own, other alert
		want       string
		minutes    int
	}{
		{pending(1), firing(9), "firing", 9}, {firing(1), pending(9), "firing", 1}, {firing(1), firing(9), "firing", 9}, {firing(9), firing(1), "firing", 9},
		{pending(1), pending(9), "pending", 9}, {pending(9), pending(1), "pending", 9},
		{held(1), firing(9), "firing", 9}, {firing(1), held(9), "firing", 1}, {pending(1), held(9), "held", 9}, {held(1), held(9), "held", 9},
	} {
		s := &inboxes{}
		for shard, a := range map[string]alert{"0": c.other, "1": c.own} {
			a.ID, a.Rule, a.Labels = "a", "u", map[string]string{"target": "t"}
			s.put(t, shard, ledger.Alert+"a", a)
		}
		sender := transfer.Sender{Store: s, Shard: "0", Homes: transfer.Homes{Target: func(string) string { return "1" }}, Alive: noon, Now: noon, Logger: slog.New(slog.DiscardHandler)}
		if err := sender.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got alert
		if err := json.Unmarshal(s.receive(t, "1", noon)[ledger.Alert+"a"], &got); err != nil {
			t.Fatal(err)
		}
		if got.Value != c.want || !got.ActiveAt.Equal(ago(c.minutes)) || got.Firing && !got.FiredAt.Equal(got.ActiveAt) || got.Labels["target"] != "t" {
			t.Errorf("%s and %s are %+v, want %s for %d minutes", c.own.Value, c.other.Value, got, c.want, c.minutes)
		}
	}
}

// As much has passed for `for` and keep_firing_for when an alert goes on as when it was last evaluated, whenever that was, and whenever the
// rules of its new shard were.
func TestTimesOfAlertsStand(t *testing.T) {
	for _, gap := range []time.Duration{0, time.Second, time.Hour} {
		for _, own := range []time.Duration{0, 10 * time.Second, 2 * time.Hour} {
			s := &inboxes{}
			alive := noon.Add(-gap)
			s.put(t, "0", ledger.Alert+"p", alert{ID: "p", Labels: map[string]string{"target": "t"}, ActiveAt: alive.Add(-40 * time.Second)})
			s.put(t, "0", ledger.Alert+"k", alert{ID: "k", Labels: map[string]string{"target": "t"}, Firing: true, ActiveAt: alive.Add(-time.Minute), FiredAt: alive.Add(-time.Minute), KeepFiringSince: alive.Add(-20 * time.Second)})
			sender := transfer.Sender{Store: s, Shard: "0", Homes: transfer.Homes{Target: func(string) string { return "1" }}, Alive: alive, Now: noon, Logger: slog.New(slog.DiscardHandler)}
			if err := sender.Send(t.Context()); err != nil {
				t.Fatal(err)
			}
			records := s.receive(t, "1", noon.Add(-own))
			for id, want := range map[string]time.Duration{"p": 40 * time.Second, "k": 20 * time.Second} {
				var a alert
				if err := json.Unmarshal(records[ledger.Alert+id], &a); err != nil {
					t.Fatal(err)
				}
				times := takeover.Times{Firing: a.Firing, ActiveAt: a.ActiveAt, FiredAt: a.FiredAt, KeepFiringSince: a.KeepFiringSince}.Taken(noon.Add(-own), noon)
				got := noon.Sub(times.ActiveAt)
				if id == "k" {
					got = noon.Sub(times.KeepFiringSince)
				}
				if got != want || id == "k" && !a.ActiveAt.Equal(alive.Add(-time.Minute)) {
					t.Errorf("%v after the last evaluation, that of the shard %v ago: %v have passed for %s, want %v", gap, own, got, id, want)
				}
			}
		}
	}
}

// The rows that are known of a target go along when it has another name, and are those of both if it has some by then.
func TestKnownRowsFollowNames(t *testing.T) {
	type look struct {
		Rules   []string          `json:"rules,omitempty"`
		Known   map[string][]byte `json:"known,omitempty"`
		Address string            `json:"address,omitempty"`
	}
	homes := map[string]string{"old": "0", "stays": "0", "new": "1"}
	for _, known := range []bool{false, true} {
		s := &inboxes{}
		s.put(t, "0", ledger.Look+"old", look{Rules: []string{"r1"}, Known: map[string][]byte{"x": {0, 0, 0, 1, 0, 0, 0, 3}, "y": {0, 0, 0, 9}}, Address: "192.0.2.1"})
		s.put(t, "0", ledger.Look+"stays", look{Rules: []string{"r1"}, Address: "192.0.2.2"})
		want := look{Known: map[string][]byte{"x": {0, 0, 0, 1, 0, 0, 0, 3}, "y": {0, 0, 0, 9}}, Address: "192.0.2.1"}
		if known {
			s.put(t, "1", ledger.Look+"new", look{Rules: []string{"r0"}, Known: map[string][]byte{"x": {0, 0, 0, 2}, "z": {0, 0, 0, 4}}, Address: "192.0.2.1"})
			want.Rules, want.Known["x"], want.Known["z"] = []string{"r0"}, []byte{0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, []byte{0, 0, 0, 4}
		}
		sender := transfer.Sender{
			Store: s, Shard: "0", Homes: transfer.Homes{Target: func(name string) string { return homes[name] }}, Looks: true, Now: noon, Logger: slog.New(slog.DiscardHandler),
			Renamed: func(target, address string) string {
				if target == "old" && address == "192.0.2.1" {
					return "new"
				}
				return ""
			},
		}
		if err := sender.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := s.Records("0"); left[ledger.Look+"old"] != nil || left[ledger.Look+"stays"] == nil {
			t.Errorf("left are %s", left)
		}
		var got look
		if err := json.Unmarshal(s.receive(t, "1", noon)[ledger.Look+"new"], &got); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("known are %v, want %v", got, want)
		}
	}
}

// Whatever is too large for a commit is moved in several, and rows keep their order, their request-id, and the rows that they wait for within
// a batch. Records that nobody can read keep nothing from being moved.
func TestManyRowsOfAnAlarm(t *testing.T) {
	s := &inboxes{}
	const rows = 200
	out := ledger.Of(ledger.Out, "r/1")
	for n := range uint64(rows) {
		number := shards.NumberIn("0", 100+n)
		s.put(t, "0", ledger.Numbered(ledger.Event, number), map[string]any{"id": fmt.Sprint("e", n), "kind": "raise", "alarm": map[string]any{"id": "a", "target": "t"}})
		s.put(t, "0", ledger.Numbered(out, number), map[string]any{"event": number, "line": shards.PlaceIn("0", "a"), "after": number - 1<<12, "run": 1e8})
	}
	s.put(t, "0", ledger.Alarm+"a", map[string]any{"id": "a", "number": shards.NumberIn("0", 100), "raised_at": noon, "conditions": []any{map[string]any{"source": "x", "alarm": map[string]any{"target": "t"}}}, "in": map[string]string{"r/1": shards.PlaceIn("0", "a")}})
	s.put(t, "0", ledger.Named(ledger.Of(ledger.View, "r/1"), shards.PlaceIn("0", "a")), map[string]any{"event": "e1", "run": 1e8})
	if err := s.Commit(t.Context(), []ledger.Write{{Shard: "0", Key: ledger.Alarm + "b", Value: []byte("x")}, {Shard: "0", Key: ledger.Inhibit + "a", Value: []byte("{}")}, {Shard: "1", Key: ledger.Number, Value: []byte("7")}}); err != nil {
		t.Fatal(err)
	}
	sender := transfer.Sender{Store: s, Shard: "0", Homes: transfer.Homes{Target: func(string) string { return "1" }}, Alive: noon, Now: noon, Logger: slog.New(slog.DiscardHandler)}
	if err := sender.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := s.Records("0")
	records := s.receive(t, "1", noon)
	if records[ledger.Alarm+"a"] == nil || left[ledger.Alarm+"a"] != nil || left[ledger.Inhibit+"a"] != nil || left[ledger.Alarm+"b"] == nil {
		t.Errorf("left are %d records", len(left))
	}
	last, n := uint64(0), 0
	var keys []string
	for key := range records {
		if strings.HasPrefix(key, out) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		number, err := ledger.ParseNumber(strings.TrimPrefix(key, out))
		var row struct {
			Event, After uint64
			Line         string
			Request      uint64
		}
		if err == nil {
			err = json.Unmarshal(records[key], &row)
		}
		var event struct{ ID string }
		if err == nil {
			err = json.Unmarshal(records[ledger.Numbered(ledger.Event, row.Event)], &event)
		}
		if err != nil || shards.CounterIn(number) <= 7 || row.After != 0 && row.After != last || event.ID != fmt.Sprint("e", n) || row.Line != shards.PlaceIn("1", "a") || row.Request != shards.NumberIn("0", 100+uint64(n))+1 {
			t.Fatalf("row %d: %s, %s, %v", n, key, records[key], err)
		}
		last, n = number, n+1
	}
	if n != rows {
		t.Errorf("%d rows have come, want %d", n, rows)
	}
}
