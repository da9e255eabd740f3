package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/httpapi"

	"github.com/prometheus/exporter-toolkit/web"
)

func TestWhoIsTrusted(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	users := file("users.yml", "basic_auth_users: {anna: $2y$04$wJdEzZL1KJjX4cL2Ng0JOukgxk0/BPlmuwxbYWCtdQsE7aIGyIyJy}\n")
	encrypted := file("tls.yml", "tls_server_config: {cert_file: a, key_file: b, client_auth_type: VerifyClientCertIfGiven}\n")
	verified := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{}}}}
	for _, c := range []struct {
		listeners string
		systemd   bool
		file      string
		local     string // the address that the request came to
		tls       *tls.ConnectionState
		trusted   bool
	}{
		{"127.0.0.1:9116", false, "", "127.0.0.1:9116", nil, true},
		{"localhost:9116", false, "", "127.0.0.1:9116", nil, true},
		{"[::1]:9116", false, "", "[::1]:9116", nil, true},
		{"127.0.0.1:0", false, "", "127.0.0.1:40000", nil, true},
		{":9116", false, "", "127.0.0.1:9116", nil, false}, // a reverse proxy may stand in front
		{"0.0.0.0:9116", false, "", "127.0.0.1:9116", nil, false},
		{"192.0.2.1:9116", false, "", "192.0.2.1:9116", nil, false},
		{"127.0.0.1:9116 :9117", false, "", "127.0.0.1:9116", nil, true},
		{"127.0.0.1:9116 :9117", false, "", "127.0.0.1:9117", nil, false},
		{"127.0.0.1:9116 192.0.2.1:9116", false, "", "192.0.2.1:9116", nil, false},
		{"vsock://:9116", false, "", "127.0.0.1:9116", nil, false},
		{"127.0.0.1:9116", true, "", "127.0.0.1:9116", nil, false}, // the socket is systemd's
		{":9116", false, users, "192.0.2.1:9116", nil, true},
		{":9116", false, encrypted, "192.0.2.1:9116", nil, false},
		{":9116", false, encrypted, "192.0.2.1:9116", &tls.ConnectionState{}, false},
		{":9116", false, encrypted, "192.0.2.1:9116", verified, true},
		{":9116", false, filepath.Join(dir, "none"), "192.0.2.1:9116", nil, false},
		{":9116", false, file("broken.yml", "basic_auth_users: ["), "192.0.2.1:9116", nil, false},
	} {
		addresses := strings.Fields(c.listeners)
		flags := &Options{Actions: httpapi.ActionsAuto, Web: &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &c.systemd, WebConfigFile: &c.file}}
		guard, err := newGuard(flags)
		if err != nil {
			t.Fatal(err)
		}
		at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.local))
		r := httptest.NewRequest("POST", "http://127.0.0.1/", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, at))
		r.TLS = c.tls
		if err := guard.Check(r); (err == nil) != c.trusted {
			t.Errorf("%+v: %v", c, err)
		}
	}
	// Users that are taken away count no more, as the server reads the file again.
	l := &login{file: users}
	r := httptest.NewRequest("POST", "/", nil)
	if !l.required(r) {
		t.Error("the users are not seen")
	}
	file("users.yml", "{}\n")
	if err := os.Chtimes(users, time.Time{}, time.Now().Add(time.Minute)); err != nil || l.required(r) {
		t.Errorf("users that are gone are still trusted (%v)", err)
	}
}

func TestExternalURLAndRoutePrefix(t *testing.T) {
	for _, c := range []struct{ external, prefix, path, links, host string }{
		{"", "", "", "", ""},
		{"", "/a", "/a", "/a", ""},
		{"https://trapline.example.com/snmp/", "", "/snmp", "/snmp", "trapline.example.com"},
		{"https://trapline.example.com/snmp", "/", "", "/snmp", "trapline.example.com"},
		{"https://trapline.example.com", "a/b/", "/a/b", "", "trapline.example.com"},
	} {
		u, err := externalURL(c.external)
		if err != nil || u != nil && u.Host != c.host {
			t.Errorf("%s: %v %v", c.external, u, err)
		}
		if got, links := routePrefix(c.prefix, u), outsidePrefix(c.prefix, u); got != c.path || links != c.links {
			t.Errorf("%+v: %q, in links %q", c, got, links)
		}
	}
	none := ""
	for prefix, good := range map[string]bool{"": true, "/": true, "/a": true, "a/b-1/": true, "/a b": false, "/{x}": false, "/a/../b": false, "/a?b": false, "//a//b": false, `/"><x`: false} {
		flags := &Options{RoutePrefix: prefix, Actions: httpapi.ActionsAuto, Web: &web.FlagConfig{WebConfigFile: &none}}
		if _, err := newGuard(flags); (err == nil) != good {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	for _, wrong := range []string{"trapline", "ftp://x/", "http://", ":"} {
		if _, err := externalURL(wrong); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
}
