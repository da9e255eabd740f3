package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	_ "net/http/pprof" // on the default mux, which is handed on under /debug/pprof/
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"trapline/internal/alertmanager"
	"trapline/internal/api"
	"trapline/internal/httpapi"
	"trapline/internal/httpserver"
	"trapline/internal/instances"
	"trapline/internal/listen"
	"trapline/internal/member"
	"trapline/internal/notify"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/relay"
	"trapline/internal/rules"
	"trapline/internal/rules/result"
	"trapline/internal/series"
	"trapline/internal/web"
)

// server answers HTTP requests.
type server struct {
	probes    *poller.Prober
	poller    *poller.Poller
	reloader  *reloader
	notifier  *notifier
	evaluator *rules.Evaluator
	answers   *httpapi.API
	devices   instances.Source
	all       *unionParts // nil without a cluster
	guard     httpapi.Guard
	registry  *prometheus.Registry
	metrics   *metrics
	health    *health
	options   *Options
	logger    *slog.Logger
	limits    *limits
	listener  *listen.Listener
	member    *member.Member // nil without a cluster
	relay     *relay.Relay   // the same
	started   time.Time
	prefix    string // of all paths
	outside   string // the prefix that clients see
}

// newServer returns the handler of all paths. Rendered answers are held for their readers by the spool, so that a slow
// one keeps neither passes nor a place among those at work.
func newServer(s *server) http.Handler {
	l := s.limits
	mux := http.NewServeMux()
	rendered := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, l.spool.Handler(l.render, h)) }
	mux.Handle("/snmp", l.spool.Handler(nil, http.HandlerFunc(s.snmp)))
	mux.Handle(s.options.TelemetryPath, promhttp.InstrumentMetricHandler(s.registry, l.spool.Handler(l.telemetry, http.HandlerFunc(s.telemetry))))
	mux.Handle("/targets/{name}/metrics", l.spool.Handler(nil, s.target(l.render.Handler(http.HandlerFunc(s.ownTarget)))))
	listed := instances.Options{Devices: s.devices, Targets: func() []*poller.Target { return s.reloader.current.Load().Targets }, Prefix: s.prefix}
	if s.member != nil {
		listed.Owner = s.member.Web
	}
	rendered("/sd", instances.New(listed).ServeHTTP)
	mux.Handle("/config", l.spool.Handler(l.config, http.HandlerFunc(s.config)))
	mux.Handle("/-/reload", s.ownPages(http.HandlerFunc(s.reload)))
	mux.HandleFunc("/-/healthy", s.health.answer("Healthy"))
	mux.HandleFunc("/-/ready", s.health.answer("Ready", healthCheck{"cluster", s.member.Ready}))
	mux.Handle("/debug/pprof/", l.profiles.Handler(http.DefaultServeMux))
	s.api(mux)
	s.pages(mux)
	return prefixed(s.prefix, mux)
}

// PagesOf returns the source of the pages.
func PagesOf(a *httpapi.API) web.Source {
	return web.Source{Process: a, Fleet: a.Fleet, Console: a.Console, Catalog: a.Catalog, Explainer: a.Explainer, Lists: a, Cluster: a.Cluster}
}

// pages adds the pages for people.
func (s *server) pages(mux *http.ServeMux) {
	l, metrics := s.limits, s.options.TelemetryPath
	source := PagesOf(s.answers)
	if s.listener != nil {
		source.Traps = s.answers
	}
	site := web.New(web.Options{Source: source, Prefix: s.outside, Telemetry: metrics})
	for _, route := range site.Routes() {
		switch {
		case metrics == "/" && route.Pattern == "GET /{$}": // the flag has the path of the overview
		case route.Kind == web.Rendered:
			mux.Handle(route.Pattern, l.spool.Handler(l.render, route.Serve))
		case route.Kind == web.Asking:
			mux.Handle(route.Pattern, l.spool.Handler(l.actions, route.Serve))
		default:
			mux.Handle(route.Pattern, l.spool.Handler(nil, route.Serve))
		}
	}
}

// api adds the API, the paths that accept alerts, and queries of the rules' samples.
func (s *server) api(mux *http.ServeMux) {
	l, calls := s.limits, http.NewServeMux()
	inlet := notify.AlertsAPIPatterns
	if s.all != nil {
		s.all.console.ServeOutbox(calls)
	} else {
		inlet = slices.Concat(inlet, notify.OutboxPatterns)
	}
	for _, pattern := range inlet {
		calls.HandleFunc(pattern, s.notifier.serveInlet)
	}
	s.alertmanager(mux)
	if s.options.EnableQuery {
		s.evaluator.Register(calls)
	}
	s.rules(calls, s.all)
	s.answers.Register(calls)
	mux.Handle("/api/", l.spool.Handler(l.render, calls))
	mux.Handle("POST /api/v1/", l.spool.Handler(l.actions, calls))
	mux.Handle("POST /api/v1/targets/{name}/walk", calls) // which bounds itself, and streams
	mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("follow") == "" {
			l.spool.Handler(l.render, calls).ServeHTTP(w, r)
			return
		}
		calls.ServeHTTP(w, r) // which bounds itself, and streams
	})
	for _, path := range []string{"/api/v2/alerts", "/api/v1/webhook"} {
		mux.Handle("POST "+path, s.ownPages(httpserver.TakesJSON(l.alerts.Handler(l.inlet, l.inletLarge, calls))))
	}
	mux.HandleFunc("POST /api/v1/outbox/{receiver}/{action}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.answers.Admit(r); err != nil {
			httpapi.Refuse(w, err)
			return
		}
		calls.ServeHTTP(w, r)
	})
	mux.Handle("POST /api/v1/rules/try", l.spool.Handler(nil, l.forms.Handler(l.query, l.query, calls)))
	for _, path := range []string{"/api/v1/query", "/api/v1/query_range"} {
		asked := l.spool.Handler(nil, l.forms.Handler(l.query, l.query, calls))
		mux.Handle("GET "+path, asked)
		mux.Handle("POST "+path, asked)
	}
}

