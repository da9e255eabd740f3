package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
)

// views are the routes of targets and their tables.
var views = []route{
	gives("GET /api/v1/status", "The state of the process, from device to receiver.", func(a *API, _ *http.Request) (api.Status, error) {
		return a.Status(), nil
	}),
	viewed("GET /api/v1/targets", "Targets that match a query, the worst first.", func(a *API, r *http.Request) (api.TargetList, error) {
		q, err := targetQuery(r)
		if err != nil {
			return api.TargetList{}, err
		}
		return a.Fleet.Targets(q)
	}, targetRows).with(`q: words in name, address, sysName and labels; matchers as of silences, key=value, key!=value, key=~expression and key!~expression, of labels, name, address, state, up, profile, vendor, module, reason and auth
sort: name, state, duration, loss, age, series, rtt or alarms, with - in front for the greatest first
limit: targets in the answer, 100 if left out
offset: targets that are left out in front
format: json, also if it is left out, or csv`),
	viewed("GET /api/v1/targets/{name}", "One target.", func(a *API, r *http.Request) (api.Target, error) {
		return a.Fleet.Target(r.PathValue("name"))
	}, nil),
	viewed("GET /api/v1/targets/{name}/tables/{table}", "A table of a target as its last answered poll had it.", func(a *API, r *http.Request) (api.Table, error) {
		q, err := tableQuery(r)
		if err != nil {
			return api.Table{}, err
		}
		return a.Fleet.TableOf(q)
	}, tableRows).with(`rates: 1 adds rates between the last two polls
history: 1 adds histories; -1 is a gap
limit: rows in the answer, 1000 if left out
offset: rows that are left out in front
format: json, also if it is left out, or csv`),
}

// targetRows are targets as CSV.
func targetRows(list *api.TargetList) [][]string {
	rows := [][]string{{"name", "address", "labels", "kind", "sys_name", "state", "since", "last_poll", "duration", "interval", "rtt", "loss", "window", "series", "alarms", "baseline", "reason", "problem"}}
	for i := range list.Targets {
		t := &list.Targets[i]
		row := []string{t.Name, t.Address, labelText(t.Labels), t.Kind, t.SysName, string(t.State), timeText(t.Since), timeText(t.LastPoll)}
		for _, v := range []float64{t.Duration, t.Interval, t.RTT, t.Loss, t.Window, float64(t.Series), float64(t.Alarms), float64(t.Baseline)} {
			row = append(row, strconv.FormatFloat(v, 'f', -1, 64))
		}
		if t.Problem == nil {
			row = append(row, "", "")
		} else {
			row = append(row, t.Problem.Reason, t.Problem.Text)
		}
		rows = append(rows, row)
	}
	return rows
}

// alarmRows are alarms as CSV.
func alarmRows(list *[]api.Alarm) [][]string {
	rows := [][]string{{"id", "state", "severity", "rule", "target", "resource", "text", "value", "since", "cleared", "baseline", "labels", "notified",
		"number", "description", "group", "changed", "mutes", "behind", "acked_by", "acked_at", "acked_until", "ack_comment", "acked_sticky"}}
	for i := range *list {
		a := &(*list)[i]
		var notified []string
		for _, n := range a.Notified {
			notified = append(notified, n.Receiver+" "+n.Text)
		}
		rows = append(rows, []string{
			a.ID, a.State, a.Severity, a.Rule, a.Target, a.Resource, a.Text, a.Value, timeText(a.Since), timeText(a.Cleared),
			strconv.FormatBool(a.Baseline), labelText(a.Labels), strings.Join(notified, "; "),
			numberText(a.Number), a.Description, a.Group, timeText(a.Changed), strings.Join(a.Mutes, "; "), strings.Join(a.Behind, "; "),
			a.AckedBy, timeText(a.AckedAt), timeText(a.AckedUntil), a.AckComment, strconv.FormatBool(a.AckedSticky),
		})
	}
	return rows
}

func numberText(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func labelText(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+labels[name])
	}
	return strings.Join(parts, " ")
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// tableRows are the rows of a table as CSV: numbers where there are numbers, else texts.
func tableRows(t *api.Table) [][]string {
	titles := []string{}
	for _, c := range t.Columns {
		titles = append(titles, c.Name)
	}
	rows := [][]string{titles}
	for _, r := range t.Rows {
		row := slices.Clone(r.Cells)
		for i, v := range r.Values {
			if v != nil {
				row[i] = strconv.FormatFloat(*v, 'f', -1, 64)
			}
		}
		rows = append(rows, row)
	}
	return rows
}
