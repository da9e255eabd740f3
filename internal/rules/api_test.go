package rules

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"

	"trapline/internal/rules/result"
	"trapline/internal/series"
)

func (r *rig) get(path string) string {
	r.Helper()
	mux := http.NewServeMux()
	r.e.Register(mux)
	result.Serve(mux, r.e, nil)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return fmt.Sprint(w.Code, " ", strings.TrimSpace(w.Body.String()))
}

func (r *rig) wantAnswer(path, want string) {
	r.Helper()
	if got := r.get(path); got != want {
		r.Errorf("%s:\n got %s\nwant %s", path, got, want)
	}
}

// Answers have the format of Prometheus' API.
func TestAPI(t *testing.T) {
	r := start(t, `{alert: Hot, expr: temperature > 40, labels: {severity: major}, annotations: {summary: "at {{ $value }}"}}, {record: n, expr: count(temperature)}`)
	r.warm()
	r.warm()
	const alert = `{"labels":{"alertname":"Hot","i":"1","severity":"major","target":"sw1"},"annotations":{"summary":"at 50"},"state":"firing","activeAt":"2026-01-01T00:00:30Z","value":"5e+01"}`
	r.wantAnswer("/api/v1/alerts", `200 {"data":{"alerts":[`+alert+`]},"status":"success"}`)
	rules := r.get("/api/v1/rules")
	for _, want := range []string{
		`{"name":"g","file":"rules.yml","rules":[{"state":"firing","name":"Hot","query":"temperature \u003e 40","duration":0,"keepFiringFor":0,"labels":{"severity":"major"},"annotations":{"summary":"at {{ $value }}"},"alerts":[` + alert + `],"health":"ok","evaluationTime":`,
		`"lastEvaluation":"2026-01-01T00:01:00Z","type":"alerting"}`, `{"name":"n","query":"count(temperature)","labels":{},"health":"ok",`, `"type":"recording","global":"count(temperature) mixes targets"}`,
	} {
		if !strings.Contains(rules, want) {
			t.Errorf("%s\nlacks %s", rules, want)
		}
	}
	if only := r.get("/api/v1/rules?type=record"); strings.Contains(only, "alerting") || !strings.Contains(only, "recording") {
		t.Errorf("recording rules are %s", only)
	}
	r.wantAnswer("/api/v1/query?query=temperature", `200 {"data":{"result":[{"metric":{"__name__":"temperature","i":"1","target":"sw1"},"value":[1767225660,"50"]}],"resultType":"vector"},"status":"success"}`)
	r.wantAnswer("/api/v1/query?query=1", `200 {"data":{"result":[1767225660,"1"],"resultType":"scalar"},"status":"success"}`)
	r.wantAnswer("/api/v1/query_range?step=30&end=2026-01-01T00:01:00Z&start=1767225630&query=n", `200 {"data":{"result":[{"metric":{"__name__":"n"},"values":[[1767225630,"1"],[1767225660,"1"]]}],"resultType":"matrix"},"status":"success"}`)
	r.wantAnswer("/api/v1/query?query="+url.QueryEscape("a >"), `400 {"error":"1:4: parse error: unexpected end of input","errorType":"bad_data","status":"error"}`)
	r.wantAnswer("/api/v1/query?query=a&time=now", `400 {"error":"time: \"now\" is no time: write seconds since 1970, or as in 2026-01-31T12:00:00Z","errorType":"bad_data","status":"error"}`)
	r.wantAnswer("/api/v1/query_range?query=a&start=0&end=1e9&step=1", `400 {"error":"more than 11000 points for a series: take a longer step","errorType":"bad_data","status":"error"}`)
	r.wantAnswer("/api/v1/query_range?query=a&start=0&end=1&step=0", `400 {"error":"step \"0\" is no duration above 0: write seconds, or as in 1m","errorType":"bad_data","status":"error"}`)
}

// Who asks for alerts does not wait for a target whose rules are being evaluated.
func TestNobodyWaitsForAnEvaluation(t *testing.T) {
	r := start(t, hot+`, {alert: Many, expr: count(temperature) > 0}`)
	r.warm()
	for _, d := range r.e.allDevices() {
		d.mu.Lock()
		defer d.mu.Unlock()
	}
	if n := len(r.e.Alerts().Sets[0].Columns[0].Values); n != 2 {
		t.Errorf("%d alerts", n)
	}
	for _, path := range []string{"/api/v1/alerts", "/api/v1/rules"} {
		if text := r.get(path); strings.Count(text, `"state":"firing","activeAt"`) != 2 {
			t.Errorf("%s: %s", path, text)
		}
	}
}

func TestAlertsAreSeries(t *testing.T) {
	r := start(t, hot)
	r.warm()
	var text strings.Builder
	encoder := series.NewEncoder(&text, expfmt.FmtText, nil)
	r.must(encoder.Encode([]series.Group{r.e.Alerts()}))
	_, err := encoder.Close()
	r.must(err)
	const want = `# HELP ALERTS Alerts that are pending or firing.
# TYPE ALERTS gauge
ALERTS{alertname="Hot",alertstate="firing",i="1",severity="major",target="sw1"} 1
# HELP ALERTS_FOR_STATE When the alert became pending.
# TYPE ALERTS_FOR_STATE gauge
ALERTS_FOR_STATE{alertname="Hot",i="1",severity="major",target="sw1"} 1.76722563e+09
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &text, want)
	}
}
