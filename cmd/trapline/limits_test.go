package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/programtest"
)

// posted posts a body with headers, and returns the answer.
func posted(t testing.TB, url, body string, header ...string) (int, string) {
	t.Helper()
	r := request(t, url, header...)
	r.Host = r.Header.Get("Host") // empty: that of the URL
	r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(body)), int64(len(body))
	if body == "" {
		r.Body = nil
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// A page of another origin drops, injects and reloads nothing; programs do, and are named in the log.
func TestPagesOfOthersChangeNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snmp.yml")
	text := programtest.Notifying(t, t.TempDir(), "- {name: nms-2, type: webhook, url: \"http://127.0.43.3:9/\"}\n")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	base := startServerLogging(t, slog.NewTextHandler(&log, nil), "--config.file="+file)
	const alarm = `[{"labels":{"alertname":"FromBrowser","instance":"core-9"},"endsAt":"9999-01-01T00:00:00Z"}]`
	foreign := [][]string{{"Sec-Fetch-Site", "cross-site", "Origin", "http://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "same-site"}}
	reloaded := func() string { // when
		_, _, metrics := get(t, base+"/metrics")
		return regexp.MustCompile(`(?m)^trapline_config_last_reload_success_timestamp_seconds .*$`).FindString(metrics)
	}
	before := reloaded()
	for _, header := range foreign {
		for _, path := range []string{"/api/v1/outbox/nms-2/drop", "/api/v1/outbox/nms-2/retry", "/-/reload", "/api/v2/alerts", "/api/v1/webhook"} {
			code, text := posted(t, base+path, alarm, append(header, "Content-Type", "application/json")...)
			if code != http.StatusForbidden || !strings.Contains(text, "another origin") {
				t.Errorf("%s, %v: %d %s", path, header, code, text)
			}
		}
	}
	// Neither does one whose own name leads here, which makes it of the same origin to its browser.
	for _, header := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://rebound.example:9116"}, {"Sec-Fetch-Site", "none"}} {
		for _, path := range []string{"/-/reload", "/api/v2/alerts", "/api/v1/webhook"} {
			code, text := posted(t, base+path, alarm, append(header, "Host", "rebound.example:9116", "Content-Type", "application/json")...)
			if code != http.StatusForbidden || !strings.Contains(text, "rebound.example") || !strings.Contains(text, "--web.external-url") {
				t.Errorf("%s, %v: %d %s", path, header, code, text)
			}
		}
	}
	// A browser that says nothing of the origin sends a form all the same.
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", ""} {
		if code, text := posted(t, base+"/api/v2/alerts", alarm, "Content-Type", media); code != http.StatusUnsupportedMediaType || !strings.Contains(text, "application/json") {
			t.Errorf("%q: %d %s", media, code, text)
		}
	}
	if _, _, alarms := get(t, base+"/api/v1/alarms"); strings.Contains(alarms, "FromBrowser") || reloaded() != before {
		t.Errorf("a page left %s", alarms)
	}
	if strings.Contains(log.String(), "requested") {
		t.Errorf("logged %s", log.String())
	}
	for path, header := range map[string][]string{
		"/api/v2/alerts":            {"Content-Type", "application/json; charset=utf-8", "Host", "trapline.monitoring.svc:9116"},
		"/-/reload":                 {"Content-Type", "application/x-www-form-urlencoded", "Host", "alias.example.net"}, // curl -d ''
		"/api/v1/outbox/nms-2/drop": {"Authorization", "Basic b3BlcmF0b3I6c2VjcmV0"},
	} {
		body := ""
		if path == "/api/v2/alerts" {
			body = alarm
		}
		if code, text := posted(t, base+path, body, header...); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if _, _, alarms := get(t, base+"/api/v1/alarms"); !strings.Contains(alarms, "FromBrowser") {
		t.Errorf("a program left %s", alarms)
	}
	for _, want := range []string{`reload of the configuration was requested" by.address=127.`, `path=/api/v1/outbox/nms-2/drop by.address=127.0.0.1:`, `by.user=operator`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("the log has a password")
	}
}

// Alerts that are too many octets are refused before they are read.
func TestAlertsAreBoundedInOctets(t *testing.T) {
	base := startServer(t, programtest.Notifying(t, t.TempDir(), "- {name: nms, type: webhook, url: \"http://127.0.43.3:9/\"}\n"), "--web.max-alerts-bytes=100000")
	body := "[" + strings.Repeat(" ", 100_000) + "]"
	read := 0
	r := httptest.NewRequest(http.MethodPost, base+"/api/v2/alerts", readCounter{strings.NewReader(body), &read})
	r.RequestURI, r.ContentLength = "", int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue")
	response, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge || read > 0 {
		t.Errorf("announced: %d, %d octets were read", response.StatusCode, read)
	}
	if code, text := posted(t, base+"/api/v1/webhook", body, "Content-Type", "application/json"); code != http.StatusRequestEntityTooLarge || !strings.Contains(text, "larger than 100000 octets") {
		t.Errorf("%d %s", code, text)
	}
	if code, text := posted(t, base+"/api/v2/alerts", body[2:], "Content-Type", "application/json"); code != http.StatusBadRequest {
		t.Errorf("no JSON: %d %s", code, text)
	}
	if code, text := posted(t, base+"/api/v2/alerts", "["+body[3:], "Content-Type", "application/json"); code != http.StatusOK {
		t.Errorf("just within: %d %s", code, text)
	}
}

type readCounter struct {
	io.Reader
	n *int
}

func (r readCounter) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	*r.n += n
	return n, err
}

