package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"gopkg.in/yaml.v3"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/standing"
	"trapline/internal/setting"
)

// post sends a request to an inlet and returns the status.
func post(t *testing.T, i *AlertsAPI, path, body string) int {
	t.Helper()
	mux := http.NewServeMux()
	i.Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Code
}

func inletOf(r *served) *AlertsAPI {
	return &AlertsAPI{Outbox: r.outbox, Logger: slog.New(slog.DiscardHandler)}
}

// kindsOf returns the sorted kinds of the events received.
func kindsOf(l *outboxtest.Receiver) string {
	var kinds []string
	for _, word := range strings.Split(l.Take(), ", ") {
		kind, _, _ := strings.Cut(word, " ")
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

func TestPrometheusLeasesAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		i := inletOf(r)
		send := func(lease time.Duration) {
			t.Helper()
			body := fmt.Sprintf(`[{"labels":{"alertname":"Down","instance":"192.0.2.7:161","severity":"critical"},"annotations":{"summary":"it is down"},"startsAt":%q,"endsAt":%q}]`,
				time.Now().Format(time.RFC3339Nano), time.Now().Add(lease).Format(time.RFC3339Nano))
			if code := post(t, i, "/api/v2/alerts", body); code != http.StatusOK {
				t.Errorf("status %d", code)
			}
		}
		for range 10 { // as long as it is sent again, it is one alarm
			send(4 * time.Minute)
			rest(time.Minute)
		}
		if got := kindsOf(l); got != "raise" {
			t.Errorf("sent %s", got)
		}
		if a := r.outbox.Active()[0]; a.Rule != "Down" || a.Target != "192.0.2.7:161" || a.Address.String() != "192.0.2.7" || a.Severity != alarm.Critical || a.Summary != "it is down" {
			t.Errorf("%+v", a)
		}
		send(-time.Second)
		rest(time.Minute)
		if got := kindsOf(l); got != "clear" {
			t.Errorf("after its end, sent %s", got)
		}
		send(4 * time.Minute)
		rest(3 * time.Minute)
		if got := kindsOf(l); got != "raise" {
			t.Errorf("sent %s", got)
		}
		rest(2 * time.Minute)
		if got := kindsOf(l); got != "clear" {
			t.Errorf("after its lease, sent %s", got)
		}
	})
}

// Two Prometheus servers that disagree for 20 minutes, one of them clocked by its own view and repeating its ends: the
// alarm is raised once, and cleared once neither sees it.
func TestTwoPrometheusServersHaveOneAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		i := inletOf(r)
		send := func(server string, lease time.Duration) {
			t.Helper()
			body := fmt.Sprintf(`[{"labels":{"alertname":"Down","instance":"a"},"annotations":{"summary":"%d %% of it"},"endsAt":%q,"generatorURL":"http://%s/graph?g0"}]`,
				time.Now().Minute(), time.Now().Add(lease).Format(time.RFC3339Nano), server)
			if code := post(t, i, "/api/v2/alerts", body); code != http.StatusOK {
				t.Errorf("status %d", code)
			}
		}
		for minute := range 20 {
			send("prom-a:9090", 4*time.Minute)
			if minute%3 == 1 {
				send("prom-b:9090", 4*time.Minute)
			} else {
				send("prom-b:9090", -time.Minute)
			}
			rest(time.Minute)
		}
		if got := kindsOf(l); got != "raise" {
			t.Errorf("while one sees it, sent %s", got)
		}
		send("prom-b:9090", 4*time.Minute)
		send("prom-a:9090", -time.Second)
		rest(time.Minute)
		if got := kindsOf(l); got != "" {
			t.Errorf("while the other sees it, sent %s", got)
		}
		rest(5 * time.Minute)
		if got := kindsOf(l); got != "clear" {
			t.Errorf("in the end, sent %s", got)
		}
	})
}

// An alarm says that a group of Alertmanager is truncated, until a message of the group is whole.
func TestTruncatedGroupsAreAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		i := inletOf(r)
		for _, test := range []struct {
			truncated int
			pause     time.Duration // after the message
			want      string
		}{{2, time.Minute, "raise raise raise"}, {2, 24 * time.Hour, ""}, {0, time.Minute, "clear"}, {0, time.Minute, ""}, {2, 24 * time.Hour, "raise"}, {2, 26 * time.Hour, "clear"}} {
			const alert = `{"status":"firing","labels":{"alertname":"Down","instance":%q}}`
			body := fmt.Sprintf(`{"version":"4","alerts":[`+alert+","+alert+`],"groupKey":"{}:{alertname=\"Down\"}","truncatedAlerts":%d}`, "a", "b", test.truncated)
			if code := post(t, i, "/api/v1/webhook", body); code != http.StatusOK {
				t.Errorf("status %d", code)
			}
			rest(test.pause)
			if got := kindsOf(l); got != test.want {
				t.Errorf("with %d truncated: sent %q, want %q", test.truncated, got, test.want)
			}
		}
		if n := testutil.ToFloat64(r.outbox.Metrics.AlertsTruncated); n != 8 {
			t.Errorf("%g counted", n)
		}
	})
}

