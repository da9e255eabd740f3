package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trapline/internal/api"
)

// The silences of a fleet.

func (f *fleet) Acknowledge(id string, a api.Ack) error {
	if a.By == "" {
		return api.Errorf(api.ErrBadRequest, "by is required")
	}
	f.did(strings.TrimSpace("ack " + id + " by " + a.By + " " + a.Comment))
	return nil
}

func (f *fleet) Clear(id string, by api.Clear) error {
	if id == "9f2c3" {
		return api.WithHint(api.Errorf(api.ErrBusy, "the alarm is not cleared: its rule InterfaceDown still fires"), "acknowledge or silence it")
	}
	f.did("clear " + id + " by " + by.By + ": " + by.Comment)
	return nil
}

func (f *fleet) Unacknowledge(id string) error {
	f.did("unack " + id)
	return nil
}

func (f *fleet) Silences(q api.SilenceQuery) (list api.SilenceList, err error) {
	list.Active, list.Pending, list.Expired = 102, 1, 3
	total := map[string]int{"active": 102, "pending": 1, "expired": 3}[q.State]
	for i := q.Offset; i < min(total, q.Offset+q.Limit); i++ {
		s := api.Silence{ID: fmt.Sprintf("2f1c0a4e-77aa-4c0e-8f6e-%012d", i), State: q.State, Matchers: `{site="berlin",severity=~"minor|warning"}`, Begin: f.at(60), End: f.at(-60), By: "anna", Comment: "core upgrade", UntilClear: i%2 == 1, Alarms: i}
		if f.said != "" {
			s.ID, s.Matchers, s.By, s.Comment = f.said, f.said, f.said, f.said
		}
		list.Silences = append(list.Silences, s)
	}
	return list, nil
}

func (f *fleet) Matched(n api.NewSilence) ([]api.Alarm, error) {
	if strings.HasSuffix(n.Matchers, "=") {
		return nil, api.Errorf(api.ErrBadRequest, `matchers %q: write name="value"`, n.Matchers)
	}
	list, _ := f.Alarms(api.AlarmQuery{})
	for len(list) < 120 {
		list = append(list, list...)
	}
	return list[:120], nil
}

func (f *fleet) Silence(n api.NewSilence) (string, error) {
	f.did(fmt.Sprintf("silence %s%s for %s by %s: %s", n.Alarm, n.Matchers, n.For, n.By, n.Comment))
	return "2f1c", nil
}

func (f *fleet) Expire(id string) error {
	f.did("expire " + id)
	return nil
}

func (f *fleet) Windows(limit int) (api.WindowList, error) {
	list := []api.Window{
		{Name: "CHG-4711", Matchers: `{site="berlin"}`, During: []string{"night"}, Comment: "core upgrade", Active: true, End: f.at(-120)},
		{Name: "weekly", Matchers: `{site="paris"}`, During: []string{"sunday"}, Begin: f.at(-3000), End: f.at(-3120)},
	}
	if f.said != "" {
		list[0].Name, list[0].Matchers, list[0].Comment, list[0].During[0] = f.said, f.said, f.said, f.said
	}
	return api.WindowList{Windows: list, Total: 2}, nil
}

// A new silence begins once the alarms that it would mute have been shown.
func TestNewSilenceShowsItsAlarmsFirst(t *testing.T) {
	f := newFleet(20)
	h := serve(fleetOptions(f))
	form := url.Values{"matchers": {`site="berlin"`}, "for": {"2h"}, "comment": {"core upgrade"}, "by": {"anna"}}
	w := send(h, "/silences", form)
	if body := w.Body.String(); w.Code != http.StatusOK || len(f.done) > 0 || !strings.Contains(body, "It would mute 120 alarms") || !strings.Contains(body, "100 of 120 are shown") || !strings.Contains(body, `name="confirm" value="yes"`) {
		t.Errorf("%d, done %q: %s", w.Code, f.done, body)
	}
	form.Set("matchers", "site=")
	if w := send(h, "/silences", form); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "core upgrade") || !strings.Contains(w.Body.String(), "write name=") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	form.Set("matchers", `site="berlin"`)
	form.Set("confirm", "yes")
	if w := send(h, "/silences", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/silences?done=add" || strings.Join(f.done, ",") != `silence site="berlin" for 2h by anna: core upgrade` {
		t.Errorf("%d %s, done %q", w.Code, w.Header().Get("Location"), f.done)
	}
}

// An alarm is cleared once that is confirmed, and an alarm that does not end by hand stays.
func TestClearOfAnAlarm(t *testing.T) {
	f := newFleet(20)
	h := serve(fleetOptions(f))
	form := url.Values{"comment": {"<replaced>"}, "by": {"anna"}}
	w := send(h, "/alarms/9f2c1/clear", form)
	if body := w.Body.String(); w.Code != http.StatusOK || len(f.done) > 0 || !strings.Contains(body, "core-0007 does not answer") || !strings.Contains(body, `name="comment" value="&lt;replaced&gt;"`) {
		t.Errorf("%d, done %q: %s", w.Code, f.done, body)
	}
	form.Set("confirm", "yes")
	if w := send(h, "/alarms/9f2c1/clear", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/alarms/9f2c1?done=clear" || strings.Join(f.done, ",") != "clear 9f2c1 by anna: <replaced>" {
		t.Errorf("%d %s, done %q", w.Code, w.Header().Get("Location"), f.done)
	}
	if w := send(h, "/alarms/9f2c3/clear", form); w.Code != http.StatusServiceUnavailable && w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "acknowledge or silence it") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if w := send(h, "/alarms/nosuch/clear", nil); w.Code != http.StatusNotFound {
		t.Errorf("an unknown alarm: %d", w.Code)
	}
}

// Who acts is the user of the request, whatever the form says.
func TestTheUserActs(t *testing.T) {
	f := newFleet(20)
	form := url.Values{"comment": {"known"}, "by": {"somebody"}}
	r, w := request("/alarms/9f2c1/ack", form)
	r.SetBasicAuth("anna", "secret")
	serve(fleetOptions(f)).ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther || strings.Join(f.done, ",") != "ack 9f2c1 by anna known" {
		t.Errorf("%d, done %q", w.Code, f.done)
	}
}

// The list of alarms says why an alarm is muted, with a link to the cause, and who acknowledged it.
func TestMutesAndAcknowledgements(t *testing.T) {
	h := serve(fleetOptions(newFleet(100)))
	for _, path := range []string{"/alarms", "/alarms?state=muted", "/alarms?group=target", "/alarms/9f2c3"} {
		body := ask(t, h, path).Body.String()
		for _, want := range []string{`silence <a href="/silences#s-2f1c0a4e-77aa-4c0e-8f6e-000000000000">2f1c0a4e</a>`, `maintenance <a href="/silences#windows">CHG-4711</a>`, `inhibited by <a href="/alarms?q=DeviceDown&#43;core-0007">DeviceDown core-0007</a>`, `behind <a href="/targets/core-0007">core-0007</a>`, "flapping", "by anna", "the vendor is on it"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not have %q", path, want)
			}
		}
	}
	body := ask(t, h, "/silences").Body.String()
	for _, want := range []string{"1–100 of 102", "core upgrade", "CHG-4711", "Next begin", `id="s-2f1c0a4e-77aa-4c0e-8f6e-000000000000"`} {
		if !strings.Contains(body, want) {
			t.Errorf("/silences does not have %q", want)
		}
	}
}
