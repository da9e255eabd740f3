package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"trapline/internal/agent"
	"trapline/internal/programtest"
)

// small is a configuration with which the tests of the server's surface run; %s is for targets.
const small = `
auths:
  public_v2: {community: public}
  secret_v3: {version: 3, username: u, security_level: authNoPriv, password: unspeakable}
modules:
  if_mib:
    walk: [1.3.6.1.2.1.2.2.1.10, 1.3.6.1.2.1.31.1.1.1.1]
    metrics:
    - name: ifInOctets
      oid: 1.3.6.1.2.1.2.2.1.10
      type: counter
      help: Octets received.
      indexes: [{labelname: ifIndex, type: gauge}]
      lookups: [{labels: [ifIndex], labelname: ifName, oid: 1.3.6.1.2.1.31.1.1.1.1, type: DisplayString}]
  uptime:
    get: [1.3.6.1.2.1.1.3.0]
    metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: Ticks.}]
  again:
    get: [1.3.6.1.2.1.1.3.0]
    metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: Ticks once more.}]
`

// startSwitch serves a switch and returns its address.
func startSwitch(t testing.TB, faults agent.Faults) string {
	t.Helper()
	return programtest.StartDevices(t, "127.0.33.1:0", faults, agent.Switch48(1)).Addr(0).String()
}

func TestParametersOfSnmp(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	base := startServer(t, small)
	for _, c := range []struct {
		query  string
		status int
		want   string
	}{
		{"", 400, "'target' parameter must be specified once"},
		{"target=a&target=b", 400, "'target' parameter must be specified once"},
		{"target=D&auth=public_v2&auth=b", 400, "'auth' parameter must only be specified once"},
		{"target=D&snmp_context=a&snmp_context=b", 400, "'snmp_context' parameter must only be specified once"},
		{"target=D&snmp_engineid=xyz", 400, "hexadecimal"},
		{"target=D&auth=nobody", 400, "Unknown auth 'nobody'"},
		{"target=D&module=nothing", 400, "Unknown module 'nothing'"},
		{"target=D&module=", 400, "'module' parameter"},
		{"target=a:b:c", 400, "brackets"},
		{"target=D", 200, "ifInOctets{"},
		{"target=udp://D&module=uptime", 200, "sysUpTime "},
		{"target=D&module=if_mib,uptime&module=uptime", 200, "sysUpTime "},
		{"target=D&module=uptime,again", 500, "An error has occurred while serving metrics:\n\ncollected metric \"sysUpTime\""},
		{"target=127.0.0.1:1&module=uptime", 500, "An error has occurred while serving metrics:\n\n"},
		{"target=no.such.host.invalid&module=uptime", 500, "no.such.host.invalid"},
	} {
		status, _, body := get(t, base+"/snmp?"+strings.ReplaceAll(c.query, "D", device))
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("/snmp?%s: status %d, %.300q; want %d, %q", c.query, status, body, c.status, c.want)
		}
	}
	if _, _, body := get(t, base+"/metrics"); !containsLine(body, "snmp_request_errors_total 9") {
		t.Error("snmp_request_errors_total does not count the faulty requests")
	}
}

