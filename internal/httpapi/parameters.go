package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
)

func alarmQuery(r *http.Request) api.AlarmQuery {
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	return api.AlarmQuery{Text: r.FormValue("q"), Match: matchers(r), State: r.FormValue("state"), Group: r.FormValue("group"), Limit: limit}
}

// matchers are those of a query, under the name that Prometheus' API has for them.
func matchers(r *http.Request) []string { return r.Form["match[]"] }

// eventQuery reads a query. Times are as RFC 3339 has them, or how long ago, such as 24h or 7d.
func eventQuery(r *http.Request) (q api.EventQuery, err error) {
	q = api.EventQuery{
		Text: r.FormValue("q"), Alarm: r.FormValue("alarm"), Target: r.FormValue("target"), Receiver: r.FormValue("receiver"),
		Rule: r.FormValue("rule"), Cursor: r.FormValue("cursor"), Kind: r.FormValue("kind"), Match: matchers(r),
	}
	for name, to := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if *to, err = moment(r.FormValue(name), time.Now()); err != nil {
			return q, api.WithHint(api.Errorf(api.ErrBadRequest, "%s: %w", name, err), "write 24h, 7d or 2026-11-26T14:00:00Z")
		}
	}
	if text := r.FormValue("after"); text != "" {
		if q.After, err = strconv.ParseUint(text, 10, 64); err != nil {
			return q, api.Errorf(api.ErrBadRequest, "after: %q is not the seq of an event", text)
		}
	}
	q.Limit, _ = strconv.Atoi(r.FormValue("limit"))
	return q, nil
}

// moment reads a time, or how long ago it was. Empty text is the zero time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time", text)
}

// maxLimit is the most targets in one answer.
const maxLimit = 100_000

func targetQuery(r *http.Request) (api.TargetQuery, error) {
	q := api.TargetQuery{Text: r.FormValue("q"), Sort: r.FormValue("sort")}
	var err error
	if q.Limit, err = number(r, "limit"); err != nil {
		return q, err
	}
	q.Offset, err = number(r, "offset")
	return q, err
}

// number reads a parameter that is a number, 0 if it is left out.
func number(r *http.Request, name string) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, api.WithHint(api.Errorf(api.ErrBadRequest, "%s=%q is not a number", name, text), fmt.Sprintf("write a number from 0 to %d", maxLimit))
	}
	return min(n, maxLimit), nil
}

func tableQuery(r *http.Request) (q api.TableQuery, err error) {
	q = api.TableQuery{Target: r.PathValue("name"), Table: r.PathValue("table"), Rates: r.FormValue("rates") == "1", History: r.FormValue("history") == "1"}
	if q.Limit, err = number(r, "limit"); err == nil {
		q.Offset, err = number(r, "offset")
	}
	return q, err
}

func objectQuery(r *http.Request) (api.ObjectQuery, error) {
	limit, err := number(r, "limit")
	return api.ObjectQuery{Text: r.FormValue("q"), Limit: limit}, err
}

func moduleQuery(r *http.Request) (q api.ModuleQuery, err error) {
	q.Text = r.FormValue("q")
	if q.Limit, err = number(r, "limit"); err == nil {
		q.Offset, err = number(r, "offset")
	}
	return q, err
}
