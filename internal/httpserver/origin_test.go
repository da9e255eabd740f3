package httpserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestCrossOrigin(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	reached := 0
	h := sameOrigin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }), m)
	refused := 0
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PURGE"} {
		for _, test := range []struct {
			site, origin string
			foreign      bool
		}{
			{"", "", false}, {"same-origin", "http://here:1", false}, {"none", "", false}, {"", "http://here:1", false}, {"same-origin", "https://proxy", false},
			{"cross-site", "http://there", true}, {"cross-site", "", true}, {"same-site", "http://other.here", true}, {"", "http://there", true}, {"", "null", true},
			{"", "http://here:2", true}, {"cross-site", "http://here:1", true},
		} {
			r := httptest.NewRequest(method, "http://here:1/-/reload", nil)
			r.Header.Set("Sec-Fetch-Site", test.site)
			r.Header.Set("Origin", test.origin)
			w := httptest.NewRecorder()
			reached = 0
			h.ServeHTTP(w, r)
			reads := method == "GET" || method == "HEAD" || method == "OPTIONS"
			if want := reads || !test.foreign; (reached == 1) != want {
				t.Errorf("%s, %+v: reached %v", method, test, reached == 1)
			} else if !want {
				refused++
				if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another origin") {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		}
	}
	if n := testutil.ToFloat64(m.refused.WithLabelValues(refusedOrigin)); int(n) != refused {
		t.Errorf("%g are counted of %d", n, refused)
	}
}

func TestMediaTypes(t *testing.T) {
	h := TakesJSON(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for media, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON": 200,
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "text/plain; x=application/json": 415, ";": 415,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("[]"))
		r.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%q: %d, want %d", media, w.Code, want)
		}
	}
}
