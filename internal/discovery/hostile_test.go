package discovery

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	common "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	prom "github.com/prometheus/prometheus/discovery"
	httpsd "github.com/prometheus/prometheus/discovery/http"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"trapline/internal/facts"
	"trapline/internal/poller"
)

func hostileList(t *testing.T, serve http.HandlerFunc) *httpList {
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	client := server.Client()
	client.Timeout = 2 * time.Second
	return &httpList{url: server.URL, every: time.Minute, client: client}
}

// endless is an answer without end.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text)
	}
	return n, nil
}

// A server that answers too much, too deep, too slowly or in circles costs its list alone, and a bounded time.
func TestServersThatAreHostile(t *testing.T) {
	followed := 0
	asJSON := func(body io.Reader) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.Copy(w, body)
		}
	}
	for name, serve := range map[string]http.HandlerFunc{
		"endless": asJSON(endless{strings.Repeat(" ", 1<<20)}),
		"deep":    asJSON(strings.NewReader(strings.Repeat("[", 1<<20))),
		"null":    asJSON(strings.NewReader("[null]")),
		"object":  asJSON(strings.NewReader(`{"a":1}`)),
		"slow": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"circle": func(w http.ResponseWriter, r *http.Request) {
			followed++
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		},
		"text": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		l := hostileList(t, serve)
		staysEncrypted(l.client)
		if groups, err := l.refresh(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("%s: %d groups, %v", name, len(groups), err)
		}
		cancel()
	}
	if followed > maxRedirects {
		t.Errorf("%d redirects are followed", followed)
	}
}

// Entries that no target can be made of are rejected one by one, with text that can be shown.
func TestEntriesThatAreHostile(t *testing.T) {
	l := &list{
		name: "l", sources: map[sourceKey][]labels.Labels{}, kinds: map[string]*kindState{"http": {heard: map[string]bool{}}}, guard: guard{maxDrop: 50},
		maker: &maker{list: "l", usual: func(*poller.TargetSettings) error { return nil }, book: facts.NewBook(), known: map[labels.Labels]*made{}},
	}
	g := &targetgroup.Group{Source: "0"}
	add := func(set model.LabelSet) { g.Targets = append(g.Targets, set) }
	const a = model.AddressLabel
	add(model.LabelSet{a: "192.0.2.1", "instance": "good"})
	add(model.LabelSet{a: "192.0.2.2", "instance": "bad\x00name\x1b[31m"})
	add(model.LabelSet{a: "192.0.2.3", "instance": "a/b"})
	add(model.LabelSet{a: "192.0.2.4", "instance": "good"})
	add(model.LabelSet{a: "192.0.2.5", "instance": "long", "note": model.LabelValue(strings.Repeat("x", 4<<20))})
	add(model.LabelSet{a: model.LabelValue(strings.Repeat("x", 1<<20))})
	add(model.LabelSet{"instance": "nowhere"})
	add(model.LabelSet{a: "192.0.2.6", "__scrape_interval__": "soon"})
	for i, address := range []string{"224.0.0.1", "0.0.0.0", "255.255.255.255", "[::]:161", "ff02::1", "::ffff:0.0.0.0", "192.0.2.9:0", "tcp:0.0.0.0:161"} {
		add(model.LabelSet{a: model.LabelValue(address), "instance": model.LabelValue(fmt.Sprint("nowhere-", i))})
	}
	for _, name := range []string{"--help", "-a", " ", " a", "a ", "a\nb"} {
		add(model.LabelSet{a: "192.0.2.8", "instance": model.LabelValue(name)})
	}
	for key, value := range map[string]string{"max_rows": "-5", "max_window": "-3", "retries": "-1", "max_repetitions": "4294967295"} {
		add(model.LabelSet{a: "192.0.2.8", "instance": model.LabelValue(key), model.LabelName(keyLabel(key)): model.LabelValue(value)})
	}
	add(model.LabelSet{a: "192.0.2.8", "instance": "doubled", "x": model.LabelValue(strings.Repeat("x", 4000))})
	rule := &relabel.Config{SourceLabels: model.LabelNames{"x"}, Regex: relabel.MustNewRegexp("(.+)"), Replacement: "$1$1", TargetLabel: "x", Action: relabel.Replace, NameValidationScheme: model.UTF8Validation}
	for range 30 {
		l.maker.relabel = append(l.maker.relabel, rule)
	}
	many := model.LabelSet{a: "192.0.2.7", "instance": "many"}
	for i := range 100 {
		many[model.LabelName(fmt.Sprintf("l%d", i))] = "x"
	}
	add(many)
	l.receive("http", []*targetgroup.Group{g}, time.Now())
	l.settle(true, time.Now())
	for _, e := range l.entries {
		if strings.ContainsAny(e.Target.Name, "/\x00") || len(e.Target.Address) > 1000 {
			t.Errorf("%.200q is polled", fmt.Sprint(e.Target))
		}
	}
	s := l.status()
	for _, r := range s.First {
		t.Logf("%.60s: %s: %.100s", r.Name, r.Reason, r.Text)
		if len(r.Name)+len(r.Text) > 2000 || strings.ContainsAny(r.Name+r.Text, "\x00\x1b") {
			t.Errorf("%.100q: %.100q, of %d octets", r.Name, r.Text, len(r.Name)+len(r.Text))
		}
	}
	if len(l.entries) != 1 || len(s.First) != len(g.Targets)-1 {
		t.Errorf("%d targets, %d rejections", len(l.entries), len(s.First))
	}
}

