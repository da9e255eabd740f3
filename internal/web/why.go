package web

import (
	"net/http"

	"trapline/internal/api"
)

// whyData is the page that says why a metric is missing, or without one which are.
type whyData struct {
	api.Why
	Interval float64
}

// why answers out of the last poll, and where the request is a POST asks the device.
func (s *Site) why(w http.ResponseWriter, r *http.Request) error {
	t, err := s.source.Fleet.Target(r.PathValue("name"))
	if err != nil {
		return err
	}
	d := &whyData{Why: api.Why{Target: t.Name, Metric: r.FormValue("metric"), Row: r.FormValue("row")}, Interval: t.Interval}
	answer, err := s.source.Explainer.Why(r.Context(), t.Name, d.Metric, d.Row, r.Method == http.MethodPost)
	if err == nil {
		d.Why = answer
	}
	v := s.view(r, "t", "Why · "+t.Name, d)
	if err != nil {
		v.Failed, v.Hint = explained(err)
		return s.answer(w, r, api.HTTPStatus(err), "why", v)
	}
	return s.show(w, r, "why", v)
}
