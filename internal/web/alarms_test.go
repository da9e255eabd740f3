package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
)

// The alarms, rules and receivers of a fleet.

func (f *fleet) at(minutesAgo float64) time.Time {
	return f.now.Add(-time.Duration(minutesAgo * float64(time.Minute)))
}

func (f *fleet) Alarms(q api.AlarmQuery) ([]api.Alarm, error) {
	known := []api.Notified{{Receiver: "nms-1", State: "acknowledged", Text: "acknowledged 14:02:11 in 34 ms"}, {Receiver: "nms-2", State: "waits", Text: "waits, 9 tries, unknown user"}, {Receiver: "chat", State: "not wanted", Text: "not wanted"}}
	list := []api.Alarm{
		{ID: "9f2c1", Rule: "DeviceDown", Target: "core-0007", Severity: "critical", State: "raised", Text: "core-0007 does not answer: timeout", Value: "0", Since: f.at(41), Notified: known, Labels: map[string]string{"site": "berlin"}},
		{ID: "9f2c2", Rule: "DeviceDown", Target: "core-0257", Severity: "major", State: "raised", Text: "core-0257 does not answer: timeout", Value: "0", Since: f.at(41), Notified: known, Labels: map[string]string{"site": "berlin"}},
		{ID: "9f2c3", Rule: "InterfaceDown", Target: "core-0012", Resource: `ifName="Gi1/0/7"`, Severity: "major", State: "raised", Text: "Gi1/0/7 (uplink to core-2) is down", Value: "2", Since: f.at(42), Notified: known, Labels: map[string]string{"site": "milan"}},
		{ID: "9f2c4", Rule: "DiskFull", Target: "srv-0331", Severity: "minor", State: "raised", Text: "/var/log is 94 % full", Value: "0.94", Since: f.at(93)},
		{ID: "9f2c5", Rule: "Watchdog", Severity: "minor", State: "raised", Text: "of a sender without a target", Since: f.at(94)},
		{ID: "9f2c6", Rule: "OldRule", Target: "a target/that is gone", Severity: "minor", State: "raised", Text: "of a target and a rule that are gone", Since: f.at(95), Mutes: []string{"cause gone-too"}},
	}
	a := &list[2]
	a.Mutes = []string{"flapping", "cause core-0007", "inhibit DeviceDown core-0007", "maintenance CHG-4711", "silence 2f1c0a4e-77aa-4c0e-8f6e-000000000000"}
	a.AckedBy, a.AckComment, a.AckedAt, a.AckedUntil = "anna", "the vendor is on it", f.at(30), f.at(-30)
	a.AckedSticky = true
	a.Notified = append(slices.Clip(known), api.Notified{Receiver: "on-call", State: "muted", Text: "muted"})
	for i := range list {
		if q.State == "pending" {
			list[i].State, list[i].Notified = "pending", nil
		}
		if f.said != "" {
			a := &list[i]
			a.ID, a.Rule, a.Target, a.Resource, a.Text, a.Value, a.Labels = f.said, f.said, f.said, f.said, f.said, f.said, map[string]string{f.said: f.said}
			a.Mutes, a.AckedBy, a.AckComment = []string{f.said, "silence " + f.said, "inhibit " + f.said, "cause " + f.said, "maintenance " + f.said}, f.said, f.said
		}
	}
	if q.Text == "nosuch" {
		return nil, nil
	}
	if name, ok := strings.CutPrefix(q.Text, "target="); ok && name != "core-0012" && f.said == "" {
		return nil, nil
	}
	return list, nil
}

func (f *fleet) Alarm(id string) (api.Alarm, error) {
	list, _ := f.Alarms(api.AlarmQuery{})
	for _, a := range list {
		if a.ID == id {
			a.Life, _ = f.Events(api.EventQuery{})
			return a, nil
		}
	}
	return api.Alarm{}, fmt.Errorf("alarm %q: %w", id, api.ErrNotFound)
}

