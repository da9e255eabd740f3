package api

import "net/http"

// views are the routes of what is known of targets.
var views = []route{
	gives("GET /api/v1/status", "The state of the process, from device to receiver.", func(a *API, _ *http.Request) (Status, error) {
		return a.Status(), nil
	}),
	gives("GET /api/v1/targets", "Targets that match a query, the worst first.", func(a *API, r *http.Request) (TargetList, error) {
		q, err := targetQuery(r)
		if err != nil {
			return TargetList{}, err
		}
		return a.Targets(q)
	}).with(`q: words in name, address, sysName and labels; key=value or key!=value for labels, state, module, reason, auth, name, address and kind
sort: name, state, duration, loss, age, series, rtt or alarms, with - in front for the greatest first
limit: targets in the answer, 100 if left out
offset: targets that are left out in front`),
	gives("GET /api/v1/targets/{name}", "One target.", func(a *API, r *http.Request) (Target, error) {
		return a.Target(r.PathValue("name"))
	}),
	gives("GET /api/v1/targets/{name}/tables/{table}", "A table of a target as its last answered poll had it.", func(a *API, r *http.Request) (Table, error) {
		q, err := tableQuery(r)
		if err != nil {
			return Table{}, err
		}
		return a.TableOf(q)
	}).with(`rates: 1 adds rates between the last two polls
history: 1 adds histories; -1 is a gap
limit: rows in the answer, 1000 if left out
offset: rows that are left out in front`),
}
