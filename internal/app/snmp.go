package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"trapline/internal/access"
	"trapline/internal/httpserver"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/runtimeconfig"
	"trapline/internal/series"
	"trapline/internal/setting"
)

// snmp makes a pass on demand, as snmp_exporter does: 400 for a faulty request, 500 when anything at
// all is missing.
func (s *server) snmp(w http.ResponseWriter, r *http.Request) {
	config := s.reloader.current.Load()
	target, err := requested(config, r.URL.Query())
	if err != nil {
		s.metrics.badRequest(w, err.Error())
		return
	}
	ctx, cancel := s.withinScrape(r)
	defer cancel()
	pass := s.poller.Fresh(target, config.Config.Global.MaxAge.Duration, time.Now())
	if pass == nil && config.Config.Global.MaxAge.Duration > 0 && s.member.Fresh(w, r, target, "/snmp?"+r.URL.RawQuery) {
		return
	}
	if pass == nil {
		leave, err := s.limits.probes.enter(ctx, target.Spec.Address)
		if err != nil {
			httpserver.Unavailable(w, err.Error())
			return
		}
		defer leave()
		pass, err = s.probes.Probe(ctx, target)
		s.limits.probes.note(target.Spec.Address, err == nil && pass.Up)
		if err != nil {
			scrapeFailed(w, []error{err})
			return
		}
	}
	if errs := pass.Failures(); len(errs) > 0 {
		scrapeFailed(w, errs)
		return
	}
	exposePass(w, r, pass)
}

func exposePass(w http.ResponseWriter, r *http.Request, pass *poller.Pass) {
	groups := []series.Group{{Sets: pass.Sets}}
	expose(w, r, func(out io.Writer, format expfmt.Format) error { return encode(out, format, groups) })
}

// freshSNMP answers another member by the last poll of a target, if that is new enough, and nothing is missing.
func (s *server) freshSNMP(w http.ResponseWriter, r *http.Request) {
	config := s.reloader.current.Load()
	target, err := requested(config, r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pass := s.poller.Fresh(target, config.Config.Global.MaxAge.Duration, time.Now())
	if pass == nil || len(pass.Failures()) > 0 {
		http.Error(w, "there is no such poll", http.StatusNotFound)
		return
	}
	exposePass(w, r, pass)
}

// maxTimeout bounds the timeout that a client may ask for.
const maxTimeout = time.Hour

// withinScrape bounds a request by the timeout that Prometheus says it has, else by maxScrapeTime.
func (s *server) withinScrape(r *http.Request) (context.Context, context.CancelFunc) {
	seconds, err := strconv.ParseFloat(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err != nil || !(seconds > 0) { // NaN is not
		return context.WithTimeoutCause(r.Context(), maxScrapeTime,
			fmt.Errorf("%v are over: a longer time has to be asked for with the header X-Prometheus-Scrape-Timeout-Seconds", maxScrapeTime))
	}
	timeout := time.Duration(min(seconds, maxTimeout.Seconds()) * float64(time.Second))
	if timeout > 2*(s.options.TimeoutOffset) {
		timeout -= s.options.TimeoutOffset
	}
	return context.WithTimeoutCause(r.Context(), timeout, fmt.Errorf("the scrape timeout of %v s is over", seconds))
}

func scrapeFailed(w http.ResponseWriter, errs []error) {
	text := errs[0].Error()
	if len(errs) > 1 {
		text = fmt.Sprintf("%d error(s) occurred:", len(errs))
		for _, err := range errs {
			text += "\n* " + err.Error()
		}
	}
	http.Error(w, "An error has occurred while serving metrics:\n\n"+text, http.StatusInternalServerError)
}

// requested reads the parameters of /snmp. A target may also be the name of one in the configuration,
// whose settings then hold where the request says nothing.
func requested(w *runtimeconfig.Config, query url.Values) (*poller.Target, error) {
	address, err := once(query, "target", true)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, errors.New("'target' parameter must be specified once")
	}
	settings := poller.TargetSettings{Name: address, Address: address, Auth: poller.DefaultAuth, Modules: []string{poller.DefaultModule}}
	for i := range w.Config.Targets {
		if w.Config.Targets[i].Name == address {
			settings = w.Config.Targets[i]
			settings.Labels = nil
		}
	}
	auth, err := once(query, "auth", false)
	if err != nil {
		return nil, err
	}
	context, err := once(query, "snmp_context", false)
	if err != nil {
		return nil, err
	}
	engineID, err := once(query, "snmp_engineid", false)
	if err != nil {
		return nil, err
	}
	settings.Auth = cmp.Or(auth, settings.Auth)
	settings.Context = cmp.Or(context, settings.Context)
	settings.ContextEngineID = cmp.Or(engineID, settings.ContextEngineID)
	if settings.Modules, err = requestedModules(query, settings.Modules); err != nil {
		return nil, err
	}
	return onDemand(w, &settings)
}

func onDemand(w *runtimeconfig.Config, s *poller.TargetSettings) (*poller.Target, error) {
	if w.Catalog.Auths[s.Auth] == nil {
		return nil, fmt.Errorf("Unknown auth '%s'", s.Auth) //nolint:staticcheck // the text is snmp_exporter's
	}
	for _, m := range s.Modules {
		if w.Catalog.Module(m) == nil && m != profile.Auto {
			return nil, fmt.Errorf("Unknown module '%s'", m) //nolint:staticcheck // the text is snmp_exporter's
		}
	}
	if _, err := access.ParseAddress(s.Address); err != nil {
		return nil, err
	}
	if _, err := setting.Hex(s.ContextEngineID); err != nil {
		return nil, fmt.Errorf("'snmp_engineid' parameter has %w", err)
	}
	global := w.Config.Global
	global.Labels = nil // these series are snmp_exporter's
	return poller.NewTarget(s, &global, w.Catalog)
}

func once(query url.Values, name string, required bool) (string, error) {
	values := query[name]
	switch {
	case len(values) == 1:
		return values[0], nil
	case len(values) == 0 && !required:
		return "", nil
	case required:
		return "", fmt.Errorf("'%s' parameter must be specified once", name)
	}
	return "", fmt.Errorf("'%s' parameter must only be specified once", name)
}

// requestedModules reads repeated and comma-separated names, each once, in order.
func requestedModules(query url.Values, otherwise []string) ([]string, error) {
	values, ok := query["module"]
	if !ok {
		return otherwise, nil
	}
	var modules []string
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			if name != "" && !slices.Contains(modules, name) {
				modules = append(modules, name)
			}
		}
	}
	if len(modules) == 0 {
		return nil, errors.New("'module' parameter is empty")
	}
	return modules, nil
}