// allocated returns how many octets are allocated while f runs.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Short texts that memory holds as large ones are refused before they are decoded: the octets that are allocated for a
// list are bounded by a few times its length.
func TestListsThatBlowUp(t *testing.T) {
	const n = 4 << 20
	many := func(begin, each, end string) []byte {
		return []byte(begin + strings.Repeat(each+",", n/len(each)) + each + end)
	}
	for name, raw := range map[string][]byte{
		"groups":    many("[", `{}`, "]"),
		"targets":   many(`[{"targets":[`, `""`, "]}]"),
		"labels":    many(`[{"targets":["a"],"labels":{`, `"a":""`, "}}]"),
		"backslash": many(`[{"targets":["a"],"labels":{`, `"a\\":"\\"`, "}}]"),
		"nulls":     many(`[{"targets":[`, `null`, "]}]"),
		"numbers":   many(`[{"targets":[`, `1`, "]}]"),
	} {
		var groups []*targetgroup.Group
		var err error
		octets := allocated(func() { groups, err = decodeGroups(raw) })
		if octets > uint64(16*len(raw)) {
			t.Errorf("%s: %d octets for a list of %d, %v", name, octets, len(raw), err)
		}
		if err == nil && (len(groups) > maxTargets || len(groups[0].Targets) > maxTargets) {
			t.Errorf("%s: %d groups", name, len(groups))
		}
	}
}

// Labels of a group are those of each of its targets: together they are bounded.
func TestLabelsOfLargeGroups(t *testing.T) {
	large := model.LabelSet{"a": model.LabelValue(strings.Repeat("x", 1<<20))}
	fair := model.LabelSet{"a": model.LabelValue(strings.Repeat("x", 60<<10))}
	many := model.LabelSet{}
	for i := range maxRawLabels {
		many[model.LabelName(fmt.Sprint("l", i))] = ""
	}
	for name, common := range map[string]model.LabelSet{"large": large, "many": many, "fair": fair} {
		g := &targetgroup.Group{Labels: common}
		for i := range 20_000 {
			g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(fmt.Sprint("sw-", i))})
		}
		var all [][]labels.Labels
		var err error
		octets := allocated(func() { all, err = entries([]*targetgroup.Group{g}, maxTargets) })
		switch {
		case octets > 2*maxOctets:
			t.Errorf("%s: %d octets", name, octets)
		case name == "fair" && err == nil:
			t.Errorf("%s: %d entries", name, len(all[0]))
		case name != "fair" && (err != nil || all[0][7].Get(errorLabel) == "" || nameOf(all[0][7]) != "sw-7"):
			t.Errorf("%s: %v, %v", name, all[0][7], err)
		}
	}
}