// After a start, leases must last long enough to be renewed.
func TestLeasesOutliveAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{}
		r := serve(t, dir, l.Route("nms"))
		if code := post(t, inletOf(r), "/api/v2/alerts", `[{"labels":{"alertname":"Down"}}]`); code != http.StatusOK {
			t.Fatal(code)
		}
		rest(time.Minute)
		r.stop()
		time.Sleep(time.Hour)
		r = serve(t, dir, l.Route("nms"))
		defer r.stop()
		rest(4 * time.Minute)
		if got := kindsOf(l); got != "raise" {
			t.Errorf("sent %s", got)
		}
		rest(2 * time.Minute)
		if got := kindsOf(l); got != "clear" {
			t.Errorf("sent %s", got)
		}
	})
}

func TestAlertmanagerSaysOfEachAlertWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		i := inletOf(r)
		send := func(first, second string) {
			t.Helper()
			const alert = `{"status":%q,"labels":{"alertname":"Down","instance":%q},"annotations":{},"startsAt":"2026-03-01T12:00:00Z","fingerprint":"1"}`
			body := fmt.Sprintf(`{"version":"4","status":"firing","future":1,"alerts":[`+alert+","+alert+"]}", first, "a", second, "b")
			if code := post(t, i, "/api/v1/webhook", body); code != http.StatusOK {
				t.Errorf("status %d", code)
			}
			rest(24 * time.Hour)
		}
		for _, test := range []struct{ first, second, want string }{
			{"firing", "firing", "raise raise"}, {"firing", "firing", ""}, {"firing", "resolved", "clear"}, {"resolved", "firing", "clear raise"},
		} {
			send(test.first, test.second)
			if got := kindsOf(l); got != test.want {
				t.Errorf("%s and %s: sent %q, want %q", test.first, test.second, got, test.want)
			}
		}
		if a := r.outbox.Active(); len(a) != 1 || a[0].Target != "b" || !a[0].RaisedAt.Equal(noon) {
			t.Errorf("active are %+v", a)
		}
	})
}

func TestInletAnswersWhatItCannotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		i := inletOf(r)
		for body, path := range map[string]string{
			`{}`: "/api/v2/alerts", `[{"labels":{"a":"b"}}]`: "/api/v2/alerts", `[{"endsAt":"soon"}]`: "/api/v2/alerts", ``: "/api/v2/alerts",
			`{"version":"3"}`: "/api/v1/webhook", `{"version":"4","alerts":[{"status":"?"}]}`: "/api/v1/webhook",
			`{"version":"4","alerts":[{"status":"firing"}]}`: "/api/v1/webhook",
		} {
			if code := post(t, i, path, body); code != http.StatusBadRequest {
				t.Errorf("%s: status %d", body, code)
			}
		}
		if code := post(t, i, "/api/v2/alerts", `[]`); code != http.StatusOK {
			t.Errorf("no alerts: status %d", code)
		}
		r.stop()
		if code := post(t, i, "/api/v2/alerts", `[{"labels":{"alertname":"Down"}}]`); code != http.StatusServiceUnavailable {
			t.Errorf("what cannot be stored: status %d", code)
		}
		if len(l.Received()) > 0 || len(r.outbox.Active()) > 0 {
			t.Errorf("sent %v", l.Received())
		}
	})
}

// Invalid annotations must be counted, and the alert accepted without them.
func TestInletTakesAlertsWithBadAnnotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		if code := post(t, inletOf(r), "/api/v2/alerts", `[{"labels":{"alertname":"Down"},"annotations":{"trap_varbinds":"a = 1\nb"}},{"labels":{"alertname":"Up"}}]`); code != http.StatusOK {
			t.Errorf("status %d", code)
		}
		rest(time.Minute)
		if got := kindsOf(l); got != "raise raise" || testutil.ToFloat64(r.outbox.Metrics.Misread) != 1 {
			t.Errorf("sent %s, %g misread", got, testutil.ToFloat64(r.outbox.Metrics.Misread))
		}
		for _, a := range r.outbox.Active() {
			if a.Rule == "Down" && !slices.Equal(a.VarBinds, []alarm.Binding{{Name: "a", Value: "1"}}) {
				t.Errorf("%+v", a)
			}
		}
	})
}

