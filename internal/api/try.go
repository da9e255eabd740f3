package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"trapline/internal/poller"
	"trapline/internal/reason"
	"trapline/internal/rules"
)

// TryRequest is an expression to try.
type TryRequest struct {
	Expr    string `json:"expr"`
	For     string `json:"for"`     // how long it must be true, such as 5m; empty means that it fires at once
	Targets string `json:"targets"` // as TargetQuery.Text
}

// Try is what an expression would do.
type Try struct {
	Matches  []TryMatch `json:"matches"` // at most 100, the firing ones first
	Total    int        `json:"total"`
	Firing   int        `json:"firing"`
	Targets  int        `json:"targets"`            // that it was tried on
	Window   float64    `json:"window"`             // seconds that were looked back over; 0 if no samples are kept
	Began    int        `json:"began"`              // how often it became true for a series in Window
	Ended    int        `json:"ended"`              // and how often it ceased to be
	Text     string     `json:"text"`               // a sentence
	Warnings []string   `json:"warnings,omitempty"` // what it may lack
}

// TryMatch is a series for which an expression is true.
type TryMatch struct {
	Target  string            `json:"target"`
	Labels  map[string]string `json:"labels"`
	Value   float64           `json:"value"`
	Special string            `json:"special,omitempty"` // NaN, +Inf or -Inf, for which Value is 0
	Since   time.Time         `json:"since,omitzero"`    // when it became true, or the beginning of the window
	Fires   bool              `json:"fires"`             // it has been true for long enough
	Changes int               `json:"changes"`           // how often it began in the samples that are kept
}

// maxMatches is how many matches are listed.
const maxMatches = 100

// Try evaluates an expression as a rule would be, on the last polls of targets and on the samples that rules look
// back at. Nothing is raised. What it may cost is bounded as for queries.
func (a *API) Try(ctx context.Context, q TryRequest) (Try, error) {
	hold, err := holdTime(q.For)
	if err != nil {
		return Try{}, err
	}
	if strings.TrimSpace(q.Expr) == "" {
		return Try{}, &Hinted{of(ErrBadRequest, "there is no expression"), "Write one such as ifOperStatus == 2"}
	}
	reports, err := a.reportsOf(q.Targets)
	if err != nil {
		return Try{}, err
	}
	found, err := a.options.Rules.Try(ctx, &rules.Trial{Expr: q.Expr, Reports: reports})
	if wrong := (*rules.ExprError)(nil); errors.As(err, &wrong) {
		if strings.HasSuffix(wrong.Error(), `unexpected "="`) {
			return Try{}, &Hinted{of(ErrBadRequest, "%w", err), "Write == to compare values"}
		}
		return Try{}, of(ErrBadRequest, "%w", err)
	}
	if err != nil {
		return Try{}, err
	}
	t := Try{Matches: []TryMatch{}, Total: len(found.Matches), Targets: len(reports), Window: found.Window.Seconds(), Began: found.Began, Ended: found.Ended, Warnings: lacks(found)}
	now := time.Now()
	for _, m := range found.Matches {
		one := TryMatch{Target: m.Target, Labels: m.Labels, Since: m.Since, Changes: m.Began}
		if one.Value = m.Value; math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			one.Value, one.Special = 0, fmt.Sprint(m.Value)
		}
		one.Fires = hold == 0 || !m.Since.IsZero() && now.Sub(m.Since) >= hold
		if one.Fires {
			t.Firing++
		}
		t.Matches = append(t.Matches, one)
	}
	t.Text = t.sentence(found, hold)
	slices.SortStableFunc(t.Matches, func(a, b TryMatch) int {
		switch {
		case a.Fires == b.Fires:
			return 0
		case a.Fires:
			return -1
		}
		return 1
	})
	t.Matches = t.Matches[:min(len(t.Matches), maxMatches)]
	return t, nil
}

func holdTime(text string) (time.Duration, error) {
	if text == "" || text == "0" {
		return 0, nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, &Hinted{of(ErrBadRequest, "for: %q is no duration", text), "Write a number with its unit, such as 30s, 5m or 1h"}
	}
	return time.Duration(d), nil
}

// reportsOf are those of the targets that a query selects.
func (a *API) reportsOf(query string) ([]poller.Report, error) {
	reports := a.options.Polls.Reports()
	if strings.TrimSpace(query) == "" {
		return reports, nil
	}
	list, err := a.Targets(TargetQuery{Text: query, Limit: len(reports)})
	if err != nil {
		return nil, err
	}
	selected := map[string]bool{}
	for i := range list.Targets {
		selected[list.Targets[i].Name] = true
	}
	if len(selected) == 0 {
		return nil, &Hinted{of(ErrNotFound, "no target matches %q", query), "Leave targets empty for all"}
	}
	return slices.DeleteFunc(reports, func(r poller.Report) bool { return !selected[r.Target.Name] }), nil
}

// sentence says what the expression would do.
func (t *Try) sentence(found *rules.Tried, hold time.Duration) string {
	targets := map[string]bool{}
	for i := range t.Matches {
		targets[t.Matches[i].Target] = true
	}
	var text string
	switch {
	case t.Total == 0:
		text = "It is true for nothing now."
	case hold > 0 && found.Window == 0:
		text = fmt.Sprintf("It is true now for %s of %s. How long it has been is not known.", count(t.Total, "series", "series"), count(len(targets), "target", "targets"))
	default:
		text = fmt.Sprintf("It is true now for %s of %s: if it were a rule, %s would be raised.", count(t.Total, "series", "series"), count(len(targets), "target", "targets"), count(t.Firing, "alarm", "alarms"))
	}
	if found.Window > 0 {
		text += fmt.Sprintf(" In the last %s it became true %s and became false %s.", model.Duration(found.Window), times(t.Began), times(t.Ended))
	}
	return text
}

// lacks says what an expression has no samples of.
func lacks(found *rules.Tried) (list []string) {
	for _, name := range found.Unknown {
		list = append(list, fmt.Sprintf("No poll of these targets has %s: trapline why TARGET %[1]s says why.", name))
	}
	if len(found.Unkept) > 0 {
		list = append(list, fmt.Sprintf("Of %s only the last poll is known, because no rule looks at it: rates and times cannot be tried.", strings.Join(found.Unkept, ", ")))
	}
	return list
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return reason.Grouped(n) + " " + many
}

func times(n int) string { return count(n, "time", "times") }
