package httpapi

import (
	"cmp"
	"net/http"
	"strconv"

	"trapline/internal/api"
)

// shownTraps is how many counts and notifications an answer has unless a limit is given.
const shownTraps = 1000

// Received returns the notifications of devices, at most so many of each list.
func (a *API) Received(limit int) (list api.Received) {
	if a.options.Received == nil {
		return list
	}
	if a.union == nil {
		return a.options.Received(limit)
	}
	return a.union.Received(a.options.Received, limit)
}

// received answers with the notifications of devices.
func (a *API) received(r *http.Request) (api.Received, error) {
	limit, err := number(r, "limit")
	var list api.Received
	if err == nil {
		list = a.Received(cmp.Or(limit, shownTraps))
	}
	list.Listens, list.Counts, list.Refused = emptyIfNil(list.Listens), emptyIfNil(list.Counts), emptyIfNil(list.Refused)
	list.Refusers, list.Unknown = emptyIfNil(list.Refusers), emptyIfNil(list.Unknown)
	return list, err
}

func emptyIfNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// unknownRows are the notifications of devices that are no target as CSV.
func unknownRows(received *api.Received) [][]string {
	rows := [][]string{{"at", "device", "sender", "version", "user", "context", "engine_id", "inform", "trap", "oid", "text"}}
	for _, t := range received.Unknown {
		rows = append(rows, []string{timeText(t.At), t.Device, t.Sender, t.Version, t.User, t.Context, t.EngineID, strconv.FormatBool(t.Inform), t.Trap, t.OID, t.Text})
	}
	return rows
}