// alertmanager adds Alertmanager's API, for its clients.
func (s *server) alertmanager(mux *http.ServeMux) {
	calls, l := http.NewServeMux(), s.limits
	s.newAlertmanager(s.all).Register(calls)
	for _, pattern := range alertmanager.Patterns {
		limit := l.render
		if !strings.HasPrefix(pattern, "GET ") {
			limit = l.actions
		}
		mux.Handle(pattern, l.spool.Handler(limit, calls))
	}
}

// rules adds Prometheus' paths for rules and alerts, for all members of a cluster or, if all is nil, for other members of it.
func (s *server) rules(mux *http.ServeMux, all *unionParts) {
	if all == nil {
		result.Serve(mux, s.evaluator, nil)
		return
	}
	result.Serve(mux, s.evaluator, all.union)
}

// newAlertmanager returns Alertmanager's API, for all members of a cluster or, if all is nil, for other members of it.
func (s *server) newAlertmanager(all *unionParts) *alertmanager.API {
	served := &alertmanager.API{
		Outbox: func() *outbox.Outbox { return s.notifier.storage.Load().outbox }, Started: s.started, Admit: s.answers.Admit, Refuse: httpapi.Refuse, Logger: s.logger,
		Config: func() string {
			var text strings.Builder
			_ = s.reloader.current.Load().Config.Dump(&text) // into memory
			return text.String()
		},
	}
	if all != nil {
		served.Others, served.Global = all.union.Each, all.union.PassToGlobal
	} else {
		served.Admit = func(*http.Request) error { return nil } // by the member that asks
	}
	return served
}

// telemetry exposes Trapline's own metrics, the health of the targets among them, and the targets' series.
func (s *server) telemetry(w http.ResponseWriter, r *http.Request) {
	families, err := s.registry.Gather()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	groups := s.groups()
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

// groups are the alerts, how the targets fare, and unless they are scraped one by one, the series of their last
// passes.
func (s *server) groups() []series.Group {
	var health series.Merger
	groups := []series.Group{s.evaluator.Alerts()}
	for _, t := range s.reloader.current.Load().Targets {
		report, ok := s.poller.Report(t.Name)
		if !ok {
			continue
		}
		health.Add(report.Self())
		if s.exposesTargets() && report.Last != nil {
			groups = append(groups, series.Group{Labels: report.Target.Rendered, Sets: report.Last.Sets})
		}
	}
	return append(groups, health.Group())
}

// exposesTargets reports whether the series of targets are beside Trapline's own. In a cluster they are only if the flag says
// so: the instance that Prometheus gives them would change with the owner of a target.
func (s *server) exposesTargets() bool {
	return s.options.ExposeTargets && (s.member == nil || s.options.ExposeChosen)
}

// target exposes the series of one target: those of a target that is polled here by own, and else those that its owner answers
// with, which is waited for at no cost to other scrapes. Without an answer in its last poll it is a failed scrape, so that `up` says
// the same of the device as for any other instance.
func (s *server) target(own http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if _, here := s.poller.Report(name); here || !s.member.PassOn(w, r, name, "/targets/"+url.PathEscape(name)+"/metrics") {
			own.ServeHTTP(w, r)
		}
	})
}

// ownTarget exposes the series of a target that is polled here.
func (s *server) ownTarget(w http.ResponseWriter, r *http.Request) {
	report, ok := s.poller.Report(r.PathValue("name"))
	switch {
	case !ok && s.member.Has(r.PathValue("name")):
		http.Error(w, "this member is about to poll the target, or does not any more", http.StatusServiceUnavailable)
	case !ok:
		http.Error(w, fmt.Sprintf("there is no target %q", r.PathValue("name")), http.StatusNotFound)
	case report.Last == nil:
		http.Error(w, "the first pass over the target has not ended", http.StatusServiceUnavailable)
	case !report.Last.Up:
		http.Error(w, fmt.Sprintf("the target did not answer in its last poll:\n\n%v", report.Last.Err), http.StatusServiceUnavailable)
	default:
		groups := []series.Group{report.Device()}
		expose(w, r, func(out io.Writer, format expfmt.Format) error { return encode(out, format, groups) })
	}
}

func (s *server) config(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	httpserver.Zipped(w, r, s.reloader.current.Load().Config.Dump)
}

// ownPages refuses requests that browsers send for pages of others, also where these have a name of theirs lead here.
func (s *server) ownPages(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.guard.CheckBrowser(r); err != nil {
			text := err.Error()
			if hinted := (*api.Hinted)(nil); errors.As(err, &hinted) {
				text += "\n" + hinted.Hint
			}
			s.limits.metrics.RefuseOrigin(w, text)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *server) reload(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST method expected", http.StatusBadRequest)
		return
	}
	s.logger.Info("reload of the configuration was requested", httpserver.Requester(r))
	if err := s.reloader.reload(); err != nil {
		http.Error(w, fmt.Sprintf("failed to reload config: %v", err), http.StatusInternalServerError)
		return
	}
	for _, text := range s.reloader.later(s.reloader.current.Load().Config) {
		fmt.Fprintln(w, text)
	}
}
