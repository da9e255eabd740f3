package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/api"
)

// act sends JSON, and returns the status and the body.
func act(t testing.TB, url, body string, header ...string) (int, string) {
	t.Helper()
	return posted(t, url, body, append([]string{"Content-Type", "application/json"}, header...)...)
}

func TestActionsOfTheServer(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	targets := fmt.Sprintf("targets: [{name: sw, address: %q, modules: [uptime], interval: 1h}, {name: dead, address: '127.0.0.1:1', modules: [uptime], interval: 1h}]\n", device)
	base := startServer(t, small+targets)
	await(t, base+"/metrics", `trapline_target_passes_total{target="sw"} 1`)
	if status, body := act(t, base+"/api/v1/targets/sw/poll", ""); status != 200 || !strings.Contains(body, `"name":"sw"`) {
		t.Errorf("poll: %d %s", status, body)
	}
	if _, _, body := get(t, base+"/metrics"); !containsLine(body, `trapline_target_passes_total{target="sw"} 2`) {
		t.Error("no poll was made")
	}
	if status, body := act(t, base+"/api/v1/targets/nobody/poll", ""); status != 404 || !strings.Contains(body, `"errorType":"not_found"`) {
		t.Errorf("poll of nobody: %d %s", status, body)
	}
	rows := walked(t, base, `{"what": "IF-MIB::ifOperStatus", "limit": 3}`)
	if len(rows) != 3 || rows[0].Name != "IF-MIB::ifOperStatus.1" || rows[0].Value != "up(1)" || rows[0].Type != "INTEGER" || rows[0].OID != "1.3.6.1.2.1.2.2.1.8.1" {
		t.Errorf("walk: %+v", rows)
	}
	if rows := walked(t, base, `{"what": "sysUpTime.0"}`); len(rows) != 1 || rows[0].Type != "Timeticks" && rows[0].Type != "TimeTicks" {
		t.Errorf("walk of an instance: %+v", rows)
	}
	if rows := walked(t, base, `{"what": "1.3.6.1.4.1.99999"}`); len(rows) != 0 {
		t.Errorf("walk of nothing: %+v", rows)
	}
	if status, body := act(t, base+"/api/v1/targets/sw/walk", `{"what": "ifDscr"}`); status != 400 || !strings.Contains(body, "did you mean") {
		t.Errorf("walk of a misspelled name: %d %s", status, body)
	}
	if status, body := act(t, base+"/api/v1/targets/sw/walk", `{"what": "ifDescr", "format": "snmprec", "limit": 2}`); status != 200 || strings.Count(body, "\n") != 2 || !strings.HasPrefix(body, "1.3.6.1.2.1.2.2.1.2.1|4|") {
		t.Errorf("walk as a recording: %d %s", status, body)
	}
	if status, body := act(t, base+"/api/v1/targets/dead/walk", `{"what": "ifDescr"}`); status != 503 || !strings.Contains(body, `"errorType":"unavailable"`) { // a system may hold back that a port is closed
		t.Errorf("walk of a dead target: %d %s", status, body)
	}
}

