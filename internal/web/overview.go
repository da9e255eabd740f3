package web

import (
	"net/http"

	"trapline/internal/api"
)

// overviewData is the first page, beside the status.
type overviewData struct {
	Events []event
	Empty  bool // no target is configured
}

// shownEvents is how many events the page shows, readEvents how many are read, with their deliveries.
const shownEvents, readEvents = 8, 60

func (s *Site) overview(w http.ResponseWriter, r *http.Request) error {
	data := &overviewData{}
	v := s.view(r, "o", "Overview", data)
	data.Empty = v.Status.Targets.Total == 0
	list, err := s.source.Console.Events(api.EventQuery{Limit: readEvents})
	if err != nil {
		return err
	}
	data.Events = happenings(list, shownEvents)
	return s.show(w, r, "overview", v)
}

// Class marks polls that take much of their interval.
func (overviewData) Class(t api.SlowPoll) string {
	switch {
	case t.Interval > 0 && t.Duration >= 0.9*t.Interval:
		return "bad"
	case t.Interval > 0 && t.Duration >= 0.5*t.Interval:
		return "warn"
	}
	return ""
}
