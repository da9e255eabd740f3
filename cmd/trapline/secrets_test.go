package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/api"
)

// planted are the secrets of plantedConfig.
var planted = []string{"hunter-community", "hunter-refused", "hunter-auth", "hunter-priv", "68756e7465722d6b6579", "hunter-webhook", "hunter-token", "hunter-check"}

// plantedConfig has a secret wherever one may stand; of the %s the first is the address of a device, the second the
// host of a webhook, the third a directory.
const plantedConfig = `
auths:
  lab: {community: hunter-community}
  other: {community: hunter-refused}
  secure: {version: 3, username: monitor, security_level: authPriv, password: hunter-auth, priv_password: "hunter-priv"} # was hunter-auth once
  localized:
    version: 3
    username: monitor
    security_level: authNoPriv
    engine_id: 8000000001020304
    localized_key: 68756e7465722d6b6579616263646566
modules:
  uptime:
    get: [1.3.6.1.2.1.1.3.0]
    metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: Ticks.}]
global: {interval: 1h, timeout: 1s, retries: 0}
targets:
- {name: sw, address: %q, auth: lab, modules: [uptime]}
- {name: dead, address: "127.0.0.1:1", auth: other, modules: [uptime]}
- {name: v3, address: %q, auth: secure, modules: [uptime]}
- {name: v3l, address: %q, auth: localized, modules: [uptime]}
thresholds:
- {name: Down, metric: trapline_target_up, below: 1}
state_dir: %s
receivers:
- {name: hook, type: webhook, url: "http://me:hunter-webhook@%s/x?token=hunter-token", max_age: 1h}
`

// documentedPath matches a path in docs/api.md.
var documentedPath = regexp.MustCompile("(?m)^### `([A-Z]+) ([^`]+)`$")

// No answer and no line of the log has a secret: of all paths that docs/api.md names, of refused requests, and of those
// that are older.
func TestNoAnswerHasASecret(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no: "+r.URL.String(), http.StatusForbidden)
	}))
	defer hook.Close()
	file := filepath.Join(t.TempDir(), "snmp.yml")
	text := fmt.Sprintf(plantedConfig, device, device, device, t.TempDir(), strings.TrimPrefix(hook.URL, "http://"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	base := startServerLogging(t, slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}), "--config.file="+file, "--web.enable-query", "--snmp.debug-packets")
	for _, name := range []string{"sw", "dead", "v3", "v3l"} {
		await(t, base+"/metrics", `trapline_target_up{target="`+name+`"}`)
	}
	await(t, base+"/api/v1/alarms", `"rule":"Down"`)
	alarm := dataOf[[]api.Alarm](t, base+"/api/v1/alarms")[0].ID
	seen := &leaks{T: t, base: base}
	docs, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	paths := documentedPath.FindAllStringSubmatch(string(docs), -1)
	if len(paths) < 20 {
		t.Errorf("docs/api.md names %d paths", len(paths))
	}
	for _, m := range paths {
		method, path := m[1], m[2]
		kind := strings.Split(path, "/")[3]
		for _, name := range map[string][]string{"targets": {"sw", "dead", "v3", "v3l"}, "receivers": {"hook"}, "modules": {"uptime"}, "mibs": {"IF-MIB"}, "alarms": {alarm}}[kind] {
			if path != m[2] || !strings.Contains(path, "{") {
				break
			}
			seen.ask(method, strings.NewReplacer("{name}", name, "{id}", name, "{table}", "other").Replace(path), "")
		}
		if !strings.Contains(path, "{") {
			seen.ask(method, path, "")
		}
	}
	for _, path := range []string{"/api/v1/config?view=defaults", "/api/v1/config?target=v3l", "/api/v1/config?target=sw", "/config", "/metrics", "/sd", "/", "/api/v1/rules", "/api/v1/outbox", "/api/v1/alerts",
		"/snmp?target=dead&module=uptime&auth=secure", "/targets/dead/metrics", "/api/v1/query?query=up"} {
		seen.ask("GET", path, "")
	}
	check, _ := json.Marshal(api.CheckRequest{Text: "auths: {x: {password: hunter-check, usrname: x, community: [hunter-check}}"})
	seen.ask("POST", "/api/v1/config/check", string(check))
	if err := os.WriteFile(file, []byte(strings.Replace(text, "  lab:", "  lab: {community: hunter-check}\n  lab:", 1)+"x: hunter-check\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	seen.ask("POST", "/api/v1/config/reload", "{}")
	seen.ask("GET", "/api/v1/config", "")
	seen.ask("GET", "/api/v1/status", "")
	seen.ask("POST", "/-/reload", "")
	seen.look("the log", log.String())
	if !strings.Contains(log.String(), `msg="action requested" method=POST path=/api/v1/targets/sw/poll by.address=127.0.0.1:`) {
		t.Error("the log does not say who had something done")
	}
	if seen.shown == 0 {
		t.Error("<secret> stands nowhere: were the secrets looked at?")
	}
}

// leaks looks for secrets in answers.
type leaks struct {
	*testing.T
	base  string
	shown int // times that <secret> was
}

func (l *leaks) ask(method, path, body string) {
	l.Helper()
	r, err := http.NewRequestWithContext(l.Context(), method, l.base+path, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		l.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusNotFound && !strings.Contains(path, "/tables/") && method != http.MethodDelete || response.StatusCode == http.StatusForbidden {
		l.Errorf("%s %s: %d %v %s", method, path, response.StatusCode, err, text)
	}
	l.look(method+" "+path, string(text))
}

func (l *leaks) look(where, text string) {
	l.Helper()
	l.shown += strings.Count(text, "<secret>") + strings.Count(text, `\u003csecret\u003e`)
	for _, secret := range planted {
		if at := strings.Index(text, secret); at >= 0 {
			l.Errorf("%s has %s: …%s", where, secret, text[max(0, at-120):min(len(text), at+80)])
		}
	}
}