func (f *fleet) Resend(id string) error {
	f.did("resend " + id)
	return nil
}

func (f *fleet) Events(q api.EventQuery) ([]api.Event, error) {
	list := []api.Event{
		{Seq: 9, At: f.at(2), Kind: "cleared", Alarm: "9f2c4", Rule: "DiskFull", Target: "srv-0104", Text: "/var is below 90 %"},
		{Seq: 8, At: f.at(41), Kind: "acknowledged", Alarm: "9f2c3", Rule: "InterfaceDown", Target: "core-0012", Receiver: "nms-1", Millis: 34, Tries: 1},
		{Seq: 7, At: f.at(42), Kind: "raised", Severity: "major", Alarm: "9f2c3", Rule: "InterfaceDown", Target: "core-0012", Text: "Gi1/0/7 (uplink to core-2) is down"},
		{Seq: 6, At: f.at(43), Kind: "given_up", Alarm: "9f2c1", Rule: "DeviceDown", Target: "core-0007", Receiver: "nms-2", Tries: 9, Reason: "unknown_user"},
		{Seq: 4, At: f.at(299), Kind: "trap", Target: "core-0012", Value: "linkDown", Text: "linkDown ifIndex.3=3"},
		{Seq: 5, At: f.at(300), Kind: "reload", Text: "3 targets more, 1 changed"},
		{Seq: 3, At: f.at(301), Kind: "raised", Alarm: "9f2c6", Rule: "OldRule", Target: "a target/that is gone"},
		{Seq: 2, At: f.at(302), Kind: "raised", Alarm: "9f2c5", Rule: "Watchdog"},
	}
	for i := range list {
		if f.said != "" {
			list[i].Target, list[i].Text, list[i].Rule = f.said, f.said, f.said
		}
	}
	return list[:min(len(list), cmp.Or(q.Limit, 100))], nil
}

func (f *fleet) History(q api.EventQuery) (api.History, error) {
	list, err := f.Events(q)
	return api.History{Entries: list}, err
}

func (f *fleet) Rules() ([]api.Rule, error) {
	return []api.Rule{
		{Name: "InterfaceDown", Group: "interfaces", File: "rules/interfaces.yml", Type: "alerting", Query: `ifOperStatus{ifAlias!=""} == 2 and ifAdminStatus == 1`, For: 60, Severity: "major", State: "works", Targets: 8120, Firing: 2, TookSeconds: 0.0004},
		{Name: "LinkErrors", Group: "interfaces", File: "rules/interfaces.yml", Type: "alerting", Query: "rate(ifInErrors[5m]) > 1", Severity: "minor", State: "error", Target: "core-0044", Text: `duplicate series for ifInErrors{ifIndex="7"}`, Targets: 8120},
		{Name: "LinkErrors", Group: "interfaces", File: "rules/interfaces.yml", Type: "alerting", Query: "rate(ifOutErrors[5m]) > 1", Severity: "minor", State: "waiting"},
		{Name: "PoEBudgetShort", Group: "poe", File: "rules/poe.yml", Type: "alerting", Query: "pethMainPseConsumptionPower / pethMainPsePower > 0.9", For: 300, Severity: "warning", State: "no data", Text: "No target's modules read pethMainPsePower. Add module poe, or ignore this rule."},
	}, nil
}

func (f *fleet) Try(_ context.Context, q api.TryRequest) (api.Try, error) {
	f.did("try " + q.Expr)
	if q.Expr == "nonsense(" {
		return api.Try{}, &api.Hinted{Err: fmt.Errorf("%w: 1:10: parse error: unclosed left parenthesis", api.ErrBadRequest), Hint: "Write one such as ifOperStatus == 2"}
	}
	return api.Try{Total: 27, Text: "It is true now for 27 series of 19 targets; 25 of them would fire.", Matches: []api.TryMatch{
		{Target: "core-0012", Labels: map[string]string{"ifName": "Gi1/0/7", "ifAlias": "uplink to core-2"}, Value: 2, Fires: true, Changes: 1, Since: f.at(41)}}}, nil
}

