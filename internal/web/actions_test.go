package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
)

// The actions of a fleet.

func (f *fleet) Locked(*http.Request) error { return f.locked }

func (f *fleet) Admit(*http.Request) error { return f.locked }

func (f *fleet) Poll(_ context.Context, target string) error {
	f.did("poll " + target)
	for i := range f.all {
		if t := &f.all[i]; t.Name == target {
			t.State, t.LastPoll, t.Problem, t.Series = api.Up, f.now.Add(f.later), nil, 2137
			return nil
		}
	}
	return fmt.Errorf("target %q: %w", target, api.ErrNotFound)
}

func (f *fleet) Walk(_ context.Context, target, what string, limit int, row func(api.WalkRow) error) error {
	f.did("walk " + target + " " + what)
	if what == "nosuch" {
		return &api.Hinted{Err: fmt.Errorf("%w: no object %q", api.ErrBadRequest, what), Hint: "did you mean IF-MIB::ifDescr?"}
	}
	if what == "vast" { // values as large as a datagram
		for range limit {
			f.did("row")
			if err := row(api.WalkRow{Value: strings.Repeat("<", 60_000)}); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range min(limit, 120) {
		if err := row(api.WalkRow{OID: fmt.Sprintf("1.3.6.1.2.1.2.2.1.2.%d", i), Name: fmt.Sprintf("IF-MIB::ifDescr.%d", i), Type: "OctetString", Value: fmt.Sprintf("GigabitEthernet1/0/%d", i)}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) Why(_ context.Context, target, metric, row string, live bool) (api.Why, error) {
	if live {
		f.did("why " + target + " " + metric)
	}
	if metric == "" {
		return api.Why{Target: target, Verdict: "2 metrics of core-0012 are absent or partial.", Missing: []api.Absence{{Metric: "ifHCInOctets", Module: "if_mib", Kind: "filtered", Text: "1 of 52 rows is dropped by a filter."}, {Metric: "pethMainPsePower", Module: "ups_mib", Kind: "absent", Text: "The device has no such column."}}}, nil
	}
	return api.Why{Target: target, Metric: metric, Row: row, Asked: live, Poll: f.now, Verdict: metric + " is there for 51 of 52 rows. " + row + " is dropped by a filter.",
		Reason: "filters: ifAdminStatus = up (snmp.yml:41); the port was down(2) in the poll of 14:44:58.", Remedy: "Remove the filter, or enable the port.",
		Steps: []api.Step{{Name: "Name known", State: "ok", Text: "IF-MIB::ifHCInOctets, 1.3.6.1.2.1.31.1.1.1.6, Counter64"}, {Name: "A module reads it", State: "ok", Text: "interfaces"}, {Name: "The device answers", State: "ok"},
			{Name: "The device has the column", State: "ok", Text: "52 rows"}, {Name: "Filters pass it", State: "failed", Text: "51 of 52 rows"}, {Name: "The value fits", State: "unknown"}, {Name: "It is no duplicate", State: "unknown"}, {Name: "It is served", State: "unknown"}}}, nil
}

func (f *fleet) Config(q api.ConfigQuery) (api.Config, error) {
	c := api.Config{Status: f.Status().Config}
	switch q.View {
	case "":
		c.Files = []api.ConfigFile{{Name: "snmp.yml", Text: "global: {interval: 60s}\nauths:\n  secure:\n    version: 3\n    username: monitor\n    password: <secret>\n"}, {Name: "targets.yml", Text: "targets: []\n"}}
	case api.ViewDefaults, api.ViewTarget:
		c.Text = "global:\n  interval: 60s\n  timeout: 5s\n"
	default:
		return c, fmt.Errorf("%w: view %q", api.ErrBadRequest, q.View)
	}
	return c, nil
}

var refusedErrors = []api.ConfigError{
	{File: "targets.yml", Line: 31, Text: "no auth \"secrue\"; did you mean secure?", First: 29, Context: []string{"- name: edge-0311", "  address: 10.21.3.11", "  auth: secrue"}},
	{File: "targets.yml", Line: 88, Text: "target edge-0400: the interval is 30s and the timeout 2m: a poll could never end in time"},
}

func (f *fleet) CheckConfig(string) (api.ConfigCheck, error) {
	f.did("check")
	return api.ConfigCheck{Errors: refusedErrors, Targets: 10000, Modules: 40}, nil
}

func (f *fleet) Reload() (api.ConfigStatus, error) {
	f.did("reload")
	return f.Status().Config, fmt.Errorf("%w: the running configuration goes on", api.ErrRefused)
}

func (f *fleet) Modules(q api.ModuleQuery) ([]api.Module, int, error) {
	list := slices.DeleteFunc([]api.Module{
		{Name: "if_mib", Walks: []string{"IF-MIB::ifTable", "IF-MIB::ifXTable"}, Metrics: []string{"ifHCInOctets", "ifOperStatus"}, Targets: 8000, Seconds: 0.08, Text: "auto chose it for 8,000 targets of profile cisco_ios"},
		{Name: "ups_mib", Walks: []string{"UPS-MIB::upsMIB"}, Metrics: []string{"upsEstimatedChargeRemaining"}, Targets: 1400, Seconds: 0.03},
	}, func(m api.Module) bool { return !strings.Contains(m.Name, q.Text) })
	return list, len(list), nil
}

func (f *fleet) Module(name string) (api.Module, error) {
	list, _, _ := f.Modules(api.ModuleQuery{})
	for _, m := range list {
		if m.Name == name {
			m.Reads = []api.ModuleMetric{{Name: "ifHCInOctets", Object: "IF-MIB::ifHCInOctets", Type: "counter", Labels: []string{"ifIndex", "ifName"}, Help: "The total number of octets received on the interface."}}
			return m, nil
		}
	}
	return api.Module{}, fmt.Errorf("module %q: %w", name, api.ErrNotFound)
}

func (f *fleet) Objects(q api.ObjectQuery) (api.ObjectList, error) {
	if q.Text == "nosuch" {
		return api.ObjectList{}, nil
	}
	return api.ObjectList{Matched: 240, Objects: []api.ObjectReference{
		{Name: "IF-MIB::ifOperStatus", OID: "1.3.6.1.2.1.2.2.1.8", Kind: "column", Help: "The current operational state of the interface."}, {Name: "IF-MIB", OID: "1.3.6.1.2.1.31", Kind: "module identity", Help: "ifMIB", LastUpdated: "2000-06-14"}}}, nil
}

func (f *fleet) Object(name string) (api.Object, error) {
	return api.Object{Name: name, OID: "1.3.6.1.2.1.2.2.1.8", Kind: "column", Type: "Integer32", Access: "read-only", Status: "current", Enum: map[string]int64{"up": 1, "down": 2, "testing": 3},
		Index: []string{"IF-MIB::ifIndex"}, Description: "The current operational state of the interface.\nIt is down(2) where …", ReadBy: []string{"if_mib"},
		Parents: []api.ObjectReference{{Name: "IF-MIB::ifTable"}, {Name: "IF-MIB::ifEntry"}}, Children: []api.ObjectReference{{Name: "IF-MIB::x", OID: "1.3.6", Kind: "node"}}}, nil
}

func (f *fleet) did(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, what)
}

func send(h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	r, w := request(path, form)
	h.ServeHTTP(w, r)
	return w
}

// request returns the request of a form, and where its answer goes.
func request(path string, form url.Values) (*http.Request, *httptest.ResponseRecorder) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r, httptest.NewRecorder()
}

// actionForms are the forms that act, with their effects.
var actionForms = []struct {
	path string
	form url.Values
	did  string
}{
	{"/targets/core-0001/poll", nil, "poll core-0001"},
	{"/targets/poll", url.Values{"q": {"core-0001"}}, "poll core-0001"},
	{"/targets/core-0001/walk", url.Values{"what": {"ifTable"}}, "walk core-0001 ifTable"},
	{"/targets/core-0001/why", url.Values{"metric": {"ifHCInOctets"}}, "why core-0001 ifHCInOctets"},
	{"/alarms/9f2c1/resend", nil, "resend 9f2c1"},
	{"/alarms/9f2c1/ack", url.Values{"by": {"anna"}, "comment": {"known"}}, "ack 9f2c1 by anna known"},
	{"/alarms/9f2c1/ack", url.Values{"comment": {"known"}}, ""},
	{"/alarms/9f2c1/unack", nil, "unack 9f2c1"},
	{"/alarms/9f2c1/silence", url.Values{"by": {"anna"}, "comment": {"known"}, "for": {"4h"}}, "silence 9f2c1 for 4h by anna: known"},
	{"/alarms/9f2c1/clear", url.Values{"by": {"anna"}, "comment": {"replaced"}}, ""},
	{"/alarms/9f2c1/clear", url.Values{"by": {"anna"}, "comment": {"replaced"}, "confirm": {"yes"}}, "clear 9f2c1 by anna: replaced"},
	{"/silences/2f1c/expire", nil, "expire 2f1c"},
	{"/silences", url.Values{"matchers": {"site=berlin"}, "by": {"anna"}, "comment": {"known"}, "for": {"4h"}, "confirm": {"yes"}}, "silence site=berlin for 4h by anna: known"},
	{"/rules", url.Values{"expr": {"ifOperStatus == 2"}}, "try ifOperStatus == 2"},
	{"/rules", url.Values{"expr": {"nonsense("}}, "try nonsense("},
	{"/receivers/nms-2/retry", nil, "retry nms-2"},
	{"/receivers/nms-2/test", nil, "test nms-2"},
	{"/receivers/nms-2/drop", url.Values{"name": {"nms-2"}}, "drop nms-2"},
	{"/configuration/check", nil, "check"},
	{"/configuration/reload", nil, "reload"},
}

// A form has the effect of its label, and none where actions are locked; then its button says why.
func TestActions(t *testing.T) {
	for _, c := range actionForms {
		f := newFleet(20)
		h := serve(fleetOptions(f))
		if w := send(h, c.path, c.form); w.Code >= 500 || strings.Join(f.done, ",") != c.did {
			t.Errorf("%s: %d, done: %q", c.path, w.Code, f.done)
		}
		f.done, f.locked = nil, &api.Hinted{Err: api.ErrLocked, Hint: "start Trapline with --web.actions=on"}
		if w := send(h, c.path, c.form); w.Code != http.StatusForbidden || len(f.done) > 0 || !strings.Contains(w.Body.String(), "--web.actions=on") {
			t.Errorf("%s, locked: %d, done: %q", c.path, w.Code, f.done)
		}
	}
	f := newFleet(20)
	f.locked = &api.Hinted{Err: errors.New("actions are off"), Hint: "start Trapline with --web.actions=on"}
	for _, path := range []string{"/targets/core-0001", "/targets/core-0001/walk", "/targets/core-0001/why?metric=x", "/alarms/9f2c1", "/silences", "/rules", "/receivers", "/configuration"} {
		if body := ask(t, serve(fleetOptions(f)), path).Body.String(); !strings.Contains(body, "disabled") || !strings.Contains(body, "--web.actions=on") {
			t.Errorf("%s does not say that actions are off", path)
		}
	}
}

func TestPollNowLeadsBackToTheTarget(t *testing.T) {
	f := newFleet(20)
	f.later = time.Second
	h := serve(fleetOptions(f))
	w := send(h, "/targets/core-0001/poll", nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/targets/core-0001?done=poll" {
		t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
	}
	if body := ask(t, h, w.Header().Get("Location")).Body.String(); !strings.Contains(body, "The target was polled.") {
		t.Error("the page does not say that the target was polled")
	}
}

// The targets of a query are polled at once; of many, it asks first; of too many, none is.
func TestPollOfAQuery(t *testing.T) {
	for _, c := range []struct {
		targets, status, polled int
		form                    url.Values
		says                    string
	}{
		{50, http.StatusSeeOther, 10, url.Values{"q": {"core"}}, ""},
		{55, http.StatusOK, 0, url.Values{"q": {"core"}}, "Poll 11 targets now?"},
		{55, http.StatusSeeOther, 11, url.Values{"q": {"core"}, "confirm": {"yes"}}, ""},
		{55, http.StatusSeeOther, 1, url.Values{"state": {"down"}}, ""},
		{1001, http.StatusBadRequest, 0, url.Values{"confirm": {"yes"}}, "Search for fewer."},
	} {
		f := newFleet(c.targets)
		w := send(serve(fleetOptions(f)), "/targets/poll", c.form)
		if w.Code != c.status || len(f.done) != c.polled || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%+v: %d, %d polled: %s", c, w.Code, len(f.done), w.Body)
		}
	}
}

// A device whose values are large does not make a page of any size.
func TestPageOfAWalkIsBounded(t *testing.T) {
	f := newFleet(10)
	w := send(serve(fleetOptions(f)), "/targets/acc-0001/walk", url.Values{"what": {"vast"}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "and there are more") || len(f.done) > 100 {
		t.Errorf("%d, %d rows, %d octets", w.Code, len(f.done), w.Body.Len())
	}
}
