package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	_ "net/http/pprof" // on the default mux, which is handed on under /debug/pprof/
	"net/url"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/internal/series"
)

// server answers HTTP requests.
type server struct {
	probes   *poller.Prober
	polls    *poller.Poller
	reloads  *reloader
	inlet    *notify.Inlet // nil without receivers
	judge    *rules.Evaluator
	registry *prometheus.Registry
	metrics  *metrics
	health   *health
	flags    *serveFlags
}

func newServer(s *server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/snmp", s.snmp)
	mux.Handle(*s.flags.telemetryPath, promhttp.InstrumentMetricHandler(s.registry, http.HandlerFunc(s.telemetry)))
	mux.HandleFunc("/targets/{name}/metrics", s.target)
	mux.HandleFunc("/sd", s.discovery)
	mux.HandleFunc("/config", s.config)
	mux.HandleFunc("/-/reload", s.reload)
	mux.HandleFunc("/-/healthy", s.health.answer("Healthy"))
	mux.HandleFunc("/-/ready", s.health.answer("Ready"))
	mux.Handle("/debug/pprof/", http.DefaultServeMux)
	if s.inlet != nil {
		s.inlet.Register(mux)
	}
	s.judge.Register(mux, *s.flags.enableQuery)
	if path := *s.flags.telemetryPath; path != "/" && path != "" {
		mux.Handle("/{$}", s.landing())
	}
	return mux
}

// telemetry gives Trapline's own metrics, how the targets fare among them, and the targets' series.
func (s *server) telemetry(w http.ResponseWriter, r *http.Request) {
	families, err := s.registry.Gather()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	groups := []series.Group{s.judge.Alerts()}
	for _, report := range s.polls.Reports() {
		if *s.flags.exposeTargets {
			groups = append(groups, report.Group())
		} else {
			groups = append(groups, report.Self())
		}
	}
	expose(w, r, func(out io.Writer, format expfmt.Format) error {
		own := expfmt.NewEncoder(out, format)
		for _, family := range families {
			if err := own.Encode(family); err != nil {
				return err
			}
		}
		return encode(out, format, groups)
	})
}

// target gives the series of one target. Without an answer in its last pass it is a failed scrape, so
// that `up` says the same of the device as for any other instance.
func (s *server) target(w http.ResponseWriter, r *http.Request) {
	report, ok := s.polls.Report(r.PathValue("name"))
	switch {
	case !ok:
		http.Error(w, fmt.Sprintf("there is no target %q", r.PathValue("name")), http.StatusNotFound)
	case report.Last == nil:
		http.Error(w, "the first pass over the target has not ended", http.StatusServiceUnavailable)
	case !report.Last.Up:
		http.Error(w, fmt.Sprintf("the target did not answer in its last pass:\n\n%v", report.Last.Err), http.StatusServiceUnavailable)
	default:
		groups := []series.Group{report.Device()}
		expose(w, r, func(out io.Writer, format expfmt.Format) error { return encode(out, format, groups) })
	}
}

var (
	buffers sync.Pool // of *[]byte
	zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
)

func encode(out io.Writer, format expfmt.Format, groups []series.Group) error {
	buffer, ok := buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	e := series.NewEncoder(out, format, *buffer)
	err := e.Encode(groups)
	*buffer, _ = e.Close()
	buffers.Put(buffer)
	return err
}

// formats are those that series.Encoder writes, the one for whoever takes any in front.
var formats = []expfmt.Format{expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1, expfmt.FmtProtoDelim}

// expose answers in the format and the encoding that the request asks for.
func expose(w http.ResponseWriter, r *http.Request, write func(io.Writer, expfmt.Format) error) {
	format := expfmt.NegotiateAccept(r.Header, formats...)
	w.Header().Set("Content-Type", string(format))
	if !acceptsGzip(r) {
		_ = write(w, format) // the client went away: nobody is left to tell
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	z.Reset(w)
	_ = write(z, format)
	_ = z.Close()
}

func acceptsGzip(r *http.Request) bool {
	for _, coding := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// discovery is Prometheus' HTTP service discovery: each target is an instance of its own, scraped
// from here.
func (s *server) discovery(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	entries := []entry{}
	for _, report := range s.polls.Reports() {
		t := report.Target
		labels := map[string]string{
			"__metrics_path__":        "/targets/" + url.PathEscape(t.Name) + "/metrics",
			"__meta_trapline_address": t.Spec.Address,
			"__meta_trapline_auth":    t.AuthName,
			"__meta_trapline_modules": strings.Join(t.ModuleNames(), ","),
			"instance":                t.Name,
		}
		if r.TLS != nil {
			labels["__scheme__"] = "https"
		}
		for name, value := range t.Labels {
			labels[name] = value
		}
		entries = append(entries, entry{[]string{r.Host}, labels})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(entries)
}

func (s *server) config(w http.ResponseWriter, _ *http.Request) {
	dump, err := s.reloads.current.Load().dump()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(dump)
}

func (s *server) reload(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST method expected", http.StatusBadRequest)
		return
	}
	if err := s.reloads.reload(); err != nil {
		http.Error(w, fmt.Sprintf("failed to reload config: %v", err), http.StatusInternalServerError)
	}
}

func (s *server) landing() http.Handler {
	page, err := web.NewLandingPage(web.LandingConfig{
		Name:        "Trapline",
		Description: "Polls SNMP devices in parallel and serves what it learns to Prometheus.",
		Version:     version.Info(),
		Form: web.LandingForm{Action: "/snmp", Inputs: []web.LandingFormInput{
			{Label: "Target", Type: "text", Name: "target", Placeholder: "[udp|tcp://]host[:port]", Value: "::1"},
			{Label: "Auth", Type: "text", Name: "auth", Placeholder: "auth", Value: poller.DefaultAuth},
			{Label: "Module", Type: "text", Name: "module", Placeholder: "module", Value: poller.DefaultModule},
		}},
		Links: []web.LandingLinks{
			{Address: *s.flags.telemetryPath, Text: "Metrics", Description: "Trapline's own and those of every polled target"},
			{Address: "/sd", Text: "Service discovery", Description: "The polled targets, for Prometheus' http_sd_configs"},
			{Address: "/config", Text: "Config", Description: "The running configuration, without secrets"},
		},
	})
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, errors.Join(errors.New("landing page"), err).Error(), http.StatusInternalServerError)
		})
	}
	return page
}