func (f *fleet) Receivers() ([]api.Receiver, error) {
	list := []api.Receiver{
		{Name: "nms-1", Address: "192.0.2.9:162", Kind: "v3 inform, format disman", State: "works", Today: 1204, AnswerTime: 0.034},
		{Name: "nms-2", Address: "192.0.2.10:162", Kind: "v3 inform, format alarm", State: "fails", FailingSince: f.at(41), Waiting: 14, Oldest: f.at(41), KeptUntil: f.at(-1399), Today: 310, RetryAt: f.at(-2), LastAck: f.at(42),
			Problem: &api.Problem{Reason: "unknown_user", Text: "unknown user monitor", Remedy: "Create the user at the receiver."}, CreateUser: `createUser monitor SHA-256 "…" AES "…"`,
			Ladder: []api.Step{{Name: "name resolves", State: "ok"}, {Name: "network takes packets", State: "ok"}, {Name: "receiver answers", State: "ok"}, {Name: "engine found", State: "ok"}, {Name: "user accepted", State: "failed"}, {Name: "acknowledges", State: "unknown"}}},
		{Name: "chat", Address: "https://chat.example/hook", Kind: "webhook", State: "works", GivenUp: 2, Today: 98, AnswerTime: 0.21},
	}
	for i := range list {
		for m := range 30 {
			p := api.DayPoint{At: f.at(float64(30 - m)), Acknowledged: m % 5}
			if i == 1 && m > 14 {
				p = api.DayPoint{At: p.At, Failed: 3}
			}
			list[i].Minutes = append(list[i].Minutes, p)
		}
	}
	return list, nil
}

func (f *fleet) Receiver(name string) (api.Receiver, error) {
	list, _ := f.Receivers()
	for _, r := range list {
		if r.Name != name {
			continue
		}
		for i := range r.Waiting + r.GivenUp {
			r.Queue = append(r.Queue, api.Queued{Event: fmt.Sprintf("4a1c-41-88%02d", i), Kind: []string{"raise", "clear"}[i%2], Alarm: "9f2c1", Rule: "DeviceDown", Target: "core-0007", Text: "does not answer: timeout", Since: f.at(41), Tries: 9 - i%9, GivenUp: i >= r.Waiting, Reason: "unknown_user"})
		}
		return r, nil
	}
	return api.Receiver{}, fmt.Errorf("receiver %q: %w", name, api.ErrNotFound)
}

func (f *fleet) Retry(receiver string) error { f.did("retry " + receiver); return nil }

func (f *fleet) Drop(receiver string) error { f.did("drop " + receiver); return nil }

func (f *fleet) TestReceiver(_ context.Context, receiver string) (api.TestResult, error) {
	f.did("test " + receiver)
	return api.TestResult{Sent: true, Acknowledged: true, Seconds: 0.034, Tries: 1, Text: "acknowledged in 34 ms"}, nil
}

// A queue is dropped only where the receiver's name was typed.
func TestDropWantsTheName(t *testing.T) {
	f := newFleet(5)
	h := serve(fleetOptions(f))
	for _, typed := range []string{"", "nms-1", "NMS-2"} {
		if w := send(h, "/receivers/nms-2/drop", url.Values{"name": {typed}}); w.Code != http.StatusBadRequest || len(f.done) > 0 || !strings.Contains(w.Body.String(), "Type nms-2") {
			t.Errorf("%q: %d, done: %q", typed, w.Code, f.done)
		}
	}
}

