package web

import (
	"strings"

	"trapline/internal/api"
)

// event is an entry of the journal as a page shows it.
type event struct {
	api.Event
	Deliveries []string // of its notifications
}

func events(list []api.Event) []event {
	shown := make([]event, len(list))
	for i, e := range list {
		shown[i] = event{Event: e}
	}
	return shown
}

// happenings are at most n entries, the newest first, each with the deliveries that follow it.
func happenings(list []api.Event, n int) []event {
	var shown []event
	deliveries := map[string][]string{} // by alarm, until its event comes
	for _, e := range list {
		switch e.Kind {
		case "sent", "acknowledged", "given_up":
			text := e.Receiver + " " + strings.ReplaceAll(e.Kind, "_", " ")
			if e.Kind == "acknowledged" && e.Millis > 0 {
				text += " in " + duration(e.Millis/1000)
			}
			deliveries[e.Alarm] = append(deliveries[e.Alarm], text)
			continue
		}
		if len(shown) == n {
			break
		}
		shown = append(shown, event{e, deliveries[e.Alarm]})
		delete(deliveries, e.Alarm)
	}
	return shown
}

// Label is the severity of a raised alarm, and the kind of any other event.
func (e event) Label() string {
	if e.Kind == "raised" && e.Severity != "" {
		return e.Severity
	}
	return strings.ReplaceAll(e.Kind, "_", " ")
}

// Seconds is how long an acknowledgement took.
func (e event) Seconds() float64 { return e.Millis / 1000 }
