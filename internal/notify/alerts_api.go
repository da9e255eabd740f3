package notify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/senderclock"
	"trapline/internal/statedir"
)

// AlertsAPI serves the HTTP API that receives alerts from Prometheus and Alertmanager and shows their deliveries. It
// responds with 200 once the alerts are on the disk. An alert that is sent again raises no second alarm. The caller
// bounds the octets of a request.
type AlertsAPI struct {
	Outbox     *outbox.Outbox
	Apply      func([]outbox.Transition, time.Time) error // commits alarms; nil means that Outbox does
	Deployment string
	Logger     *slog.Logger
	StateDir   string // where clocks of senders are kept; "" for nowhere

	clocks senderclock.Clocks
}

// AlertsAPIPatterns and OutboxPatterns are those of http.ServeMux that an inlet serves: by which alerts are posted, and of events that
// wait.
var (
	AlertsAPIPatterns = []string{"POST /api/v2/alerts", "POST /api/v1/webhook"}
	OutboxPatterns    = []string{"GET /api/v1/outbox", "POST /api/v1/outbox/{receiver}/retry", "POST /api/v1/outbox/{receiver}/drop"}
)

// Register adds the inlet's paths, which are AlertsAPIPatterns and OutboxPatterns.
func (i *AlertsAPI) Register(mux *http.ServeMux) {
	if i.StateDir != "" {
		file := filepath.Join(i.StateDir, senderclock.File)
		if err := i.clocks.Keep(senderclock.Store{File: file, Write: statedir.ReplaceFile}, time.Now()); err != nil {
			i.Logger.Warn("the clocks of senders cannot be read: they are taken for the wall clock", "of", file, "err", err)
		}
	}
	i.clocks.Begin(time.Now())
	mux.HandleFunc("POST /api/v2/alerts", func(w http.ResponseWriter, r *http.Request) { i.take(w, r, (*batch).alerts) })
	mux.HandleFunc("POST /api/v1/webhook", func(w http.ResponseWriter, r *http.Request) { i.take(w, r, (*batch).webhook) })
	mux.HandleFunc("GET /api/v1/outbox", i.outbox)
	mux.HandleFunc("POST /api/v1/outbox/{receiver}/retry", manage(i.Outbox.Retry))
	mux.HandleFunc("POST /api/v1/outbox/{receiver}/drop", manage(i.Outbox.DropQueue))
}

// take reads transitions from a request and commits them. A request that cannot be parsed is answered with a 4xx
// status, since sending it again would not help; one that cannot be stored is answered with 503. As in Alertmanager,
// where some alerts are refused the others are accepted, and the status is 400.
func (i *AlertsAPI) take(w http.ResponseWriter, r *http.Request, read func(*batch, *json.Decoder) error) {
	b := &batch{api: i, now: time.Now()}
	if b.peer, _, _ = net.SplitHostPort(r.RemoteAddr); b.peer == "" {
		b.peer = r.RemoteAddr
	}
	if err := read(b, json.NewDecoder(r.Body)); err != nil {
		code := http.StatusBadRequest
		if errors.Is(err, errTooManyAlerts) {
			code = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), code)
		return
	}
	if b.group != "" {
		b.transitions = append(b.transitions, b.whole())
	}
	apply := i.Apply
	if apply == nil {
		apply = i.Outbox.Apply
	}
	err := apply(b.transitions, b.now)
	if full := (*outbox.FullError)(nil); errors.As(err, &full) && !full.Busy { // alarms that are too large will be the next time
		b.refused += len(full.Refused)
		b.why, err = cmp.Or(b.why, err), nil
	}
	if err != nil {
		i.Logger.Error("cannot store alerts", "err", err)
		if errors.Is(err, outbox.ErrTooManyAlarms) {
			w.Header().Set("Retry-After", "60")
		}
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	i.noteTruncated(b.truncated)
	if b.refused > 0 {
		i.Outbox.Metrics.AlertsRefused.Add(float64(b.refused))
		i.Logger.Warn("alerts were refused", "count", b.refused, "of", b.read, "err", b.why)
		http.Error(w, fmt.Sprintf("%d of %d alerts were refused, the others were taken: %v", b.refused, b.read, b.why), http.StatusBadRequest)
	}
}

// noteTruncated reports alerts that are missing here because Alertmanager was configured to leave them out.
func (i *AlertsAPI) noteTruncated(n int) {
	if n <= 0 {
		return
	}
	i.Outbox.Metrics.AlertsTruncated.Add(float64(n))
	i.Logger.Warn("alerts are missing from the webhook of Alertmanager: set max_alerts of its receiver to 0", "truncated_alerts", n)
}

// truncatedAlarm is the rule of the alarm about a group of alerts of which Alertmanager leaves some out.
const truncatedAlarm = "TraplineTruncated"

// truncatedLease is how long it lasts after the last message of its group: longer than a repeat_interval, which is 4 h
// unless set.
const truncatedLease = 25 * time.Hour

// whole is the transition of the alarm that the message of a group is truncated. It lasts until a message of the group
// is whole, or until none has come for long.
func (b *batch) whole() outbox.Transition {
	group := oneLine(b.group, maxSummary)
	labels := map[string]string{"alertname": truncatedAlarm, "group": group, alarm.SeverityLabel: alarm.Warning.String()}
	id := alarm.ID(b.api.Deployment, truncatedAlarm, "", map[string]string{"group": b.group})
	return outbox.Transition{Active: b.truncated > 0, Lease: b.now.Add(truncatedLease), Alarm: alarm.Alarm{
		ID: id, Rule: truncatedAlarm, Severity: alarm.Warning, Labels: labels, Resource: oneLine("group="+group, maxResource), Value: strconv.Itoa(max(0, b.truncated)),
		Summary:      fmt.Sprintf("Alertmanager leaves out %d alerts of the group %s: set max_alerts of its receiver to 0", b.truncated, group),
		ClearSummary: "Alertmanager sends all alerts of the group " + group,
	}}
}

// writeList writes the elements of a JSON array one by one, so that it is never in memory as a whole.
func writeList[T any](w http.ResponseWriter, before string, list []T) {
	for i := range list {
		element, err := json.Marshal(&list[i])
		if err != nil {
			return // of types that can always be written, and to a client that is gone
		}
		if _, err := fmt.Fprintf(w, "%s%s", before, element); err != nil {
			return
		}
		before = ","
	}
	if len(list) == 0 {
		fmt.Fprint(w, before)
	}
}

// outbox responds with the deliveries that wait, of all receivers.
func (i *AlertsAPI) outbox(w http.ResponseWriter, _ *http.Request) {
	list, err := i.Outbox.Waiting()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	writeList(w, "[", list)
	fmt.Fprintln(w, "]")
}

// manage returns a handler that calls do with the receiver of the path.
func manage(do func(receiver string, now time.Time) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch err := do(r.PathValue("receiver"), time.Now()); {
		case errors.Is(err, outbox.ErrNoReceiver):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}
}
