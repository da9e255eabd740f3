package web

import (
	"net/http"

	"trapline/internal/api"
)

// overviewData is what the first page shows beside the status.
type overviewData struct {
	Events  []event
	Slowest []api.TargetSummary
	Empty   bool // no target is configured
}

const (
	shownEvents  = 8
	shownSlowest = 5
)

func (s *Site) overview(w http.ResponseWriter, r *http.Request) error {
	data := &overviewData{}
	v := s.view(r, "o", "Overview", data)
	data.Empty = v.Status.Targets.Total == 0
	slowest, err := s.source.Targets(api.TargetQuery{Sort: "-duration", Limit: shownSlowest})
	if err != nil {
		return err
	}
	for _, t := range slowest.Targets {
		if t.Duration > 0 && len(data.Slowest) < shownSlowest {
			data.Slowest = append(data.Slowest, t)
		}
	}
	if journal, ok := s.source.(alarms); ok {
		list, err := journal.Events(api.EventQuery{Limit: shownEvents})
		if err != nil {
			return err
		}
		data.Events = events(list)
	}
	return s.show(w, r, "overview", v)
}

// Why says in a few words what makes polls of a target slow.
func (overviewData) Why(t api.TargetSummary) string {
	switch {
	case t.Problem != nil:
		return t.Problem.Text
	case t.Loss >= 0.01:
		return percent(t.Loss) + " retransmitted"
	case t.RTT >= 0.2:
		return duration(t.RTT) + " for each answer, " + plural(int(t.Window+0.5), "request") + " at once"
	case t.Series >= 10000:
		return count(t.Series) + " series"
	}
	return ""
}

// Class marks polls that take much of their interval.
func (overviewData) Class(t api.TargetSummary) string {
	switch {
	case t.Interval > 0 && t.Duration >= 0.9*t.Interval:
		return "bad"
	case t.Interval > 0 && t.Duration >= 0.5*t.Interval:
		return "warn"
	}
	return ""
}
