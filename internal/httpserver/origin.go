package httpserver

import (
	"log/slog"
	"mime"
	"net/http"
)

// sameOrigin refuses cross-origin requests from browsers, except safe methods.
func sameOrigin(h http.Handler, m *Metrics) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if protection.Check(r) != nil {
			m.RefuseOrigin(w, r.Method+" from a web page of another origin is refused (Sec-Fetch-Site, Origin): "+
				"send it from a page of this server, or from a program that is no browser")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// RefuseOrigin answers a cross-origin request with 403 and counts it.
func (m *Metrics) RefuseOrigin(w http.ResponseWriter, text string) {
	m.refused.WithLabelValues(refusedOrigin).Inc()
	http.Error(w, text, http.StatusForbidden)
}

// TakesJSON refuses bodies whose Content-Type is not JSON. An HTML form cannot send that type.
func TakesJSON(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || media != "application/json" {
			w.Header().Set("Accept", "application/json")
			http.Error(w, "the body must be JSON: send it with the header Content-Type: application/json", http.StatusUnsupportedMediaType)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Requester returns the sender of a request for the log: its address and, with basic
// authentication, the user.
func Requester(r *http.Request) slog.Attr {
	by := []any{slog.String("address", r.RemoteAddr)}
	if user, _, ok := r.BasicAuth(); ok {
		by = append(by, slog.String("user", user))
	}
	return slog.Group("by", by...)
}