// So many passes on demand run at once; others wait for their turn as long as their scrape timeout allows, but none
// whose device answered last time for one that did not.
func TestPassesOnDemandTakeTurns(t *testing.T) {
	dead := startSwitch(t, agent.Faults{Dead: true})
	devices := programtest.StartDevices(t, "127.0.43.4:0", agent.Faults{}, agent.Switch48(2), agent.Switch48(3))
	alive, known := devices.Addr(0).String(), devices.Addr(1).String()
	base := startServer(t, small+"global: {timeout: 60s, retries: 0}\n", "--web.max-probes=1", "--web.timeout-offset=0s")
	if status, _, text := get(t, base+"/snmp?module=uptime&target="+known); status != http.StatusOK {
		t.Fatalf("a device that answers: %d %s", status, text)
	}
	var group sync.WaitGroup
	defer group.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	group.Go(func() {
		if response, err := http.DefaultClient.Do(request(t, base+"/snmp?module=uptime&target="+dead).WithContext(ctx)); err == nil {
			response.Body.Close()
		}
	})
	await(t, base+"/metrics", `trapline_http_requests_in_flight{path="/snmp of devices that did not answer"} 1`)
	response, err := http.DefaultClient.Do(request(t, base+"/snmp?module=uptime&target="+alive, "X-Prometheus-Scrape-Timeout-Seconds", "0.05"))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "/snmp of devices that did not answer: too many requests at once, try again later\nthe scrape timeout of 0.05 s is over") {
		t.Errorf("no turn came: %d %q", response.StatusCode, text)
	}
	if status, _, text := get(t, base+"/snmp?module=nothing&target="+alive); status != http.StatusBadRequest {
		t.Errorf("a faulty request waits for nothing: %d %s", status, text)
	}
	if status, _, text := get(t, base+"/snmp?module=uptime&target="+known); status != http.StatusOK {
		t.Errorf("a device that answered waits for one that does not: %d %s", status, text)
	}
	cancel()
	if status, _, text := get(t, base+"/snmp?module=uptime&target="+alive); status != http.StatusOK {
		t.Errorf("its turn came: %d %s", status, text)
	}
	await(t, base+"/metrics", `trapline_http_requests_in_flight{path="/snmp of devices that did not answer"} 0`)
	if _, _, metrics := get(t, base+"/metrics"); !containsLine(metrics, `trapline_http_refused_total{reason="busy"} 1`) {
		t.Error("what was refused is not counted")
	}
}

// Queries are bounded before they are parsed, and have a bound of their own for their forms.
func TestQueriesOverHTTPAreBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte("groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := startServer(t, small+fmt.Sprintf("rule_files: [%q]\n", file), "--web.enable-query")
	await(t, base+"/api/v1/query?query=1", `"resultType":"scalar"`)
	for name, test := range map[string]struct {
		query string
		code  int
	}{
		"usual": {"vector(1)", 200}, "nested": {strings.Repeat("(", 1000) + "1", 400}, "long": {"1" + strings.Repeat("%2B1", 5000), 400},
		"a large form": {strings.Repeat("(", 100_000), 413}, "steps": {"max_over_time((vector(1))[1000d:1s])", 400},
	} {
		code, text := posted(t, base+"/api/v1/query", "query="+test.query, "Content-Type", "application/x-www-form-urlencoded")
		if code != test.code {
			t.Errorf("%s: %d %.200s, want %d", name, code, text, test.code)
		}
	}
}
