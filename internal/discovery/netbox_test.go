package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	common "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	prom "github.com/prometheus/prometheus/discovery"

	"trapline/internal/setting"
)

// netboxServer stands in for a NetBox of some devices. Before is asked at each request, and may answer it.
type netboxServer struct {
	devices  atomic.Int64
	requests atomic.Int64
	before   func(w http.ResponseWriter, r *http.Request) bool
}

const netboxToken = "0123456789abcdef-secret"

func (s *netboxServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	if s.before != nil && s.before(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Token "+netboxToken {
		http.Error(w, `{"detail":"Invalid token"}`, http.StatusForbidden)
		return
	}
	n := int(s.devices.Load())
	offset, _ := strconv.Atoi(r.FormValue("offset"))
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	answer := map[string]any{"count": n, "next": nil}
	if offset+limit < n {
		answer["next"] = "http://elsewhere.invalid/" // as behind a proxy
	}
	results := []any{}
	for i := offset; i < min(n, offset+limit); i++ {
		results = append(results, netboxSwitch(i))
	}
	answer["results"] = results
	_ = json.NewEncoder(w).Encode(answer)
}

// netboxSwitch is a device as NetBox 4 has it, with the fields that are read. Each hundredth has no address.
func netboxSwitch(i int) map[string]any {
	ref := func(slug string) map[string]any {
		return map[string]any{"id": 1, "name": strings.ToUpper(slug), "slug": slug}
	}
	d := map[string]any{
		"id": i + 1, "name": fmt.Sprintf("sw-%05d", i), "serial": fmt.Sprintf("SN%d", i), "site": ref("berlin"), "role": ref("access"), "platform": ref("ios"),
		"tenant": nil, "tags": []any{ref("prod"), ref("core")}, "custom_fields": map[string]any{"snmp-auth": "secure", "rack": 7, "note": nil},
		"primary_ip": map[string]any{"id": i, "address": fmt.Sprintf("10.1.%d.%d/24", i/250, i%250+1)},
	}
	if i%100 == 99 {
		d["primary_ip"] = nil
	}
	return d
}

func netboxOf(t *testing.T, s *netboxServer) *netboxList {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(netboxToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &netboxList{settings: &NetBox{URL: server.URL + "/", TokenFile: token, Query: "status=active"}, client: server.Client(), most: 32 << 20, within: time.Hour}
}

// 10,000 devices are read in pages of 500; one without an address is no target.
func TestNetBoxDevices(t *testing.T) {
	s := &netboxServer{}
	s.devices.Store(10_000)
	groups, err := netboxOf(t, s).refresh(t.Context())
	if err != nil || len(groups) != 1 || len(groups[0].Targets) != 9_900 || s.requests.Load() != 20 {
		t.Fatalf("%v after %d requests", err, s.requests.Load())
	}
	want := model.LabelSet{
		"__address__": "10.1.0.8", "__trapline_name__": "sw-00007", "__meta_netbox_name": "sw-00007", "__meta_netbox_site": "berlin", "__meta_netbox_role": "access",
		"__meta_netbox_platform": "ios", "__meta_netbox_tag": ",core,prod,", "__meta_netbox_serial": "SN7", "__meta_netbox_cf_snmp_auth": "secure", "__meta_netbox_cf_rack": "7",
	}
	if got := groups[0].Targets[7]; !got.Equal(want) {
		t.Errorf("%v", got)
	}
}

// A wait that the server names is kept; other failures end the reading, and show no secret.
func TestNetBoxFailures(t *testing.T) {
	s := &netboxServer{}
	s.devices.Store(600)
	l := netboxOf(t, s)
	fails := func(status int, header string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if s.requests.Load()%2 == 0 {
				return false
			}
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			http.Error(w, r.Header.Get("Authorization"), status)
			return true
		}
	}
	s.before = fails(http.StatusTooManyRequests, "1")
	if groups, err := l.refresh(t.Context()); err != nil || len(groups[0].Targets) != 594 {
		t.Errorf("%v", err)
	}
	for _, c := range []struct {
		status       int
		header, want string
	}{
		{http.StatusInternalServerError, "", "500"}, {http.StatusTooManyRequests, "86400", "429"}, {http.StatusUnauthorized, "", "refused the token"},
		{http.StatusNotFound, "", "url must be"},
	} {
		s.requests.Store(0)
		s.before = fails(c.status, c.header)
		_, err := l.refresh(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), netboxToken) || s.requests.Load() != 1 {
			t.Errorf("%d: %v after %d requests", c.status, err, s.requests.Load())
		}
	}
}