// The inlet must accept the webhooks that this package sends, so that two instances can be chained.
func TestWebhooksAreWhatTheInletTakes(t *testing.T) {
	var bodies []string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&m)
		bodies = append(bodies, string(m))
		w.WriteHeader(status)
	}))
	defer server.Close()
	deliver, err := openWebhook(&ReceiverSettings{Name: "hook", URL: setting.URL(server.URL)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []alarm.Kind{alarm.Raise, alarm.Heartbeat, alarm.Clear} {
		e := &alarm.Event{ID: "e", Kind: kind, At: noon}
		if kind != alarm.Heartbeat {
			e.Alarm = portAlarm()
		}
		if _, err := deliver(t.Context(), e, 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(bodies) != 2 {
		t.Fatalf("%q", bodies)
	}
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		for _, body := range bodies {
			if code := post(t, inletOf(r), "/api/v1/webhook", body); code != http.StatusOK {
				t.Errorf("status %d to %s", code, body)
			}
			rest(time.Minute)
		}
		if got := kindsOf(l); got != "clear raise" {
			t.Errorf("sent %s", got)
		}
		if a := l.Received()[0].Alarm; a.Rule != "PortDown" || a.Target != "core-1" || a.Severity != alarm.Major || a.Labels["site"] != "berlin" || a.Value != "2" {
			t.Errorf("%+v", a)
		}
	})
	for code, dead := range map[int]bool{http.StatusBadRequest: true, http.StatusUnauthorized: false, http.StatusForbidden: false, http.StatusTooManyRequests: false, http.StatusServiceUnavailable: false} {
		status = code
		_, err := deliver(t.Context(), &alarm.Event{Kind: alarm.Raise, Alarm: portAlarm()}, 1)
		if err == nil || (standing.Reason(err) == access.ErrorStatus) != dead {
			t.Errorf("status %d: %v", code, err)
		}
	}
}

// A webhook with group_by gets one message for the alarms of a group, then after group_interval what changed with those
// that are still active, at most max_alerts of them.
func TestWebhooksOfGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		hook := &ReceiverSettings{Name: "hook", GroupBy: []string{"site"}, MaxAlerts: 2}
		var kept WebhookGroups
		settings := &groupSettings{hook, nil, func(_ context.Context, m *webhookMessage) error {
			line := fmt.Sprintf("%s %s common %v", m.Status, m.GroupKey, m.CommonLabels["alertname"])
			for _, a := range m.Alerts {
				line += fmt.Sprintf(" %s=%s", a.Labels["target"], a.Status)
			}
			got = append(got, fmt.Sprintf("%s +%d", line, m.TruncatedAlerts))
			return nil
		}}
		g := kept.of(settings)
		deliver := func(_ context.Context, e *alarm.Event, _ int32) (originator.Receipt, error) {
			return originator.Receipt{Sent: 1, RTT: 1}, g.add(t.Context(), e)
		}
		route := &queue.Route{Name: "hook", Deliver: deliver, Window: groupWindow, MaxAge: time.Hour, MaxEvents: 100}
		r := serve(t, t.TempDir(), route)
		defer r.stop()
		apply := func(active bool, targets ...string) {
			var all []outbox.Transition
			for _, target := range targets {
				all = append(all, outbox.Transition{Active: active, Alarm: alarm.Alarm{ID: target, Rule: "Down", Target: target, Severity: alarm.Major, Labels: map[string]string{"site": "berlin"}}})
			}
			if err := r.outbox.Apply(all, time.Now()); err != nil {
				t.Error(err)
			}
			rest(20 * time.Second)
		}
		apply(true, "a")
		apply(true, "b")
		reloaded, other := *hook, *hook
		reloaded.MaxAlerts, other.GroupBy = 2, []string{"target"}
		if kept.of(&groupSettings{&reloaded, nil, settings.post}) != g || kept.of(&groupSettings{&other, nil, nil}) == g {
			t.Error("a reload has other groups, or another group_by has not")
		}
		g.use(&groupSettings{&reloaded, nil, settings.post})
		apply(true, "c")
		apply(false, "a", "b")
		rest(5 * time.Minute)
		apply(false, "c")
		rest(5 * time.Minute)
		const group = `{}:{site="berlin"}`
		want := []string{
			"firing " + group + " common Down a=firing b=firing +0", "firing " + group + " common Down b=resolved c=firing +1",
			"resolved " + group + " common Down c=resolved +0",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// Of a group with more alarms than max_alerts, a message has those that changed, then the most severe, then the latest.
func TestWhatMattersIsNotTruncated(t *testing.T) {
	at := func(minute int, name, severity string) webhookAlert {
		return webhookAlert{Fingerprint: name, alert: alert{Labels: map[string]string{"severity": severity}, StartsAt: time.Unix(int64(60*minute), 0)}}
	}
	m := webhookMessage{Alerts: []webhookAlert{at(1, "old", "minor"), at(2, "bad", "critical"), at(3, "latest", "minor"), at(0, "ended", "warning")}}
	m.truncate(3, func(a webhookAlert) bool { return a.Fingerprint == "ended" })
	var got []string
	for _, a := range m.Alerts {
		got = append(got, a.Fingerprint)
	}
	if want := []string{"ended", "bad", "latest"}; !slices.Equal(got, want) || m.TruncatedAlerts != 1 {
		t.Errorf("got %q and %d truncated, want %q and 1", got, m.TruncatedAlerts, want)
	}
}

// A file that http_config names and that cannot be read is reported as such, and not as a network that fails.
func TestWebhooksWithoutTheirCredentials(t *testing.T) {
	var h setting.HTTPConfig
	if err := yaml.Unmarshal([]byte("authorization: {credentials_file: "+t.TempDir()+"/none}"), &h); err != nil {
		t.Fatal(err)
	}
	deliver, err := openWebhook(&ReceiverSettings{Name: "hook", URL: "http://127.0.0.1:1/", HTTPConfig: &h}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = deliver(t.Context(), &alarm.Event{Kind: alarm.Raise, Alarm: portAlarm()}, 1); standing.Reason(err) != access.Credentials {
		t.Error(err)
	}
}

// The error of an unreachable webhook must not contain its URL.
func TestWebhooksKeepTheirURL(t *testing.T) {
	deliver, err := openWebhook(&ReceiverSettings{Name: "hook", URL: "http://me:hunter2@127.0.0.1:1/hunter2?token=hunter2"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = deliver(t.Context(), &alarm.Event{Kind: alarm.Raise, Alarm: portAlarm()}, 1)
	if err == nil || strings.Contains(err.Error(), "hunter2") || standing.Reason(err) != access.Refused {
		t.Error(err)
	}
}

// Errors in the JSON of alerts must name the fields of the request.
func TestWrongJSONOfAlerts(t *testing.T) {
	for text, want := range map[string]string{
		`{"labels": {"alertname": 1}}`:     "labels: want text, but this is of type number",
		`{"labels": ["a"]}`:                "labels: want an object, but this is of type array",
		`{"labels": {}, "annotations": 1}`: "annotations: want an object, but this is of type number",
		`{"generatorURL": {}}`:             "generatorURL: want text, but this is of type object",
	} {
		var a alert
		if err := plainJSON(json.Unmarshal([]byte(text), &a)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// The API must report when it is full, and accept as many alerts as fit, and every resolved alert.
func TestInletAnswersThatAlarmsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serveWith(t, t.TempDir(), outbox.Options{MaxAlarms: 2}, l.Route("nms"))
		defer r.stop()
		send := func(want int, statuses ...string) {
			t.Helper()
			var alerts []string
			for i, status := range statuses {
				alerts = append(alerts, fmt.Sprintf(`{"status":%q,"labels":{"alertname":"A","i":"%d"}}`, status, i))
			}
			if code := post(t, inletOf(r), "/api/v1/webhook", `{"version":"4","alerts":[`+strings.Join(alerts, ",")+`]}`); code != want {
				t.Errorf("%v: status %d, want %d", statuses, code, want)
			}
			rest(time.Minute)
		}
		send(http.StatusServiceUnavailable, "firing", "firing", "firing")
		if got := kindsOf(l); got != "raise raise" {
			t.Errorf("sent %s", got)
		}
		send(http.StatusServiceUnavailable, "firing", "resolved", "firing", "firing")
		send(http.StatusOK, "firing", "resolved", "firing")
		if got := kindsOf(l); got != "clear raise" || len(r.outbox.Active()) != 2 {
			t.Errorf("sent %s, %d are active", got, len(r.outbox.Active()))
		}
	})
}