// Errors name no part of a URL that may be a secret, and are as long as a person can read.
func TestErrorsOfServersAreShortAndWithoutSecrets(t *testing.T) {
	for name, serve := range map[string]http.HandlerFunc{
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", strings.Repeat("x", 1<<18))
		},
		"circle": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String()+"x", http.StatusFound)
		},
	} {
		l := hostileList(t, serve)
		l.url = strings.Replace(l.url, "http://", "http://user:SECRET@", 1) + "/?token=SECRET"
		_, err := l.refresh(t.Context())
		k := &kindState{}
		if err == nil || !k.fail(err.Error(), time.Now()) || strings.Contains(k.err, "SECRET") || len(k.err) > 2*maxText {
			t.Errorf("%s: %.2000s", name, k.err)
		}
	}
	raw := labels.FromStrings("__meta_url", "http://user:SECRET@host/", "site", "x")
	if name := nameOf(raw); strings.Contains(name, "SECRET") || !strings.Contains(name, "site") {
		t.Error(name)
	}
}

// Credentials leave neither the host of a list nor its encryption by a redirect.
func TestRedirectsTakeNoCredentials(t *testing.T) {
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, fmt.Sprint(r.Header))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `[]`)
	}))
	defer elsewhere.Close()
	elsewhereTLS := httptest.NewTLSServer(elsewhere.Config.Handler)
	defer elsewhereTLS.Close()
	for _, to := range []string{elsewhere.URL, elsewhereTLS.URL, strings.Replace(elsewhereTLS.URL, "127.0.0.1", "localhost", 1)} {
		redirects := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
		for _, server := range []*httptest.Server{httptest.NewServer(http.HandlerFunc(redirects)), httptest.NewTLSServer(http.HandlerFunc(redirects))} {
			encrypted := strings.HasPrefix(server.URL, "https")
			c := common.DefaultHTTPClientConfig
			c.Authorization, c.TLSConfig.InsecureSkipVerify = &common.Authorization{Type: "Bearer", Credentials: "SECRET"}, true
			seen = nil
			address := server.URL + "/?token=SECRET"
			list, err := newHTTP(&httpsd.SDConfig{URL: address, HTTPClientConfig: c, RefreshInterval: model.Duration(time.Minute)}, prom.DiscovererOptions{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			groups := make(chan []*targetgroup.Group, 1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			list.Run(ctx, groups)
			cancel()
			refused := encrypted && strings.HasPrefix(to, "http://")
			otherHost := strings.Contains(to, "localhost")
			if leaks := strings.Contains(fmt.Sprint(seen), "SECRET"); leaks && (otherHost || refused) || refused != (len(seen) == 0) {
				t.Errorf("from %s to %s: %v", server.URL, to, seen)
			}
			if strings.Contains(fmt.Sprint(seen), "token") {
				t.Errorf("from %s to %s: the query leaves: %v", server.URL, to, seen)
			}
			server.Close()
		}
	}
}

// The URL that entries carry, and that is stored with them, has no password and no values of its query.
func TestLabelsOfServersHaveNoSecret(t *testing.T) {
	l := hostileList(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `[{"targets": ["192.0.2.1"]}]`)
	})
	l.url = strings.Replace(l.url, "http://", "http://user:SECRET@", 1) + "/devices?token=SECRET"
	groups, err := l.refresh(t.Context())
	if err != nil || len(groups) == 0 {
		t.Fatal(groups, err)
	}
	for _, g := range groups {
		if text := fmt.Sprint(g.Labels, g.Targets, g.Source); strings.Contains(text, "SECRET") || !strings.Contains(text, "/devices") {
			t.Error(text)
		}
	}
}
