package alertmanager

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// served returns a function that performs requests at an API with two active alarms, one of which is silenced.
func served(t *testing.T) (do func(method, path, body string) (int, string)) {
	t.Helper()
	s, err := statedir.Open(t.TempDir(), nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	route := (&outboxtest.Receiver{}).Route("nms-1")
	silent := slog.New(slog.DiscardHandler)
	o, err := outbox.New(s, []*queue.Route{route}, outbox.Options{Logger: silent, Metrics: outcomes.New(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	(&API{
		Outbox: func() *outbox.Outbox { return o }, Started: time.Now(), Config: func() string { return "targets: []\n" }, Logger: silent,
		Admit: func(r *http.Request) error {
			if r.Header.Get("X-Stranger") != "" {
				return errors.New("locked")
			}
			return nil
		},
		Refuse: func(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusForbidden) },
	}).Register(mux)
	do = func(method, path, body string) (int, string) {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(body))
		if strings.HasPrefix(body, "stranger") {
			r.Header.Set("X-Stranger", "1")
		}
		r.SetBasicAuth("ann", "secret")
		mux.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if code, text := do(http.MethodPost, "/api/v2/silences", silenceOfSite("berlin", time.Hour)); code != http.StatusOK {
		t.Fatal(code, text)
	}
	for _, site := range []string{"berlin", "paris"} {
		a := alarm.Alarm{ID: site, Rule: "Hot", Target: "core-" + site, Severity: alarm.Major, Summary: "it is hot", Labels: map[string]string{"site": site}}
		if err := o.Apply([]outbox.Transition{{Alarm: a, Active: true}}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	return do
}

func silenceOfSite(site string, d time.Duration) string {
	now := time.Now().UTC()
	return fmt.Sprintf(`{"matchers": [{"name": "site", "value": %q, "isRegex": false}], "startsAt": %q, "endsAt": %q, "createdBy": "somebody", "comment": "works"}`,
		site, now.Format(time.RFC3339), now.Add(d).Format(time.RFC3339))
}

// Alerts are selected by their states, labels and receivers.
func TestAlertsAreSelected(t *testing.T) {
	t.Parallel()
	do := served(t)
	for query, want := range map[string]string{
		"":                                   "berlin paris",
		"?silenced=false":                    "paris",
		"?active=false":                      "berlin",
		"?inhibited=false&unprocessed=false": "berlin paris",
		"?filter=site%3D%22paris%22":         "paris",
		"?filter=target%3D~core-.*&filter=site!%3Dparis": "berlin",
		"?filter=severity%3Dmajor&receiver=nms.*":        "berlin paris",
		"?receiver=nms": "",
	} {
		code, text := do(http.MethodGet, "/api/v2/alerts"+query, "")
		var list []struct {
			Labels, Annotations map[string]string
			Status              struct {
				State                            string
				SilencedBy, InhibitedBy, MutedBy []string
			}
			Receivers []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil || code != http.StatusOK {
			t.Fatalf("%s: %d %v %s", query, code, err, text)
		}
		sites := map[string]bool{}
		for _, one := range list {
			site := one.Labels["site"]
			sites[site] = true
			if silenced := len(one.Status.SilencedBy) == 1 && one.Status.State == "suppressed"; silenced != (site == "berlin") || one.Status.InhibitedBy == nil || one.Status.MutedBy == nil {
				t.Errorf("%s: %+v", site, one.Status)
			}
			if one.Labels["alertname"] != "Hot" || one.Labels["severity"] != "major" || one.Annotations["summary"] != "it is hot" {
				t.Errorf("%+v", one)
			}
		}
		var got []string
		for _, site := range []string{"berlin", "paris"} {
			if sites[site] {
				got = append(got, site)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	if code, text := do(http.MethodGet, "/api/v2/alerts/groups", ""); code != http.StatusOK || strings.Count(text, `"receiver":{"name":"nms-1"}`) != 1 || strings.Count(text, `"fingerprint"`) != 2 || !strings.Contains(text, `"routeLabels":{}`) {
		t.Errorf("groups: %d %s", code, text)
	}
	if code, text := do(http.MethodGet, "/api/v2/receivers", ""); code != http.StatusOK || text != `[{"name":"nms-1","labels":{}}]` {
		t.Errorf("receivers: %d %s", code, text)
	}
	if code, text := do(http.MethodGet, "/api/v2/status", ""); code != http.StatusOK || !strings.Contains(text, `"version":"`+Version+`"`) || !strings.Contains(text, `"original":"targets: []\n"`) {
		t.Errorf("status: %d %s", code, text)
	}
}

// What cannot be done is refused with the status and in the form of Alertmanager, and says why.
func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	do := served(t)
	for _, test := range []struct {
		method, path, body string
		code               int
		text               string
	}{
		{http.MethodGet, "/api/v2/alerts?active=perhaps", "", 400, `write true or false`},
		{http.MethodGet, "/api/v2/alerts?filter=site", "", 400, `write name=`},
		{http.MethodGet, "/api/v2/alerts?receiver=(", "", 400, `missing closing )`},
		{http.MethodGet, "/api/v2/silences?filter=site", "", 400, `write name=`},
		{http.MethodGet, "/api/v2/silence/unknown", "", 404, ``},
		{http.MethodDelete, "/api/v2/silence/unknown", "", 404, `no silence has the ID`},
		{http.MethodPost, "/api/v2/silences", `{`, 400, `the body`},
		{http.MethodPost, "/api/v2/silences", `{"matchers": [null]}`, 400, `null`},
		{http.MethodPost, "/api/v2/silences", `{}`, 400, `at least one is required`},
		{http.MethodPost, "/api/v2/silences", silenceOfSite("", time.Hour), 400, `must not match the empty string`},
		{http.MethodPost, "/api/v2/silences", silenceOfSite("a", -time.Hour), 400, `endsAt must be`},
		{http.MethodPost, "/api/v2/silences", `{"id": "unknown", ` + silenceOfSite("a", time.Hour)[1:], 404, `no silence has the ID`},
		{http.MethodPost, "/api/v2/silences", `stranger`, 403, `locked`},
		{http.MethodDelete, "/api/v2/silence/unknown", `stranger`, 403, `locked`},
	} {
		if code, text := do(test.method, test.path, test.body); code != test.code || !strings.Contains(text, test.text) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.path, test.body, code, text, test.code, test.text)
		}
	}
	if _, text := do(http.MethodGet, "/api/v2/silences", ""); strings.Count(text, `"id"`) != 1 || !strings.Contains(text, `"createdBy":"ann"`) || !strings.Contains(text, `"annotations":{}`) {
		t.Errorf("a silence has no author, or the one of the body: %s", text)
	}
}
