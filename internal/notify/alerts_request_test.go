package notify

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
)

// reply posts a request to an inlet, and returns the status and the text.
func reply(t *testing.T, i *AlertsAPI, method, path, body string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	i.Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func repeated(one string, n int) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }

// numbered returns n members of an object.
func numbered(name string, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"%s%d":""`, name, i))
	}
	return strings.Join(list, ",")
}

// One alert that is over a bound costs itself alone; a request that is over one costs all of it.
func TestBoundsOfARequest(t *testing.T) {
	const good = `{"labels":{"alertname":"Good"}}`
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			body string
			code int
			want string
			good bool // the good one was taken
		}{
			"many alerts":      {"[" + good + "," + repeated(`{"labels":{"alertname":"a"}}`, maxAlerts) + "]", http.StatusRequestEntityTooLarge, "send fewer at a time", false},
			"empty alerts":     {"[" + repeated("{}", maxAlerts+1) + "]", http.StatusRequestEntityTooLarge, "send fewer at a time", false},
			"a large alert":    {`[{"labels":{"alertname":"a"},"annotations":{"x":"` + strings.Repeat("y", maxAlertBytes) + `"}},` + good + "]", http.StatusBadRequest, "1 of 2 alerts were refused", true},
			"many labels":      {`[{"labels":{"alertname":"a",` + numbered("l", maxAlertLabels) + "}}," + good + "]", http.StatusBadRequest, "128 of each are the most", true},
			"many annotations": {`[{"labels":{"alertname":"a"},"annotations":{` + numbered("l", maxAlertLabels+1) + "}}," + good + "]", http.StatusBadRequest, "128 of each are the most", true},
			"large labels":     {`[{"labels":{"alertname":"a","x":"` + strings.Repeat("y", maxAlertLabelBytes) + `"}},` + good + "]", http.StatusBadRequest, "16384 are the most", true},
			"no alertname":     {`[{"labels":{"a":"b"}},` + good + "]", http.StatusBadRequest, "without the label alertname", true},
			"deep":             {`[{"zzz":` + strings.Repeat(`{"a":`, 100_000), http.StatusBadRequest, "depth", false},
			"deep labels":      {`[{"labels":` + strings.Repeat(`[`, 100_000), http.StatusBadRequest, "depth", false},
			"cut":              {"[" + good, http.StatusBadRequest, "unexpected EOF", false},
			"more":             {"[" + good + "] []", http.StatusBadRequest, "more follows", false},
			"no list":          {good, http.StatusBadRequest, `"{" where "[" is expected`, false},
			"other types":      {`[{"labels":{"alertname":7}}]`, http.StatusBadRequest, "number", false},
		} {
			l := &outboxtest.Receiver{}
			r := serve(t, t.TempDir(), l.Route("nms"))
			code, text := reply(t, inletOf(r), http.MethodPost, "/api/v2/alerts", test.body)
			if code != test.code || !strings.Contains(text, test.want) {
				t.Errorf("%s: %d %.200q, want %d %q", name, code, text, test.code, test.want)
			}
			if got := len(r.outbox.Active()) == 1 && r.outbox.Active()[0].Rule == "Good"; got != test.good || !got && len(r.outbox.Active()) > 0 {
				t.Errorf("%s: active are %.300v", name, r.outbox.Active())
			}
			r.stop()
		}
	})
}

// The members of a webhook's message may come in any order, and others than those known among them.
func TestOrderOfAWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		body := `{"alerts":[{"status":"firing","labels":{"alertname":"a"},"new":[{}]}],"groupLabels":{"x":"y"},"truncatedAlerts":0,"more":[1,{"version":"3"}],"version":"4"}`
		if code, text := reply(t, inletOf(r), http.MethodPost, "/api/v1/webhook", body); code != http.StatusOK || len(r.outbox.Active()) != 1 {
			t.Errorf("%d %s", code, text)
		}
	})
}

// Alerts that Alertmanager truncated must be counted.
func TestTruncatedAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		r := serve(t, t.TempDir(), l.Route("nms"))
		defer r.stop()
		i := inletOf(r)
		for range 2 {
			if code, text := reply(t, i, http.MethodPost, "/api/v1/webhook", `{"version":"4","truncatedAlerts":7,"alerts":[{"status":"firing","labels":{"alertname":"a"}},{"status":"firing","labels":{"alertname":"b"}}]}`); code != http.StatusOK {
				t.Errorf("%d %s", code, text)
			}
		}
		if n := testutil.ToFloat64(r.outbox.Metrics.AlertsTruncated); len(r.outbox.Active()) != 2 || n != 14 {
			t.Errorf("%d alarms, counted %g", len(r.outbox.Active()), n)
		}
	})
}

// More alarms than may be active are worth another try; one that is too large is not, and keeps no other from being taken.
func TestInletWithoutRoomForAlarms(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	o, err := outbox.New(openDir(t, t.TempDir()), nil, outbox.Options{MaxAlarms: 2, Logger: silent, Metrics: outbox.NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	i := &AlertsAPI{Outbox: o, Logger: silent}
	alerts := func(names ...string) string {
		var list []string
		for _, name := range names {
			list = append(list, fmt.Sprintf(`{"labels":{"alertname":%q}}`, name))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	post := func(body string) (int, string, string) {
		mux := http.NewServeMux()
		i.Register(mux)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v2/alerts", strings.NewReader(body)))
		return w.Code, w.Header().Get("Retry-After"), w.Body.String()
	}
	large := `{"labels":{"alertname":"large"},"annotations":{"summary":"` + strings.Repeat("x", 64<<10) + `"}}`
	if code, retry, text := post("[" + large + "," + alerts("a")[1:]); code != http.StatusBadRequest || retry != "" || !strings.Contains(text, "1 of 2 alerts were refused") || len(o.Active()) != 1 {
		t.Errorf("a large alarm: %d %q %s", code, retry, text)
	}
	if code, retry, text := post(alerts("a", "b", "c")); code != http.StatusServiceUnavailable || retry == "" || len(o.Active()) != 2 {
		t.Errorf("too many alarms: %d %q %s", code, retry, text)
	}
	if code, _, text := post(alerts("a", "b")); code != http.StatusOK {
		t.Errorf("those that there are: %d %s", code, text)
	}
}