// Pages of a list that changes meanwhile are read again; a list that never stands still is not taken.
func TestNetBoxListThatChanges(t *testing.T) {
	s := &netboxServer{}
	s.devices.Store(1_200)
	l := netboxOf(t, s)
	s.before = func(http.ResponseWriter, *http.Request) bool {
		if s.requests.Load() == 3 {
			s.devices.Store(1_100)
		}
		return false
	}
	if groups, err := l.refresh(t.Context()); err != nil || len(groups[0].Targets) != 1_089 {
		t.Errorf("%v", err)
	}
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		_ = json.NewEncoder(w).Encode(map[string]any{"count": 3, "next": "more", "results": []any{netboxSwitch(1)}})
		return true
	}
	if _, err := l.refresh(t.Context()); err == nil {
		t.Error("the same device on each page is taken for a list")
	}
}

// Answers that are none of NetBox's, or too large, are no lists.
func TestNetBoxAnswersThatAreHostile(t *testing.T) {
	s := &netboxServer{}
	l := netboxOf(t, s)
	large := strings.Repeat("x", 20<<10)
	for name, answer := range map[string]func() any{
		"empty":  func() any { return map[string]any{} },
		"detail": func() any { return map[string]any{"detail": "x"} },
		"null":   func() any { return map[string]any{"count": 0, "results": nil} },
		"many":   func() any { return map[string]any{"count": 501, "results": make([]struct{}, netboxPage+1)} },
		"large": func() any { // pages without end
			results := []any{}
			for i := range netboxPage {
				results = append(results, map[string]any{"id": int(s.requests.Load())*netboxPage + i, "name": large, "primary_ip": map[string]any{"address": "192.0.2.1/24"}})
			}
			return map[string]any{"count": 1 << 30, "next": "more", "results": results}
		},
	} {
		s.requests.Store(0)
		s.before = func(w http.ResponseWriter, _ *http.Request) bool {
			_ = json.NewEncoder(w).Encode(answer())
			return true
		}
		if groups, err := l.refresh(t.Context()); err == nil || s.requests.Load() > 5 {
			t.Errorf("%s: %v, %v after %d requests", name, groups, err, s.requests.Load())
		}
	}
}

// A server that has one wait again and again is left to the next refresh.
func TestNetBoxThatHasOneWait(t *testing.T) {
	s := &netboxServer{before: func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "100")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}}
	l := netboxOf(t, s)
	l.within = time.Second / 10
	if _, err := l.refresh(t.Context()); !errors.Is(err, context.DeadlineExceeded) || s.requests.Load() != 1 {
		t.Errorf("%v after %d requests", err, s.requests.Load())
	}
}

// The settings say where a token belongs, and make names of files relative.
func TestNetBoxSettings(t *testing.T) {
	for url, want := range map[string]string{"https://netbox.example": "", "netbox.example": "url", "https://u:p@netbox.example": "url", "https://netbox.example?a=b": "url"} {
		problems := (&NetBox{URL: url}).Problems()
		if len(problems) != min(len(want), 1) || fmt.Sprint(problems) != "" && strings.Contains(fmt.Sprint(problems), "u:p") {
			t.Errorf("%s: %v", url, problems)
		}
	}
	if p := (&NetBox{URL: "https://netbox.example", Query: "limit=0"}).Problems(); len(p) != 1 {
		t.Errorf("%v", p)
	}
	n := &NetBox{URL: "https://netbox.example", TokenFile: "token", TLS: &setting.Foreign[common.TLSConfig]{Value: common.TLSConfig{CAFile: "ca.pem"}}}
	n.SetDirectory("/etc/trapline")
	if n.TokenFile != "/etc/trapline/token" || n.TLS.Value.CAFile != "/etc/trapline/ca.pem" {
		t.Errorf("%+v", n)
	}
	n.TLS = nil
	if _, err := n.open(prom.DiscovererOptions{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Error(err)
	}
}
