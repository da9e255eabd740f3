package api

import (
	"net/http"
)

// route is a path of the API. The table of them is what docs/api.md is made of.
type route struct {
	pattern string // of http.ServeMux
	text    string // what it answers
	serve   func(*API, *http.Request) (data any, err error)
}

var routes = []route{
	{"GET /api/v1/status", "The state of the process, from device to receiver.", func(a *API, r *http.Request) (any, error) { return a.Status(), nil }},
	{"GET /api/v1/targets", "Targets that match a query.", func(a *API, r *http.Request) (any, error) { return a.Targets(targetQuery(r)) }},
	{"GET /api/v1/targets/{name}", "One target.", func(a *API, r *http.Request) (any, error) { return a.Target(r.PathValue("name")) }},
}

// Register adds the paths of the API.
func (a *API) Register(mux *http.ServeMux) {
	for _, route := range routes {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			data, err := route.serve(a, r)
			if err != nil {
				refuse(w, err)
				return
			}
			write(w, http.StatusOK, &envelope{Status: "success", Data: data})
		})
	}
}
