package httpapi

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/journal"
	"trapline/internal/notify"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/rules"
	"trapline/internal/statedir"
)

// house is an API over an outbox that runs, and rules without any.
type house struct {
	server *httptest.Server
	api    *API
	outbox *outbox.Outbox
}

// routeOf is a receiver whose deliveries end in an error, or not.
func routeOf(name string, err error) *queue.Route {
	return &queue.Route{
		Name: name, Window: 1, MaxAge: time.Hour, About: queue.About{Type: "inform", Version: "3", Format: "disman", Address: "192.0.2.9"},
		Matches: func(a *alarm.Alarm) bool { return a.Labels["site"] != name },
		Deliver: func(context.Context, *alarm.Event, int32) (originator.Receipt, error) {
			if err != nil {
				return originator.Receipt{Sent: 3}, err
			}
			return originator.Receipt{Sent: 1, RTT: 34 * time.Millisecond}, nil
		},
	}
}

func newHouse(t *testing.T, routes ...*queue.Route) *house {
	t.Helper()
	silent, registry := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	state, err := statedir.Open(t.TempDir(), nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(journal.Options{Dir: t.TempDir(), Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	outbox, err := outbox.New(state, routes, outbox.Options{Logger: silent, Metrics: outbox.NewMetrics(registry), Journal: j}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	evaluator, err := rules.New(rules.Options{Dir: t.TempDir(), Logger: silent, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{api: New(Options{Rules: evaluator, Outbox: outbox, Journal: j, Guard: Guard{Mode: ActionsOn}}), outbox: outbox}
	mux := http.NewServeMux()
	h.api.Register(mux)
	h.server = httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- outbox.Run(ctx) }()
	t.Cleanup(func() {
		h.server.Close()
		cancel()
		if err := errors.Join(<-ended, j.Close(), state.Close()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) raise(t *testing.T, name, severity, site string) {
	t.Helper()
	a, err := notify.AlarmOf("", map[string]string{"alertname": name, "target": "core-1", "severity": severity, "site": site}, map[string]string{"summary": name + " is wrong"})
	if err == nil {
		err = h.outbox.Apply([]outbox.Transition{{Alarm: a, Active: true}}, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until a condition holds, which the next entry of the journal may bring about.
func (h *house) await(t *testing.T, holds func() bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		changed := h.api.Own.Console.Journal().Changed()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-time.After(100 * time.Millisecond): // failures are not in the journal
		case <-timeout:
			t.Fatal("it did not come about")
		}
	}
}

var errUser = &originator.Error{Receiver: "nms-2", Reason: access.UnknownUser, Err: errors.New("the receiver has no such user")}

// Each receiver's state is shown: acknowledged, waits with the reason, not wanted.
func TestWhoWasNotified(t *testing.T) {
	h := newHouse(t, routeOf("nms-1", nil), routeOf("nms-2", errUser), routeOf("berlin", nil))
	h.raise(t, "Minor", "minor", "berlin")
	h.raise(t, "Critical", "critical", "berlin")
	states := func() string {
		list, err := h.api.Console.Alarms(api.AlarmQuery{})
		if err != nil || len(list) != 2 || list[0].Rule != "Critical" || list[0].Severity != "critical" {
			t.Fatalf("%v: %+v", err, list)
		}
		var all []string
		for _, n := range list[0].Notified {
			all = append(all, n.Receiver+" "+n.Text)
		}
		return strings.Join(all, "; ")
	}
	h.await(t, func() bool {
		return strings.Contains(states(), "unknown user") && strings.Contains(states(), "acknowledged")
	})
	for _, want := range []string{"nms-1 acknowledged ", " in 34 ms; nms-2 waits", ", unknown user", "; berlin not wanted"} {
		if !strings.Contains(states(), want) {
			t.Errorf("%q lacks %q", states(), want)
		}
	}
	for query, want := range map[string]int{
		"critical is": 1, "severity=minor": 1, "rule=Critical site=berlin": 1, "receiver=nms-1": 2, "receiver=berlin": 0, "target=other": 0, "CORE-1": 2,
	} {
		if list, err := h.api.Console.Alarms(api.AlarmQuery{Text: query}); err != nil || len(list) != want {
			t.Errorf("%q: %v, %d alarms", query, err, len(list))
		}
	}
	h.await(t, func() bool {
		list, err := h.api.Console.Receivers()
		return err == nil && len(list) == 3 && list[0].Today == 2 && list[0].State == "works" && list[1].Waiting == 2
	})
	receivers, err := h.api.Console.Receivers()
	if err != nil || len(receivers) != 3 || receivers[0].State != "works" || receivers[0].Today != 2 || receivers[0].AnswerTime != 0.034 ||
		receivers[1].State != "fails" || receivers[1].Waiting != 2 || receivers[1].Problem.Reason != "unknown_user" || !strings.Contains(receivers[1].Problem.Remedy, "createUser") || receivers[2].State != "waiting" {
		t.Errorf("%v: %+v", err, receivers)
	}
	ladder := ""
	for _, step := range receivers[1].Ladder {
		ladder += step.State + " "
	}
	if ladder != "ok ok ok ok ok failed unknown " {
		t.Errorf("the ladder is %s", ladder)
	}
	one, err := h.api.Console.Receiver("nms-2")
	if err != nil || len(one.Queue) != 2 || one.Queue[0].Rule != "Minor" || one.Queue[0].Kind != "raise" {
		t.Errorf("%v: %+v", err, one)
	}
}

// The life of an alarm is shown from its raise to its clear, and who was notified of it after that.
func TestTheLifeOfAnAlarm(t *testing.T) {
	h := newHouse(t, routeOf("nms-1", nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.server.URL+"/api/v1/events?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	followed := bufio.NewScanner(response.Body)
	next := func(kind string) (e api.Event) {
		t.Helper()
		if !followed.Scan() {
			t.Fatal(followed.Err())
		}
		if err := json.Unmarshal(followed.Bytes(), &e); err != nil || e.Kind != kind {
			t.Fatalf("%v: %s, want %s", err, followed.Bytes(), kind)
		}
		return e
	}
	h.raise(t, "Down", "major", "")
	id := next("raised").Alarm
	acknowledged := next("acknowledged")
	h.raise(t, "Down", "critical", "")
	next("changed")
	next("acknowledged")
	if err := h.api.Console.Resend(id); err != nil {
		t.Fatal(err)
	}
	next("acknowledged")
	var ends []outbox.Transition
	for _, c := range h.outbox.Conditions() {
		ends = append(ends, outbox.Transition{Alarm: alarm.Alarm{ID: c.ID, Value: "1"}})
	}
	if err := h.outbox.Apply(ends, time.Now()); err != nil {
		t.Fatal(err)
	}
	cleared := next("cleared")
	next("acknowledged")
	if cleared.Value != "1" || cleared.Reason != "condition over" || acknowledged.Millis != 34 || acknowledged.Tries != 1 || acknowledged.Receiver != "nms-1" || acknowledged.Notification != "raise" {
		t.Errorf("%+v, %+v", cleared, acknowledged)
	}
	a, err := h.api.Console.Alarm(id)
	if err != nil || a.State != "cleared" || len(a.Life) != 7 || a.Life[0].Kind != "raised" || a.Rule != "Down" || a.Severity != "critical" || len(a.Notified) != 1 {
		t.Errorf("%v: %+v", err, a)
	}
	if past, err := h.api.Console.Alarms(api.AlarmQuery{State: "cleared", Text: "rule=Down"}); err != nil || len(past) != 1 || past[0].ID != id {
		t.Errorf("%v: %+v", err, past)
	}
	if _, err := h.api.Console.Alarm("none"); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("another ID: %v", err)
	}
}

// Alarms are served as CSV, one a line, in which texts of devices are not formulas.
func TestAlarmsAsCSV(t *testing.T) {
	h := newHouse(t, routeOf("nms-1", nil))
	h.raise(t, "=HYPERLINK(1)", "major", "@berlin")
	h.raise(t, "Second", "minor", "berlin")
	for query, want := range map[string][]string{"": {"'=HYPERLINK(1)", "Second"}, "&q=severity%3Dminor": {"Second"}, "&q=baseline%3Dtrue": nil} {
		response, err := http.Get(h.server.URL + "/api/v1/alarms?format=csv" + query)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(response.Body).ReadAll()
		response.Body.Close()
		if err != nil || len(rows) != len(want)+1 || rows[0][0] != "id" || response.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Fatalf("%s: %v, %q", query, err, rows)
		}
		for i, rule := range want {
			if row := rows[i+1]; row[3] != rule || row[4] != "core-1" || row[10] != "false" {
				t.Errorf("%s: %q, want rule %s", query, row, rule)
			}
		}
	}
}
