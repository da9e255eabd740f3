package web

import (
	"compress/gzip"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"trapline/internal/api"
)

// serve returns the site's routes as one handler.
func serve(o Options) http.Handler {
	mux := http.NewServeMux()
	for _, r := range New(o).Routes() {
		mux.HandleFunc(r.Pattern, r.Serve)
	}
	return mux
}

// source is all parts of a Source in one.
type source interface {
	Process
	Fleet
	Console
	Catalog
	Explainer
	Traps
}

func sourceOf(s source) Source {
	return Source{Process: s, Fleet: s, Console: s, Catalog: s, Explainer: s, Traps: s}
}

func fleetOptions(f *fleet) Options {
	source := sourceOf(f)
	source.Cluster = f.Cluster
	return Options{Source: source, Telemetry: "/metrics", Now: func() time.Time { return f.now.Add(f.later) }}
}

func ask(t testing.TB, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// fleetPages are the pages that a fleet can show, fleetVariants others of the same kinds.
var (
	fleetPages = []string{
		"/", "/targets", "/targets?q=nosuch", "/targets/core-0012", "/targets/acc-0001", "/targets/core-0012/walk", "/targets/core-0012/why",
		"/targets/core-0012/why?metric=ifHCInOctets&row=ifName%3DGi1/0/7", "/alarms", "/alarms?state=history", "/alarms/9f2c3", "/alarms/9f2c5", "/alarms/9f2c6", "/silences", "/traps", "/rules", "/receivers",
		"/configuration", "/cluster", "/mibs", "/mibs/IF-MIB::ifOperStatus", "/modules", "/modules/if_mib",
	}
	fleetVariants = []string{
		"/targets?q=site%3Dberlin+core&sort=-duration", "/targets?state=down", "/targets?from=9900", "/targets/core-0012?t=interfaces&row=ifIndex%3D%224%22", "/targets/core-0012?t=all", "/targets/core-0012?t=vlans&from=200",
		"/alarms?group=target", "/alarms?state=pending", "/alarms?state=muted", "/silences?state=expired", "/silences?from=100", "/alarms?q=nosuch", "/receivers/chat", "/configuration?view=defaults", "/configuration?view=target", "/mibs?q=nosuch",
	}
	allPages = slices.Concat(fleetPages, fleetVariants)
)

// A page must run and load nothing that is not the server's own file, and nothing that lies in the page.
func TestPagesRunNothingInline(t *testing.T) {
	h := serve(fleetOptions(newFleet(10000)))
	inline := regexp.MustCompile(`(?i)<style|<script>|<script [^>]*>[^<]|\s(style|on[a-z]+)=|javascript:|hx-on|js:`)
	foreign := regexp.MustCompile(`(?i)(src|href|action|hx-[a-z-]+)="(https?:)?//`)
	for _, path := range allPages {
		w := ask(t, h, path)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != policy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: Content-Security-Policy %q", path, got)
		}
		body := w.Body.String()
		if m := inline.FindString(body); m != "" {
			t.Errorf("%s has %q", path, m)
		}
		if m := foreign.FindString(body); m != "" {
			t.Errorf("%s refers to another host: %q", path, m)
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if ids[m[1]] {
				t.Errorf("%s: two elements have the id %q", path, m[1])
			}
			ids[m[1]] = true
		}
		if strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s: a value was not safe where it stands", path)
		}
	}
}

func TestLinksAndFilesHaveThePrefix(t *testing.T) {
	o := fleetOptions(newFleet(10))
	o.Prefix = "/trapline"
	h := serve(o)
	reference := regexp.MustCompile(`(?:src|href|action|hx-get|hx-post)="([^"#]+)`)
	for _, path := range []string{"/", "/targets", "/targets/core-0000"} {
		for _, m := range reference.FindAllStringSubmatch(ask(t, h, path).Body.String(), -1) {
			if !strings.HasPrefix(m[1], "/trapline/") {
				t.Errorf("%s refers to %q", path, m[1])
			}
		}
	}
}