// Nothing to show is said in words that lead on.
func TestEmptyPagesSayWhy(t *testing.T) {
	for path, want := range map[string]string{
		"/":                   "trapline init",
		"/targets":            "trapline init",
		"/alarms":             "none can arise",
		"/alarms?q=nosuch":    "No alarm matches",
		"/rules":              "rule_files",
		"/receivers":          "state_dir",
		"/targets/none":       "did you mean",
		"/mibs?q=nosuch":      "dirs",
		"/receivers/none":     "not found",
		"/alarms?state=never": "",
	} {
		if body := ask(t, serve(fleetOptions(newFleet(0))), path).Body.String(); path != "/alarms" && path != "/rules" && path != "/receivers" && !strings.Contains(body, want) {
			t.Errorf("%s does not say %q", path, want)
		}
		if body := ask(t, serve(Options{Source: sourceOf(nothing{newFleet(0)})}), path).Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s, of an empty configuration, does not say %q:\n%s", path, want, body)
		}
	}
}

// nothing is a Source that has not even rules.
type nothing struct{ *fleet }

func (nothing) Status() api.Status                          { return api.Status{} }
func (nothing) Alarms(api.AlarmQuery) ([]api.Alarm, error)  { return nil, nil }
func (nothing) Rules() ([]api.Rule, error)                  { return nil, nil }
func (nothing) Receivers() ([]api.Receiver, error)          { return nil, nil }
func (nothing) Events(api.EventQuery) ([]api.Event, error)  { return nil, nil }
func (nothing) History(api.EventQuery) (api.History, error) { return api.History{}, nil }

func (f *fleet) Received(limit int) api.Received {
	r := api.Received{Listens: []string{"[::]:162"}, Total: 140, Refused: []api.RefusedCount{{Reason: "acl", Hint: "no target has this address: add it to listen.allow, or the device to targets", Count: 12}}}
	for i := range min(limit, 100) {
		r.Counts = append(r.Counts, api.TrapCount{Target: fmt.Sprintf("core-%04d", i), Trap: "linkDown", Count: uint64(2000 - i)})
		r.Refusers = append(r.Refusers, api.Refuser{Sender: fmt.Sprintf("10.9.9.%d", i), Reason: "acl", Count: 100 - i, Last: f.at(float64(i))})
		r.Unknown = append(r.Unknown, api.UnknownTrap{At: f.at(float64(i)), Device: fmt.Sprintf("10.8.8.%d", i), Sender: "10.9.9.1", Version: "3", User: "monitor", Trap: "coldStart", Text: "sysName.0=x"})
	}
	if f.said != "" && limit > 0 {
		r.Counts[0].Target, r.Counts[0].Trap, r.Refusers[0].Sender = f.said, f.said, f.said
		r.Unknown[0].User, r.Unknown[0].Trap, r.Unknown[0].Text = f.said, f.said, f.said
	}
	return r
}

// Without listen, the page of traps says how they are received.
func TestTrapsWithoutListen(t *testing.T) {
	o := fleetOptions(newFleet(20))
	if body := ask(t, serve(o), "/traps").Body.String(); !strings.Contains(body, "100 most frequent of 140") || !strings.Contains(body, "10.9.9.99") || !strings.Contains(body, "10.8.8.99") || !strings.Contains(body, "add it to listen.allow") {
		t.Error(body)
	}
	o.Source.Traps = nil
	if body := ask(t, serve(o), "/traps").Body.String(); !strings.Contains(body, "listen: {addresses") {
		t.Error(body)
	}
	if strings.Contains(ask(t, serve(o), "/alarms").Body.String(), "/traps") {
		t.Error("the alarms lead to traps that are not received")
	}
}

func TestStickyAcknowledgementsAreShown(t *testing.T) {
	f := newFleet(3)
	list, _ := f.Alarms(api.AlarmQuery{})
	i := slices.IndexFunc(list, func(a api.Alarm) bool { return a.AckedSticky })
	if i < 0 {
		t.Fatal("no alarm has a sticky acknowledgement")
	}
	if body := ask(t, serve(fleetOptions(f)), "/alarms/"+list[i].ID).Body.String(); !strings.Contains(body, ", also when it gets worse:") {
		t.Error("the page of the alarm does not show it")
	}
}
