package web

import (
	"net/http"
	"strings"
	"time"
)

// New returns the pages over a source.
func New(o Options) *Site {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Site{options: o, source: o.Source, assets: readAssets()}
	s.pages = s.parse()
	return s
}

// routes are the pages and the forms.
func (s *Site) routes() map[string]handler {
	return map[string]handler{
		"GET /{$}":                                s.overview,
		"GET /targets":                            s.targets,
		"POST /targets/poll":                      s.pollAll,
		"GET /targets/{name}":                     s.target,
		"POST /targets/{name}/poll":               s.poll,
		"GET /targets/{name}/walk":                s.walkForm,
		"POST /targets/{name}/walk":               s.walk,
		"GET /targets/{name}/why":                 s.why,
		"POST /targets/{name}/why":                s.why,
		"GET /walk":                               s.walkOf,
		"GET /alarms":                             s.alarms,
		"GET /alarms/{id}":                        s.alarm,
		"POST /alarms/{id}/resend":                s.resend,
		"POST /alarms/{id}/ack":                   s.acknowledge,
		"POST /alarms/{id}/unack":                 s.unacknowledge,
		"POST /alarms/{id}/silence":               s.silenceAlarm,
		"POST /alarms/{id}/clear":                 s.clear,
		"GET /traps":                              s.traps,
		"GET /silences":                           s.silences,
		"POST /silences":                          s.addSilence,
		"POST /silences/{id}/expire":              s.expire,
		"GET /rules":                              s.rules,
		"POST /rules":                             s.try,
		"GET /receivers":                          s.receivers,
		"GET /receivers/{name}":                   s.receivers,
		"POST /receivers/{name}/retry":            s.retry,
		"POST /receivers/{name}/drop":             s.drop,
		"POST /receivers/{name}/test":             s.test,
		"GET /configuration":                      s.configuration,
		"POST /configuration/check":               s.check,
		"POST /configuration/reload":              s.reload,
		"POST /configuration/lists/{name}/accept": s.acceptList,
		"GET /cluster":                            s.cluster,
		"GET /mibs":                               s.mibs,
		"GET /mibs/{name}":                        s.object,
		"GET /modules":                            s.modules,
		"GET /modules/{name}":                     s.module,
	}
}

// Kind is the cost of serving a route.
type Kind int

// The kinds of routes.
const (
	Rendered Kind = iota // quickly, from memory
	Asking               // after devices or receivers were asked; the API bounds how many at once
	Stored               // rendered when the process started
)

// Route is a path with its handler.
type Route struct {
	Pattern string // of http.ServeMux
	Kind    Kind
	Serve   http.HandlerFunc
}

// Routes are all paths of the pages.
func (s *Site) Routes() []Route {
	routes := []Route{{"GET /static/{file...}", Stored, s.static}}
	for pattern, serve := range s.routes() {
		if strings.HasPrefix(pattern, "POST ") {
			routes = append(routes, Route{pattern, Asking, s.page(s.admitted(serve))})
		} else {
			routes = append(routes, Route{pattern, Rendered, s.page(serve)})
		}
	}
	return routes
}

// maxForm is how many octets a form may have.
const maxForm = 64 << 10

// admitted calls a handler only for requests that may act.
func (s *Site) admitted(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.source.Process.Admit(r); err != nil {
			return err
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		return h(w, r)
	}
}
