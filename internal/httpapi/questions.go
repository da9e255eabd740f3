package httpapi

import (
	"net/http"
	"reflect"

	"trapline/internal/api"
)

// nothing is the body of requests that need none.
type nothing struct{}

var questions = []route{
	takes("POST /api/v1/targets/{name}/poll", "Polls a target at once, joining a poll that runs, and gives what is known when it has ended.",
		func(a *API, r *http.Request, _ *nothing) (api.Target, error) {
			if err := a.Fleet.Poll(r.Context(), r.PathValue("name")); err != nil {
				return api.Target{}, err
			}
			return a.Fleet.Target(r.PathValue("name"))
		}),
	{pattern: "POST /api/v1/targets/{name}/walk", text: "Walks a subtree of a target: NDJSON, a row a line, as they arrive; the last line is an envelope that says whether the walk is whole. One at a time for each target, four in all.",
		takes: reflect.TypeFor[api.WalkRequest](), gives: reflect.TypeFor[api.WalkRow](), serve: (*API).serveWalk},
	gives("GET /api/v1/targets/{name}/why", "Why a metric of a target, or one row of it, is there or is not, by the last poll; without a metric, what is missing.",
		func(a *API, r *http.Request) (api.Why, error) {
			return a.Explainer.Why(r.Context(), r.PathValue("name"), r.FormValue("metric"), r.FormValue("row"), false)
		}).with("metric: its name, or that of its object, or the OID\nrow: label=value, several with commas between them, or the index"),
	takes("POST /api/v1/targets/{name}/why", "The same, by one question to the device.",
		func(a *API, r *http.Request, in *api.WhyRequest) (api.Why, error) {
			return a.Explainer.Why(r.Context(), r.PathValue("name"), in.Metric, in.Row, true)
		}),
	takes("POST /api/v1/rules/try", "Evaluates an expression as a rule would be, on the last polls and on the samples that rules look back at. Nothing is raised.",
		func(a *API, r *http.Request, in *api.TryRequest) (api.Try, error) {
			return a.Fleet.Try(r.Context(), *in)
		}),
	gives("GET /api/v1/config", "The running configuration, without secrets.", func(a *API, r *http.Request) (api.Config, error) {
		return a.Config(api.ConfigQuery{View: r.FormValue("view"), Target: r.FormValue("target")})
	}).with("view: written (as the files were when they were loaded), defaults or target\ntarget: of the view target"),
	gives("GET /api/v1/modules", "The modules of the configuration and those that ship, those in use first.",
		func(a *API, r *http.Request) ([]api.Module, error) {
			q, err := moduleQuery(r)
			if err != nil {
				return nil, err
			}
			list, _, err := a.Catalog.Modules(q)
			return list, err
		}).with("q: text in the name, or in the profile by which auto chose it\nlimit: modules; all unless it is given\noffset: how many to leave out"),
	gives("GET /api/v1/modules/{name}", "One module, with its metrics.",
		func(a *API, r *http.Request) (api.Module, error) { return a.Catalog.Module(r.PathValue("name")) }),
	gives("GET /api/v1/mibs", "Objects of MIBs that match a query; without one, the MIBs.", func(a *API, r *http.Request) (api.ObjectList, error) {
		q, err := objectQuery(r)
		if err != nil {
			return api.ObjectList{}, err
		}
		return a.Catalog.Objects(q)
	}).with("q: words in name, OID and description\nlimit: objects; 100 unless it is given, 1000 at most"),
	gives("GET /api/v1/mibs/{name}", "One object by its name or OID, or a MIB by its name, with what lies below.",
		func(a *API, r *http.Request) (api.Object, error) { return a.Catalog.Object(r.PathValue("name")) }),
	takes("POST /api/v1/config/check", "Reads a configuration as a reload does, and changes nothing.",
		func(a *API, _ *http.Request, in *api.CheckRequest) (api.ConfigCheck, error) {
			return a.CheckConfig(in.Text)
		}),
	takes("POST /api/v1/config/reload", "Reads the configuration again. If there is an error in it, the running one goes on.",
		func(a *API, _ *http.Request, _ *nothing) (api.ConfigStatus, error) { return a.Reload() }),
}
