package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/outbox"
	"trapline/internal/traps"
)

// An alarm of a trap rule is cleared by hand, with an entry by whom. One that a rule still raises is refused with the
// reason, and the condition of the trap rule ends nevertheless.
func TestAlarmsAreClearedByHand(t *testing.T) {
	h := newHouse(t)
	begin := func(id string, severity alarm.Severity) {
		t.Helper()
		a := alarm.Alarm{ID: id, Rule: "OnBattery", Target: "ups-1", Severity: severity, Summary: "on battery", Labels: map[string]string{"alertname": "OnBattery", "target": "ups-1"}}
		if err := h.outbox.Apply([]outbox.Transition{{Alarm: a, Active: true}}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	post := func(id, body string) *http.Response {
		t.Helper()
		response, err := http.Post(h.server.URL+"/api/v1/alarms/"+id+"/clear", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	begin(traps.SourcePrefix+"OnBattery/x/1", alarm.Major)
	id := h.outbox.Active()[0].ID
	if err := h.api.Console.Clear(id, api.Clear{}); !errors.Is(err, api.ErrBadRequest) {
		t.Errorf("by nobody: %v", err)
	}
	begin("of a rule", alarm.Minor)
	err := h.api.Console.Clear(id, api.Clear{By: "anna"})
	if active := h.outbox.Active(); !errors.Is(err, api.ErrBusy) || !strings.Contains(err.Error(), "OnBattery ends it") || len(active) != 1 || active[0].Severity != alarm.Minor {
		t.Errorf("%v: %+v", err, active)
	}
	if err := h.outbox.Apply([]outbox.Transition{{Alarm: alarm.Alarm{ID: "of a rule"}}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	begin(traps.SourcePrefix+"OnBattery/x/1", alarm.Major)
	if response := post(id, `{"by": "anna", "comment": "power is back"}`); response.StatusCode != http.StatusOK || len(h.outbox.Active()) > 0 {
		t.Errorf("%s, active are %v", response.Status, h.outbox.Active())
	}
	entries, err := h.api.Console.Events(api.EventQuery{Match: []string{"kind=cleared"}})
	if err != nil || len(entries) != 2 || entries[0].Reason != "cleared by anna: power is back" {
		t.Errorf("%v: %+v", err, entries)
	}
	if response := post(id, `{"by": "anna"}`); response.StatusCode != http.StatusNotFound {
		t.Error(response.Status)
	}
	h.api.options.Guard.Mode = ActionsOff
	if response := post(id, `{"by": "anna"}`); response.StatusCode != http.StatusForbidden {
		t.Error(response.Status)
	}
}
