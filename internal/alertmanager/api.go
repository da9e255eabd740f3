// Package alertmanager serves the HTTP API v2 of Alertmanager over alarms and silences, for its clients: amtool, Karma,
// Grafana. Alerts are posted to package notify.
package alertmanager

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox"
)

// Version is the version of Alertmanager whose API is served.
const Version = "0.34.1"

// API serves the API. Its methods may be called concurrently.
type API struct {
	Outbox  func() *outbox.Outbox // nil without a state directory
	Started time.Time
	Admit   func(*http.Request) error                 // returns why a request must not act, or nil
	Refuse  func(w http.ResponseWriter, reason error) // answers a request that Admit refuses
	Config  func() string                             // the configuration as text, without secrets
	Logger  *slog.Logger

	// Others reads the answers of the other members of a cluster to a path, several at once. Global has another member answer
	// that keeps the silences of all, and reports whether there is an answer. Both are nil without a cluster.
	Others func(path string, read func([]byte) error)
	Global func(w http.ResponseWriter, r *http.Request) bool
}

// Patterns are those of http.ServeMux that the API serves.
var Patterns = []string{
	"GET /api/v2/status", "GET /api/v2/receivers", "GET /api/v2/alerts", "GET /api/v2/alerts/groups",
	"GET /api/v2/silences", "POST /api/v2/silences", "GET /api/v2/silence/{id}", "DELETE /api/v2/silence/{id}",
}

// Register adds the paths of the API, which are Patterns.
func (a *API) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v2/status", a.status)
	mux.HandleFunc("GET /api/v2/receivers", a.stored(a.receivers))
	mux.HandleFunc("GET /api/v2/alerts", a.stored(a.alerts))
	mux.HandleFunc("GET /api/v2/alerts/groups", a.stored(a.groups))
	mux.HandleFunc("GET /api/v2/silences", a.stored(a.silences))
	mux.HandleFunc("POST /api/v2/silences", a.acting(a.global(a.stored(a.post))))
	mux.HandleFunc("GET /api/v2/silence/{id}", a.stored(a.silence))
	mux.HandleFunc("DELETE /api/v2/silence/{id}", a.acting(a.global(a.stored(a.expire))))
}

// NewBuildInfo returns the metric by which Karma recognizes the API.
func NewBuildInfo() prometheus.Collector {
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "alertmanager_build_info", Help: "The version of Alertmanager whose API v2 Trapline serves, for clients that look for it.",
	}, []string{"version"})
	info.WithLabelValues(Version).Set(1)
	return info
}

// stored answers with 503 while there is no place to store silences.
func (a *API) stored(h func(o *outbox.Outbox, w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o := a.Outbox()
		if o == nil {
			reply(w, http.StatusServiceUnavailable, "there is no state directory: set state_dir or receivers in the configuration, and reload it")
			return
		}
		h(o, w, r)
	}
}

// acting refuses requests that must not act.
func (a *API) acting(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := a.Admit(r); err != nil {
			a.Refuse(w, err)
			return
		}
		h(w, r)
	}
}

// global has the member act that keeps the silences.
func (a *API) global(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.Global == nil || !a.Global(w, r) {
			h(w, r)
		}
	}
}

// answer writes a value in JSON.
func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // of types that can always be encoded, and the client may be gone
}

// answerList writes a list in JSON, one element at a time: lists are far larger than their elements.
func answerList[T any](w http.ResponseWriter, list []T) {
	w.Header().Set("Content-Type", "application/json")
	before := "["
	for i := range list {
		text, err := json.Marshal(&list[i]) // of types that can always be encoded
		if err == nil {
			_, err = w.Write(append([]byte(before), text...))
		}
		if err != nil {
			return // the client is gone
		}
		before = ","
	}
	if len(list) == 0 {
		_, _ = w.Write([]byte(before))
	}
	_, _ = w.Write([]byte("]\n"))
}

// refuse answers a request that cannot be parsed.
func refuse(w http.ResponseWriter, err error) { reply(w, http.StatusBadRequest, err.Error()) }

// fail answers a request that the outbox did not accept.
func (a *API) fail(w http.ResponseWriter, err error) {
	invalid, lost := mute.Invalid(""), (*ledger.Lost)(nil)
	switch {
	case errors.As(err, &invalid):
		refuse(w, err)
	case errors.Is(err, mute.ErrNoSilence):
		reply(w, http.StatusNotFound, err.Error())
	case errors.As(err, &lost), errors.Is(err, outbox.ErrInDoubt):
		reply(w, http.StatusServiceUnavailable, err.Error())
	default:
		a.Logger.Error("the outbox failed", "err", err)
		reply(w, http.StatusInternalServerError, err.Error())
	}
}

// reply answers with a text as Alertmanager does, a string in JSON.
func reply(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(text)
}

func (a *API) status(w http.ResponseWriter, _ *http.Request) {
	type versions struct {
		Version   string `json:"version"`
		Revision  string `json:"revision"`
		Branch    string `json:"branch"`
		BuildUser string `json:"buildUser"`
		BuildDate string `json:"buildDate"`
		GoVersion string `json:"goVersion"`
	}
	var s struct {
		Cluster struct {
			Status string `json:"status"`
		} `json:"cluster"`
		VersionInfo versions `json:"versionInfo"`
		Config      struct {
			Original string `json:"original"`
		} `json:"config"`
		Uptime time.Time `json:"uptime"`
	}
	s.Cluster.Status, s.Uptime = "disabled", a.Started
	s.VersionInfo = versions{Version: Version, Branch: "trapline"}
	s.Config.Original = a.Config()
	answer(w, &s)
}

// flag returns the value of a yes-or-no parameter that defaults to yes.
func flag(r *http.Request, name string) (bool, error) {
	switch text := r.URL.Query().Get(name); text {
	case "", "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, fmt.Errorf("%s=%q: write true or false", name, text)
	}
}

// flags returns the values of several parameters.
func flags(r *http.Request, names ...string) (map[string]bool, error) {
	values := map[string]bool{}
	for _, name := range names {
		value, err := flag(r, name)
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, nil
}