// walked returns the rows of a walk, the last line of which must report that it is complete.
func walked(t *testing.T, base, body string) (rows []api.WalkRow) {
	t.Helper()
	status, text := act(t, base+"/api/v1/targets/sw/walk", body)
	lines := bufio.NewScanner(strings.NewReader(text))
	whole := false
	for lines.Scan() {
		var row struct {
			api.WalkRow
			Status string `json:"status"`
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if whole = row.Status == "success"; !whole {
			rows = append(rows, row.WalkRow)
		}
	}
	if status != 200 || !whole {
		t.Errorf("%s: %d %s", body, status, text)
	}
	return rows
}

// On a loopback listener anybody on this machine may act; on others only who has logged in.
func TestWhoMayAct(t *testing.T) {
	loopback := startServer(t, small)
	if status, body := act(t, loopback+"/api/v1/config/reload", ""); status != 200 {
		t.Errorf("loopback: %d %s", status, body)
	}
	if status, body := act(t, loopback+"/api/v1/config/reload", "", "Origin", "http://evil.example"); status != 403 {
		t.Errorf("from another origin: %d %s", status, body)
	}
	off := startServer(t, small, "--web.actions=off")
	if status, body := act(t, off+"/api/v1/config/reload", ""); status != 403 || !strings.Contains(body, "--web.actions=off") {
		t.Errorf("off: %d %s", status, body)
	}
}

// A configuration is shown as it was written, a refused one with the lines around each error.
func TestConfigurationOfTheServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snmp.yml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(small)
	base := startServerWith(t, "--config.file="+file)
	var answer struct{ Data api.Config }
	ask := func(query string) api.Config {
		t.Helper()
		status, _, body := get(t, base+"/api/v1/config"+query)
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 || strings.Contains(body, "unspeakable") {
			t.Errorf("%s: %d %v %s", query, status, err, body)
		}
		return answer.Data
	}
	c := ask("")
	if len(c.Files) != 1 || c.Files[0].Name != file || !strings.Contains(c.Files[0].Text, "password: <secret>}") || len(c.Status.Hash) != 16 || len(c.Status.Errors) != 0 {
		t.Errorf("%+v", c)
	}
	hash := c.Status.Hash
	write(small + "targets:\n- name: one\n  address: 127.0.0.1\n  auth: secret\n  modules: [uptime]\n")
	status, body := act(t, base+"/api/v1/config/reload", "{}")
	if status != 422 || !strings.Contains(body, `there is no auth`) {
		t.Errorf("reload: %d %s", status, body)
	}
	status, body = act(t, base+"/api/v1/config/check", "{}")
	if status != 200 || !strings.Contains(body, `"ok":false`) {
		t.Errorf("check: %d %s", status, body)
	}
	c = ask("")
	if len(c.Status.Errors) == 0 || c.Status.Hash != hash || c.Status.Refused.IsZero() {
		t.Fatalf("%+v", c.Status)
	}
	e := c.Status.Errors[0]
	if e.File != file || e.Line == 0 || len(e.Context) < 3 || !strings.Contains(e.Context[e.Line-e.First], "auth: secret") {
		t.Errorf("%+v", e)
	}
	write(small + "targets: [{name: one, address: 127.0.0.1, modules: [uptime]}]\n")
	if status, body = act(t, base+"/api/v1/config/reload", "{}"); status != 200 {
		t.Errorf("reload: %d %s", status, body)
	}
	answer.Data = api.Config{}
	if c = ask("?target=one"); len(c.Status.Errors) != 0 || !strings.Contains(c.Text, "interval: 1m0s") || !strings.Contains(c.Text, "uptime:") || strings.Contains(c.Text, "if_mib:") {
		t.Errorf("%+v", c)
	}
	if c = ask("?view=defaults"); !strings.Contains(c.Text, "if_mib:") {
		t.Errorf("%+v", c)
	}
	if status, _, _ := get(t, base+"/api/v1/config?target=nobody"); status != 404 {
		t.Errorf("of nobody: %d", status)
	}
}

// A text is checked without anything being read that the running configuration does not name.
func TestCheckOfAText(t *testing.T) {
	base := startServer(t, small)
	fetched := false
	mibs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched = true }))
	defer mibs.Close()
	for _, c := range []struct{ text, want string }{
		{small, `"ok":true`},
		{strings.Replace(small, "1.3.6.1.2.1.31.1.1.1.1]", "NOWHERE-MIB::x]", 1) + "mibs: {dirs: [" + mibs.URL + "]}", "is not read for a check of a text"},
		{small + "targets: [{name: a, address: 127.0.0.1, auth: nobody, modules: [uptime]}]", `"ok":false`},
		{small + "rule_files: [/etc/passwd]", "is not read for a check of a text"},
		{small + "mibs: {dirs: [/etc]}", "is not read for a check of a text"},
		{small + "profiles: {dirs: [/etc]}", "is not read for a check of a text"},
		{"auths: {x: {password: unspeakable, x: y}}", "\\u003csecret\\u003e"},
	} {
		body, _ := json.Marshal(api.CheckRequest{Text: c.text})
		status, text := act(t, base+"/api/v1/config/check", string(body))
		if status != 200 || !strings.Contains(text, c.want) || strings.Contains(text, "root:") || strings.Contains(text, "unspeakable") {
			t.Errorf("%.40q: %d %s", c.text[len(c.text)-40:], status, text)
		}
	}
	if fetched {
		t.Error("something was fetched for a check of a text")
	}
}

