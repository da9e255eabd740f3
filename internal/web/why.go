package web

import (
	"net/http"
	"slices"

	"trapline/internal/api"
)

// whyData is the page that says why a metric is missing.
type whyData struct {
	Target, Metric, Row string
	Why                 *api.Why // nil before a metric is named
	Problems            []api.Problem
}

// why answers out of the last poll, and where the request is a POST asks the device.
func (s *Site) why(w http.ResponseWriter, r *http.Request) error {
	t, err := s.source.Target(r.PathValue("name"))
	if err != nil {
		return err
	}
	d := &whyData{Target: t.Name, Metric: r.FormValue("metric"), Row: r.FormValue("row"), Problems: t.Problems}
	v := s.view(r, "t", "Why · "+t.Name, d)
	if d.Metric != "" {
		why, err := s.explains.Why(r.Context(), t.Name, d.Metric, d.Row, r.Method == http.MethodPost)
		if err != nil {
			v.Failed, v.Hint = reason(err)
			return s.answer(w, r, api.HTTPStatus(err), "why", v)
		}
		d.Why = &why
	}
	return s.show(w, r, "why", v)
}

// Good says whether the metric is there.
func (d *whyData) Good() bool {
	return !slices.ContainsFunc(d.Why.Steps, func(s api.Step) bool { return s.State == "failed" })
}
