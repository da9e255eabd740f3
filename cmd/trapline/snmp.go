package main

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
	"trapline/internal/series"
	"trapline/internal/setting"
)

// snmp makes a pass on demand, as snmp_exporter does: 400 for a faulty request, 500 when anything at
// all is missing.
func (s *server) snmp(w http.ResponseWriter, r *http.Request) {
	config := s.reloads.current.Load()
	target, err := config.requested(r.URL.Query())
	if err != nil {
		s.metrics.badRequest(w, err.Error())
		return
	}
	ctx, cancel := s.withinScrape(r)
	defer cancel()
	pass := s.polls.Fresh(target, config.config.Global.MaxAge.Duration, time.Now())
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
	if errs := failuresOf(pass); len(errs) > 0 {
		scrapeFailed(w, errs)
		return
	}
	groups := []series.Group{{Sets: pass.Sets}}
	expose(w, r, func(out io.Writer, format expfmt.Format) error { return encode(out, format, groups) })
}

// longestScrape bounds what a client may ask for.
const longestScrape = time.Hour

// withinScrape bounds a request by the timeout that Prometheus says it has, else by maxScrapeTime.
func (s *server) withinScrape(r *http.Request) (context.Context, context.CancelFunc) {
	seconds, err := strconv.ParseFloat(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), 64)
	if err != nil || !(seconds > 0) { // NaN is not
		return context.WithTimeoutCause(r.Context(), maxScrapeTime,
			fmt.Errorf("%v are over: a longer time has to be asked for with the header X-Prometheus-Scrape-Timeout-Seconds", maxScrapeTime))
	}
	timeout := time.Duration(min(seconds, longestScrape.Seconds()) * float64(time.Second))
	if timeout > 2*(*s.flags.timeoutOffset) {
		timeout -= *s.flags.timeoutOffset
	}
	return context.WithTimeoutCause(r.Context(), timeout, fmt.Errorf("the scrape timeout of %v s is over", seconds))
}

func failuresOf(p *poller.Pass) []error {
	errs := slices.Clone(p.Problems)
	if joined, ok := p.Err.(interface{ Unwrap() []error }); ok {
		errs = append(errs, joined.Unwrap()...)
	} else if p.Err != nil {
		errs = append(errs, p.Err)
	}
	for _, d := range p.Duplicates {
		errs = append(errs, fmt.Errorf("collected metric %q { %s } was collected before with the same name and label values", d.Name, d.Labels))
	}
	return errs
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
func (w *world) requested(query url.Values) (*poller.Target, error) {
	address, err := once(query, "target", true)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, errors.New("'target' parameter must be specified once")
	}
	settings := poller.TargetSettings{Name: address, Address: address, Auth: poller.DefaultAuth, Modules: []string{poller.DefaultModule}}
	for i := range w.config.Targets {
		if w.config.Targets[i].Name == address {
			settings = w.config.Targets[i]
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
	return w.onDemand(&settings)
}

func (w *world) onDemand(s *poller.TargetSettings) (*poller.Target, error) {
	if w.catalog.Auths[s.Auth] == nil {
		return nil, fmt.Errorf("Unknown auth '%s'", s.Auth) //lint:ignore ST1005 the text is snmp_exporter's
	}
	for _, m := range s.Modules {
		if w.catalog.Module(m) == nil && m != profile.Auto {
			return nil, fmt.Errorf("Unknown module '%s'", m) //lint:ignore ST1005 the text is snmp_exporter's
		}
	}
	if _, err := access.ParseAddress(s.Address); err != nil {
		return nil, err
	}
	if _, err := setting.Hex(s.ContextEngineID); err != nil {
		return nil, fmt.Errorf("'snmp_engineid' parameter has %w", err)
	}
	global := w.config.Global
	global.Labels = nil // these series are snmp_exporter's
	return poller.NewTarget(s, &global, w.catalog)
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