// An expression is tried on the last poll.
func TestTryOfTheServer(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	base := startServer(t, small+fmt.Sprintf("targets: [{name: sw, address: %q, modules: [if_mib], interval: 1h}, {name: dead, address: '127.0.0.1:1', modules: [uptime], interval: 1h}]\n", device))
	await(t, base+"/metrics", `trapline_target_up{target="sw"} 1`)
	await(t, base+"/metrics", `trapline_target_up{target="dead"} 0`)
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"expr": "trapline_target_up == 0"}`, 200, `"matches":[{"target":"dead","labels":{},"value":0,"fires":true,`},
		{`{"expr": "trapline_target_up == 0", "for": "5m"}`, 200, "How long it has been is not known."},
		{`{"expr": "ifInOctets \u003e= 0", "targets": "sw"}`, 200, "It is true now for 56 series of 1 target: if it were a rule, 56 alarms would be raised."},
		{`{"expr": "0 * ifInOctets / 0", "targets": "sw"}`, 200, `"special":"NaN"`},
		{`{"expr": "nothing == 1"}`, 200, "No poll of these targets has nothing: trapline why TARGET nothing says why."},
		{`{"expr": "nothing == "}`, 400, "parse error"},
		{`{"expr": ""}`, 400, "there is no expression"},
		{`{"expr": "up", "for": "soon"}`, 400, "such as 30s, 5m or 1h"},
		{`{"expr": "up", "targets": "no such target"}`, 404, "no target matches"},
		{`{"exp": "up"}`, 400, "unknown field"},
	} {
		if status, body := act(t, base+"/api/v1/rules/try", c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s, want %s", c.body, status, body, c.want)
		}
	}
	response, err := http.PostForm(base+"/api/v1/rules/try", url.Values{"expr": {"trapline_target_up == 0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 || !strings.Contains(string(body), `"target":"dead"`) {
		t.Errorf("a form: %d %s", response.StatusCode, body)
	}
}

// All paths lie below the path of the external URL.
func TestPathsLieBelowTheExternalURL(t *testing.T) {
	base := startServer(t, small+"targets: [{name: a, address: 127.0.0.1, modules: [uptime]}]\n", "--web.external-url=http://trapline.example.com/snmp", "--web.actions=on")
	for path, want := range map[string]int{"/snmp/-/ready": 200, "/snmp/api/v1/status": 200, "/snmp/targets/a/metrics": 503, "/-/ready": 404, "/": 200} {
		if status, _, body := get(t, base+path); status != want {
			t.Errorf("%s: %d %.100s", path, status, body)
		}
	}
	if _, _, body := get(t, base+"/snmp/targets"); !strings.Contains(body, `href="/snmp/targets/a"`) {
		t.Errorf("/targets: %s", body)
	}
	if _, _, body := get(t, base+"/snmp/sd"); !strings.Contains(body, `"__metrics_path__":"/snmp/targets/a/metrics"`) {
		t.Errorf("/sd: %s", body)
	}
	if status, body := act(t, base+"/snmp/api/v1/config/reload", "", "Origin", "http://trapline.example.com"); status != 403 {
		t.Errorf("the page of the external URL, without the proxy's Host: %d %s", status, body)
	}
}