// The targets of a page's links, fragments and forms exist.
func TestLinksLeadSomewhere(t *testing.T) {
	h := serve(fleetOptions(newFleet(300)))
	reference := regexp.MustCompile(`(href|hx-get|src)="([^"]*)"|<form([^>]*) action="([^"]*)"`)
	foreign := regexp.MustCompile(`^/(api/|metrics|snmp|targets/[^/]*/metrics)`)
	seen := map[string]bool{}
	follow := func(page, body string) {
		for _, m := range reference.FindAllStringSubmatch(body, -1) {
			method, path := http.MethodGet, html.UnescapeString(m[2]+m[4])
			path, fragment, _ := strings.Cut(path, "#")
			if strings.Contains(m[3], `method="post"`) {
				method = http.MethodPost
			}
			if seen[method+path+"#"+fragment] || path == "" || foreign.MatchString(path) || strings.Contains(m[0], `method="dialog"`) {
				continue
			}
			seen[method+path+"#"+fragment] = true
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code >= 400 && method == http.MethodGet || w.Code == http.StatusMethodNotAllowed {
				t.Errorf("%s leads to %s %s: %d", page, method, path, w.Code)
			}
			if fragment != "" && !strings.Contains(html.UnescapeString(w.Body.String()), ` id="`+fragment+`"`) {
				t.Errorf("%s leads to %s, which has no %s", page, path, fragment)
			}
		}
	}
	for _, path := range allPages {
		follow(path, ask(t, h, path).Body.String())
	}
	for _, a := range actionForms {
		follow(a.path, send(h, a.path, a.form).Body.String())
	}
}

func TestAnUnchangedPageIsNotSentAgain(t *testing.T) {
	f := newFleet(100)
	h := serve(fleetOptions(f))
	for _, path := range []string{"/", "/targets", "/targets/core-0001"} {
		first := ask(t, h, path)
		tag := first.Header().Get("ETag")
		if second := ask(t, h, path, "If-None-Match", tag); tag == "" || second.Code != http.StatusNotModified || second.Body.Len() != 0 {
			t.Errorf("%s: the second answer has status %d and %d octets", path, second.Code, second.Body.Len())
		}
		f.later += 7 * time.Second // ages alone change nothing
		if second := ask(t, h, path, "If-None-Match", tag); second.Code != http.StatusNotModified {
			t.Errorf("%s: 7 s later %d", path, second.Code)
		}
	}
	tag := ask(t, h, "/targets").Header().Get("ETag")
	f.all[3].State = api.Down
	if w := ask(t, h, "/targets", "If-None-Match", tag); w.Code != http.StatusOK {
		t.Errorf("after a change: %d", w.Code)
	}
}

func TestPagesAreSmall(t *testing.T) {
	h := serve(fleetOptions(newFleet(10000)))
	for _, path := range allPages {
		if n := ask(t, h, path, "Accept-Encoding", "gzip").Body.Len(); n > 20_000 {
			t.Errorf("%s: %d octets", path, n)
		}
	}
	total := 0
	for _, name := range []string{"app.css", "app.js", "icon.svg", "vendor/htmx.min.js", "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css"} {
		w := ask(t, h, "/static/"+name, "Accept-Encoding", "gzip")
		total += w.Body.Len()
		if z, err := gzip.NewReader(w.Body); err != nil || w.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %v", name, err)
		} else if _, err := io.Copy(io.Discard, z); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if total > 150_000 {
		t.Errorf("the files of the pages are %d octets", total)
	}
}

func TestErrorsArePages(t *testing.T) {
	w := ask(t, serve(fleetOptions(newFleet(100))), "/targets/core-9999")
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "did you mean core-0012?") || !strings.Contains(w.Body.String(), "<nav") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// hostile is a name that a device may have.
const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \x00\x1b[31m\x07\x7f\u0085 \u202egnp.exe\u2066\u200b {{.}} ${x} \\\r\n%00 javascript:alert(1)"

// Texts of devices appear as text, without control characters and hidden ones.
func TestNamesOfDevicesAreHarmless(t *testing.T) {
	f := newFleet(20)
	for i := range f.all {
		s := &f.all[i]
		s.Name, s.Address, s.SysName, s.Kind, s.Labels = fmt.Sprint(i, hostile), hostile, hostile, hostile, map[string]string{"site": hostile, hostile: hostile}
		s.Problem = &api.Problem{Reason: hostile, Text: hostile, Remedy: hostile}
		s.State = api.Down
	}
	f.said = hostile
	h := serve(fleetOptions(f))
	site := New(fleetOptions(f))
	for _, path := range []string{"/", "/targets", "/alarms", "/alarms?state=history", site.path("alarms", hostile), "/targets?q=" + strings.ReplaceAll(site.path(hostile)[1:], "+", "%2B"), site.path("targets", f.all[0].Name)} {
		w := ask(t, h, path)
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, "&lt;script&gt;") {
			t.Errorf("%s: %d, the name is not shown", path, w.Code)
		}
		if strings.Contains(body, "<script>") || strings.Contains(body, "<img") {
			t.Errorf("%s has the device's HTML", path)
		}
		for i, r := range body {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.In(r, unicode.Cf) {
				t.Errorf("%s has %U at …%q", path, r, body[max(0, i-40):i])
				break
			}
		}
	}
}

func BenchmarkTargetsOf10000(b *testing.B) {
	h := serve(fleetOptions(newFleet(10000)))
	for b.Loop() {
		ask(b, h, "/targets", "Accept-Encoding", "gzip")
	}
}
