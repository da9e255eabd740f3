package web

import (
	"strings"

	"trapline/internal/api"
)

// event is an entry of the journal as a page shows it.
type event struct{ api.Event }

func events(list []api.Event) []event {
	shown := make([]event, len(list))
	for i, e := range list {
		shown[i] = event{e}
	}
	return shown
}

// Label is the severity of what was raised, and the kind of anything else.
func (e event) Label() string {
	if e.Kind == "raised" && e.Severity != "" {
		return e.Severity
	}
	return strings.ReplaceAll(e.Kind, "_", " ")
}

// Seconds is how long an acknowledgement took.
func (e event) Seconds() float64 { return e.Millis / 1000 }
