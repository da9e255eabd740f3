package httpapi

import (
	"net/http"
	"reflect"
	"strings"

	"trapline/internal/api"
	"trapline/internal/journal"
)

// eventParams are the parameters of the paths about events.
var eventParams = "match[]: matchers as of silences, such as site=~\"a|b\", of the labels of the alarm, alertname, target, severity, resource, alarm, receiver, kind, event, notification or reason; more than one must all match\nq: words, and matchers\nalarm: ID\nrule: name\ntarget: name\nreceiver: name\nkind: " + inWords(journal.Kinds) + "\n" +
	"since: time as in RFC 3339, or how long ago, such as 24h or 7d\nuntil: the same\nlimit: at most 10000; without it 100\ncursor: of the page before\nafter: seq; only what came later\nfollow: 1 streams NDJSON, the oldest first, until the client goes"

// inWords is a list in words.
func inWords(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// deliveries are about alarms, rules and receivers.
var deliveries = []route{
	tabular("GET /api/v1/alarms", "Alarms, and what receivers know of them: the worst first, of equals the newest.",
		func(a *API, r *http.Request) ([]api.Alarm, error) { return a.Console.Alarms(alarmQuery(r)) }, alarmRows).
		with("match[]: matchers as of silences, such as severity=~\"major|critical\", of labels, alertname, target, severity, resource, receiver, muted, acknowledged or baseline; more than one must all match\nq: words, and matchers; baseline=true for those that are not sent because they were so in the first poll\nstate: raised (default), pending or cleared\ngroup: rule, target or a label\nlimit: without it all, of cleared ones 100\nformat: json, also if it is left out, or csv"),
	gives("GET /api/v1/alarms/{id}", "One alarm, and its life. One that has been cleared is what the journal has of it.",
		func(a *API, r *http.Request) (api.Alarm, error) { return a.Console.Alarm(r.PathValue("id")) }),
	takes("POST /api/v1/alarms/{id}/resend", "Notifies the receivers that know an active alarm once more, by its event.",
		func(a *API, r *http.Request, _ *nothing) (Done, error) {
			return Done{}, a.Console.Resend(r.PathValue("id"))
		}),
	takes("POST /api/v1/alarms/{id}/ack", "Acknowledges an active alarm: it is not repeated, and not sent to receivers with unless_acknowledged. It is cleared as any other.",
		func(a *API, r *http.Request, in *api.Ack) (Done, error) {
			if user, _, ok := r.BasicAuth(); ok && user != "" {
				in.By = user
			}
			return Done{}, a.Console.Acknowledge(r.PathValue("id"), *in)
		}),
	gives("DELETE /api/v1/alarms/{id}/ack", "Removes the acknowledgement of an alarm.",
		func(a *API, r *http.Request) (Done, error) {
			return Done{}, a.Console.Unacknowledge(r.PathValue("id"))
		}),
	takes("POST /api/v1/alarms/{id}/clear", "Clears an active alarm that waits for a return: one of a trap rule, or one whose row is gone and that trap_row_gone keeps. Others are refused with the reason.",
		func(a *API, r *http.Request, in *api.Clear) (Done, error) {
			if user, _, ok := r.BasicAuth(); ok && user != "" {
				in.By = user
			}
			return Done{}, a.Console.Clear(r.PathValue("id"), *in)
		}),
	{pattern: "GET /api/v1/events", text: "What happened to alarms, receivers and targets, the newest first.",
		params: eventParams, gives: reflect.TypeFor[[]api.Event](), serve: (*API).serveEvents},
	{pattern: "GET /api/v1/history", text: "The same page by page: the pages have each entry once, whatever is added meanwhile. A page ends early where the search takes more than 5 s; the next one goes on.",
		params: eventParams, gives: reflect.TypeFor[api.History](), serve: (*API).serveHistory},
	tabular("GET /api/v1/traps", "Traps and informs of devices since the start: counts, refusals, and the last ones of devices that are no target.", (*API).received, unknownRows).
		with("limit: counts and notifications, 1000 if left out\nformat: json, also if it is left out, or csv of those of devices that are no target"),
	gives("GET /api/v1/receivers", "The receivers, and their state.", func(a *API, _ *http.Request) ([]api.Receiver, error) { return a.Console.Receivers() }),
	gives("GET /api/v1/receivers/{name}", "One receiver, with the first 100 events that wait for it and the last 100 that were given up.",
		func(a *API, r *http.Request) (api.Receiver, error) { return a.Console.Receiver(r.PathValue("name")) }),
	takes("POST /api/v1/receivers/{name}/retry", "Sends a receiver at once what waits for it, and again what was given up.",
		func(a *API, r *http.Request, _ *nothing) (Done, error) {
			return Done{}, a.Console.Retry(r.PathValue("name"))
		}),
	takes("POST /api/v1/receivers/{name}/drop", "Forgets what waits for a receiver, and what was given up.",
		func(a *API, r *http.Request, _ *nothing) (Done, error) {
			return Done{}, a.Console.Drop(r.PathValue("name"))
		}),
	takes("POST /api/v1/receivers/{name}/test", "Sends a receiver a test, and says what became of it.",
		func(a *API, r *http.Request, _ *nothing) (api.TestResult, error) {
			return a.Console.TestReceiver(r.Context(), r.PathValue("name"))
		}),
}

// Done is the answer of an action that has nothing to say.
type Done struct{}