func TestFormats(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	base := startServer(t, small)
	url := base + "/snmp?module=if_mib,uptime&target=" + device
	for _, c := range []struct{ accept, contentType, want string }{
		{"", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "# TYPE ifInOctets counter\n"},
		{"application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores", "# EOF\n"},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
			"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores", "ifInOctets"},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "ifInOctets"},
	} {
		for _, path := range []string{url, base + "/metrics"} {
			status, contentType, body := get(t, path, "Accept", c.accept)
			if status != 200 || contentType != c.contentType || (path == url && !strings.Contains(body, c.want)) {
				t.Errorf("%s, Accept %q: status %d, type %q, body %.100q", path, c.accept, status, contentType, body)
			}
		}
	}
	response, err := http.DefaultTransport.RoundTrip(request(t, url, "Accept-Encoding", "gzip"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	z, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || !strings.Contains(string(text), "sysUpTime ") {
		t.Errorf("gzip: %v, %.100q", err, text)
	}
}

func request(t testing.TB, url string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// lockedBuffer is a log that is written and read by several goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// await asks url until the answer has the wanted text.
func await(t testing.TB, url, want string) string {
	t.Helper()
	return awaitMatch(t, url, regexp.QuoteMeta(want))
}

func awaitMatch(t testing.TB, url, expression string) string {
	t.Helper()
	wanted := regexp.MustCompile(expression)
	return awaitThat(t, url, func(text string) error {
		if !wanted.MatchString(text) {
			return errors.New("there is no " + expression)
		}
		return nil
	})
}

// awaitThat asks url until nothing is wrong with the answer.
func awaitThat(t testing.TB, url string, wrong func(text string) error) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(3 * time.Minute); ; <-tick.C {
		_, _, text := get(t, url)
		err := wrong(text)
		if err == nil {
			return text
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v:\n%.2000s", url, err, text)
		}
	}
}

func TestPolledTargets(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	config := small + fmt.Sprintf(`
global: {interval: 1s}
targets:
- {name: "sw 1", address: %q, modules: [if_mib, uptime, again], labels: {site: "B\\n", ifName: mine}}
- {name: dead, address: "127.0.0.1:1", modules: [uptime]}
`, device)
	base := startServer(t, config)
	wanted := []string{
		`ifInOctets{target="sw 1",ifName="mine",site="B\\n",exported_ifName="`,
		`trapline_target_up{target="sw 1",ifName="mine",site="B\\n"} 1`,
		`trapline_target_up{target="dead"} 0`,
		`trapline_target_error{target="dead",reason="refused"} 1`,
		`snmp_scrape_pdus_returned{target="sw 1",ifName="mine",site="B\\n",module="uptime"} 1`,
		"snmp_packets_total ", "snmp_collection_duration_seconds_bucket{", "snmp_exporter_build_info{", "go_goroutines ", "promhttp_metric_handler_requests_total{",
	}
	text := awaitThat(t, base+"/metrics", func(text string) error { // a system may hold back that a port is closed
		for _, want := range wanted {
			if !containsLine(text, want) {
				return errors.New("there is no " + want)
			}
		}
		return nil
	})
	if n := strings.Count(text, "\nsysUpTime{"); n != 1 {
		t.Errorf("the duplicate series stands %d times", n)
	}
	if containsLine(text, `trapline_target_duplicates_total{target="sw 1",ifName="mine",site="B\\n"} 0`) {
		t.Error("the dropped duplicates are not counted")
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
	if status, _, body := get(t, base+"/targets/sw%201/metrics"); status != 200 || !containsLine(body, `ifInOctets{exported_ifName="`) {
		t.Errorf("/targets/sw 1/metrics: %d, %.200q", status, body)
	}
	if status, _, body := get(t, base+"/targets/dead/metrics"); status != 503 || !strings.Contains(body, "the target did not answer") {
		t.Errorf("/targets/dead/metrics: %d, %.200q", status, body)
	}
	await(t, base+"/targets/dead/metrics", "refused")
	if status, _, _ := get(t, base+"/targets/nobody/metrics"); status != 404 {
		t.Errorf("/targets/nobody/metrics: %d", status)
	}
	if status, _, body := get(t, base+"/snmp?target=sw%201&module=uptime"); status != 200 || !containsLine(body, "sysUpTime ") {
		t.Errorf("/snmp of a named target: %d, %.200q", status, body)
	}
}

func TestServiceDiscovery(t *testing.T) {
	base := startServer(t, small+`
targets:
- {name: "a b", address: "udp6:[::1]:161", auth: secret_v3, modules: [uptime, if_mib], labels: {site: x}}
`)
	_, contentType, body := get(t, base+"/sd")
	var entries []struct {
		Targets []string
		Labels  map[string]string
	}
	if err := json.Unmarshal([]byte(body), &entries); err != nil || len(entries) != 1 || contentType != "application/json" {
		t.Fatalf("%v: %s %s", err, contentType, body)
	}
	e := entries[0]
	asked := url.URL{Scheme: "http", Host: e.Targets[0], Path: e.Labels["__metrics_path__"]} // as Prometheus does
	if status, _, text := get(t, asked.String()); status != http.StatusServiceUnavailable {
		t.Errorf("%s: %d %s", &asked, status, text)
	}
	if "http://"+e.Targets[0] != base || e.Labels["__metrics_path__"] != "/targets/a b/metrics" || e.Labels["instance"] != "a b" || e.Labels["target"] != "a b" ||
		e.Labels["site"] != "x" || e.Labels["__meta_trapline_modules"] != "uptime,if_mib" || e.Labels["__meta_trapline_auth"] != "secret_v3" {
		t.Errorf("got %s", body)
	}
}

func TestSurface(t *testing.T) {
	base := startServer(t, small)
	for path, want := range map[string]string{
		"/-/healthy": "Healthy", "/-/ready": "Ready", "/": "<title>Overview · Trapline</title>", "/config": "password: <secret>", "/debug/pprof/cmdline": "",
	} {
		if status, _, body := get(t, base+path); status != 200 || !strings.Contains(body, want) || strings.Contains(body, "unspeakable") {
			t.Errorf("%s: %d, %.300q", path, status, body)
		}
	}
	if status, _, body := get(t, base+"/-/reload"); status != 400 || body != "POST method expected\n" {
		t.Errorf("GET /-/reload: %d, %q", status, body)
	}
	if status, _, _ := get(t, base+"/nothing"); status != 404 {
		t.Errorf("/nothing: %d", status)
	}
}

func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snmp.yml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload := func(base string) (int, string) {
		t.Helper()
		response, err := http.Post(base+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	write(small)
	base := startServerWith(t, "--config.file="+file)
	for _, c := range []struct {
		text   string
		status int
		want   string
	}{
		{small + "targets: [{name: one, address: 127.0.0.1}]\n", 200, ""},
		{"", 500, "failed to reload config: "},
		{"modules: {x: {walk: [1.3.x]}}", 500, file + ":1: "},
	} {
		write(c.text)
		if status, body := reload(base); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%.30q: %d, %q", c.text, status, body)
		}
		if _, _, body := get(t, base+"/sd"); !strings.Contains(body, `"instance":"one"`) {
			t.Errorf("%.30q left %s", c.text, body)
		}
	}
	if _, _, body := get(t, base+"/metrics"); !containsLine(body, "trapline_config_last_reload_successful 0") {
		t.Error("the failed reload is not shown")
	}
}

func TestScrapeTimeoutBoundsThePass(t *testing.T) {
	t.Parallel()
	device := startSwitch(t, agent.Faults{Dead: true})
	base := startServer(t, small)
	status, _, body := get(t, base+"/snmp?module=uptime&target="+device, "X-Prometheus-Scrape-Timeout-Seconds", "0.2")
	if status != 500 || !strings.Contains(body, "scrape timeout of 0.2 s") {
		t.Errorf("%d, %q", status, body)
	}
}

// A pass in the middle of which the device begins to fail is not shown as a result.
func TestHalfATableIsSaidToBeHalf(t *testing.T) {
	faults := agent.Faults{FailFrom: mustOID(t, "1.3.6.1.2.1.2.2.1.10.20")}
	device := startSwitch(t, faults)
	base := startServer(t, small+fmt.Sprintf(`
global: {interval: 1s}
targets: [{name: sw, address: %q}]
`, device))
	if status, _, body := get(t, base+"/snmp?target="+device); status != 500 || !strings.Contains(body, "genErr") {
		t.Errorf("/snmp: %d, %q", status, body)
	}
	text := await(t, base+"/metrics", "trapline_target_incomplete{")
	if !containsLine(text, `trapline_target_incomplete{target="sw",table="1.3.6.1.2.1.2.2.1.10",reason="error_status"} 1`) {
		t.Errorf("/metrics does not say which table is incomplete:\n%s", text)
	}
}
