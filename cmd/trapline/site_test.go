package main

import (
	"net/http"
	"strings"
	"testing"
)

// sitePages are all pages of a server that has the target a and the receiver r.
var sitePages = []string{
	"/", "/targets", "/targets/a", "/targets/a/why", "/targets/a/why?metric=sysUpTime", "/targets/a/walk", "/alarms", "/alarms?state=pending", "/alarms?state=history", "/rules",
	"/receivers", "/receivers/r", "/configuration", "/configuration?view=defaults", "/configuration?view=target&target=a", "/mibs", "/mibs/IF-MIB::ifDescr", "/modules", "/modules/uptime",
}

// withSecrets has a secret in each place of a configuration that takes one.
const withSecrets = `
auths:
  v2: {community: unspeakable-1}
  v3: {version: 3, username: monitor, security_level: authPriv, auth_protocol: SHA256, password: unspeakable-2, priv_protocol: AES, priv_password: unspeakable-3}
modules:
  uptime:
    get: [1.3.6.1.2.1.1.3.0]
    metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: Ticks.}]
targets:
- {name: a, address: 127.0.0.1:1, auth: v3, modules: [uptime]}
- {name: b, address: 127.0.0.1:1, auth: v2, modules: [uptime]}
receivers:
- {name: r, address: 127.0.0.1:1, auth: v3}
- {name: s, address: 127.0.0.1:1, auth: v2}
`

func TestPagesHoldNoSecrets(t *testing.T) {
	t.Parallel()
	base := startServer(t, withSecrets+"state_dir: "+t.TempDir()+"\n", "--web.actions=on")
	for _, path := range sitePages {
		status, _, body := get(t, base+path)
		if status != http.StatusOK || !strings.Contains(body, "</html>") {
			t.Errorf("%s: %d %.300s", path, status, body)
		}
		if strings.Contains(body, "unspeakable") {
			t.Errorf("%s shows a secret", path)
		}
	}
}

// Forms of pages have the guard of the API: other sites cannot send them, nor who may not act.
func TestFormsAreGuarded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		actions, host, site, origin string
		status                      int
	}{
		{"on", "", "", "", http.StatusSeeOther},
		{"on", "", "same-origin", "", http.StatusSeeOther},
		{"on", "", "cross-site", "", http.StatusForbidden},
		{"on", "", "same-site", "", http.StatusForbidden},
		{"on", "", "", "http://evil.example", http.StatusForbidden},
		{"on", "rebound.example", "", "", http.StatusForbidden},
		{"off", "", "same-origin", "", http.StatusForbidden},
		{"auto", "", "same-origin", "", http.StatusSeeOther}, // it listens on a loopback address
	} {
		base := startServer(t, withSecrets+"state_dir: "+t.TempDir()+"\n", "--web.actions="+c.actions)
		for _, path := range []string{"/configuration/reload", "/receivers/r/retry"} {
			r, err := http.NewRequest(http.MethodPost, base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if r.Host = c.host; c.host == "" {
				r.Host = r.URL.Host
			}
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != c.status {
				t.Errorf("%+v: %s: %d", c, path, response.StatusCode)
			}
		}
	}
}
