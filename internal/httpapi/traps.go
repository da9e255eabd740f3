package httpapi

import (
	"cmp"
	"net/http"
	"strconv"

	"trapline/internal/api"
)

// shownTraps is how many counts and notifications an answer has unless a limit is given.
const shownTraps = 1000

// received answers with the notifications of devices.
func (a *API) received(r *http.Request) (api.Received, error) {
	limit, err := number(r, "limit")
	if err != nil || a.options.Received == nil {
		return api.Received{}, err
	}
	return a.options.Received(cmp.Or(limit, shownTraps)), nil
}

// unknownRows are the notifications of devices that are no target as CSV.
func unknownRows(received *api.Received) [][]string {
	rows := [][]string{{"at", "device", "sender", "version", "user", "context", "engine_id", "inform", "trap", "oid", "text"}}
	for _, t := range received.Unknown {
		rows = append(rows, []string{timeText(t.At), t.Device, t.Sender, t.Version, t.User, t.Context, t.EngineID, strconv.FormatBool(t.Inform), t.Trap, t.OID, t.Text})
	}
	return rows
}
