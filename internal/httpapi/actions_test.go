package httpapi

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"trapline/internal/api"
)

// Whatever sends it, a request acts only if all of these let it: the flag, the Host header, and where the page
// that sends it comes from. Paths that programs call too check the last two, and of browsers only.
func TestGuard(t *testing.T) {
	external, _ := url.Parse("https://trapline.example.com/snmp")
	modes := []struct {
		name    string
		mode    string
		trusted bool
		open    bool
	}{
		{"off", ActionsOff, true, false},
		{"auto, anybody", ActionsAuto, false, false},
		{"auto, trusted", ActionsAuto, true, true},
		{"not set, anybody", "", false, false},
		{"on, anybody", ActionsOn, false, true},
	}
	hosts := []struct {
		host string
		ours bool
	}{
		{"127.0.0.1:9116", true}, {"192.0.2.1", true}, {"[2001:db8::1]:9116", true}, {"localhost:9116", true}, {"LOCALHOST", true},
		{"nms.example.net:9116", true}, {"nms:9116", true}, {"nms.", true}, {"trapline.example.com", true},
		{"evil.example:9116", false}, {"nms.evil.example", false}, {"example.net", false}, {"127.0.0.1.evil.example", false}, {"", false},
	}
	origins := []struct {
		site, origin string
		same         bool
	}{
		{"", "", true}, // no browser
		{"same-origin", "", true},
		{"none", "", true},
		{"same-site", "", false},
		{"cross-site", "", false},
		{"cross-site", "https://evil.example", false},
		{"cross-site", "https://trapline.example.com", true},
		{"", "https://evil.example", false},
		{"", "null", false},
		{"", "https://trapline.example.com", true},
		{"", "http://HOST", true},
	}
	for _, m := range modes {
		for _, h := range hosts {
			for _, o := range origins {
				g := Guard{Mode: m.mode, Trusted: func(*http.Request) bool { return m.trusted }, External: external, Hostname: "nms.example.net"}
				r := httptest.NewRequest("POST", "/api/v1/config/reload", nil)
				r.Host = h.host
				set(r, "Sec-Fetch-Site", o.site)
				set(r, "Origin", strings.Replace(o.origin, "HOST", h.host, 1))
				err := g.Check(r)
				want := m.open && h.ours && o.same
				if (err == nil) != want || err != nil && (!errors.Is(err, api.ErrLocked) || api.HTTPStatus(err) != http.StatusForbidden) {
					t.Errorf("%s, Host %q, Sec-Fetch-Site %q, Origin %q: %v", m.name, h.host, o.site, o.origin, err)
				}
				browser := o.site != "" || o.origin != ""
				if err := g.CheckBrowser(r); (err == nil) != (!browser || h.ours && o.same) || err != nil && api.HTTPStatus(err) != http.StatusForbidden {
					t.Errorf("Host %q, Sec-Fetch-Site %q, Origin %q: CheckBrowser: %v", h.host, o.site, o.origin, err)
				}
				if locked := g.Locked(r); (locked == nil) != m.open {
					t.Errorf("%s: the page shows %v", m.name, locked)
				}
			}
		}
	}
}

func set(r *http.Request, header, value string) {
	if value != "" {
		r.Header.Set(header, value)
	}
}

// Each refusal has a remedy.
func TestGuardSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		guard       Guard
		change      func(*http.Request)
		text, doing string
	}{
		{Guard{Mode: ActionsOff}, nil, "actions are off", "--web.actions=off"},
		{Guard{}, nil, "actions are off", "--web.config.file"},
		{Guard{Mode: ActionsOn}, func(r *http.Request) { r.Host = "evil.example" }, `the host "evil.example" is no name of this server`, "--web.external-url"},
		{Guard{Mode: ActionsOn}, func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, "another origin", "no browser"},
		{Guard{Mode: ActionsOn}, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, "text/plain", "application/json"},
	} {
		r := httptest.NewRequest("POST", "http://127.0.0.1/", strings.NewReader("x"))
		r.Header.Set("Content-Type", "application/json")
		if c.change != nil {
			c.change(r)
		}
		err := c.guard.Check(r)
		hinted := (*api.Hinted)(nil)
		if !errors.As(err, &hinted) || !strings.Contains(err.Error(), c.text) || !strings.Contains(hinted.Hint, c.doing) {
			t.Errorf("want %q, %q; got %v, %+v", c.text, c.doing, err, hinted)
		}
	}
}

// Pages of others can send text, forms with files and bodies without a type; of these a form is admitted, whose
// origin the headers of browsers show.
func TestBodiesOfActions(t *testing.T) {
	g := Guard{Mode: ActionsOn}
	for _, c := range []struct {
		media, body string
		status      int
	}{
		{"application/json", "{}", 0}, {"application/json; charset=utf-8", "{}", 0}, {"application/x-www-form-urlencoded", "a=b", 0}, {"", "", 0},
		{"", "{}", 415}, {"text/plain", "{}", 415}, {"multipart/form-data; boundary=x", "{}", 415}, {"application/json-patch+json", "{}", 415}, {"///", "{}", 415},
	} {
		r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(c.body))
		set(r, "Content-Type", c.media)
		err := g.Check(r)
		if got := api.HTTPStatus(err); (err != nil || c.status != 0) && got != c.status {
			t.Errorf("%s %q: %v", c.media, c.body, err)
		}
	}
}

// Every route that does not only read is guarded.
func TestRoutesThatActAreGuarded(t *testing.T) {
	a := New(Options{})
	mux := http.NewServeMux()
	a.Register(mux)
	guarded := 0
	for _, route := range routes {
		method, path, _ := strings.Cut(route.pattern, " ")
		if method == http.MethodGet {
			continue
		}
		guarded++
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "http://127.0.0.1"+strings.NewReplacer("{", "", "}", "").Replace(path), nil)
		r.TLS = &tls.ConnectionState{}
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"errorType":"forbidden"`) {
			t.Errorf("%s: %d %s", route.pattern, w.Code, w.Body)
		}
	}
	if guarded == 0 {
		t.Error(fmt.Sprint("no route acts: ", len(routes)))
	}
}
