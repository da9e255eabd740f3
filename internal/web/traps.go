package web

import (
	"net/http"

	"trapline/internal/api"
)

// trapsData are received and refused traps.
type trapsData struct {
	api.Received
	Events []event // the latest ones in the journal
}

// maxTraps is how many counts a page shows, and how many traps.
const maxTraps = 100

// received returns the traps that were received.
func (s *Site) received(limit int) api.Received {
	if s.source.Traps == nil {
		return api.Received{}
	}
	return s.source.Traps.Received(limit)
}

func (s *Site) traps(w http.ResponseWriter, r *http.Request) error {
	list, err := s.source.Console.Events(api.EventQuery{Kind: "trap", Limit: maxTraps})
	if err != nil {
		return err
	}
	return s.show(w, r, "traps", s.view(r, "a", "Received traps", &trapsData{s.received(maxTraps), events(list)}))
}
