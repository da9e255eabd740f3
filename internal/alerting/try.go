package alerting

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/internal/rules/fleet"
)

// maxMatches is how many matches are listed.
const maxMatches = 100

// Tried is the part of a member of a cluster in the trial of an expression.
type Tried = fleet.Tried

// Tried returns the part of this process in a trial of another member: see Try.
func (c *Console) Tried(q api.TryRequest, selected func(query string) ([]poller.Report, error)) (*Tried, error) {
	reports, err := selected(q.Targets)
	if err != nil && !errors.Is(err, api.ErrNotFound) {
		return nil, err
	}
	part, err := c.rules.Tried(&rules.Trial{Expr: q.Expr, Polls: reports})
	if err != nil {
		err = api.Errorf(api.ErrBadRequest, "%w", err)
	}
	return part, err
}

// Try evaluates an expression as a rule would be, on the last polls of targets and on the samples that rules look
// back at; selected returns the reports of the targets that q selects, and others, which is nil without a cluster, the parts of its
// other members. Nothing is raised. Its cost is bounded as for queries.
func (c *Console) Try(ctx context.Context, q api.TryRequest, selected func(query string) ([]poller.Report, error), others func() ([]*Tried, error)) (api.Try, error) {
	hold, err := holdTime(q.For)
	if err != nil {
		return api.Try{}, err
	}
	if strings.TrimSpace(q.Expr) == "" {
		return api.Try{}, api.WithHint(api.Errorf(api.ErrBadRequest, "there is no expression"), "Write one such as ifOperStatus == 2")
	}
	reports, none := selected(q.Targets)
	if none != nil && (others == nil || !errors.Is(none, api.ErrNotFound)) {
		return api.Try{}, none
	}
	found, err := c.rules.Try(ctx, &rules.Trial{Expr: q.Expr, Polls: reports, Others: others})
	if exprError := (*rules.ExprError)(nil); errors.As(err, &exprError) {
		if strings.HasSuffix(exprError.Error(), `unexpected "="`) {
			return api.Try{}, api.WithHint(api.Errorf(api.ErrBadRequest, "%w", err), "Write == to compare values")
		}
		return api.Try{}, api.Errorf(api.ErrBadRequest, "%w", err)
	}
	if err == nil && found.Targets == 0 {
		err = none
	}
	if err != nil {
		return api.Try{}, err
	}
	t := api.Try{Matches: []api.TryMatch{}, Total: len(found.Matches), Targets: found.Targets, Window: found.Window.Seconds(), Began: found.Began, Ended: found.Ended, Warnings: lacks(found)}
	now := time.Now()
	for _, m := range found.Matches {
		one := api.TryMatch{Target: m.Target, Labels: m.Labels, Since: m.Since, Changes: m.Began}
		if one.Value = m.Value; math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			one.Value, one.Special = 0, fmt.Sprint(m.Value)
		}
		one.Fires = hold == 0 || !m.Since.IsZero() && now.Sub(m.Since) >= hold
		if one.Fires {
			t.Firing++
		}
		t.Matches = append(t.Matches, one)
	}
	t.Text = sentence(&t, found, hold)
	slices.SortStableFunc(t.Matches, func(a, b api.TryMatch) int {
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
		return 0, api.WithHint(api.Errorf(api.ErrBadRequest, "for: %q is no duration", text), "Write a number with its unit, such as 30s, 5m or 1h")
	}
	return time.Duration(d), nil
}

// sentence describes the result of the expression.
func sentence(t *api.Try, found *rules.TrialResult, hold time.Duration) string {
	targets := map[string]bool{}
	for i := range t.Matches {
		targets[t.Matches[i].Target] = true
	}
	var text string
	switch {
	case t.Total == 0:
		text = "It is true for nothing now."
	case hold > 0 && found.Window == 0:
		text = fmt.Sprintf("It is true now for %s of %s. How long it has been is not known.", human.Count(t.Total, "series", "series"), human.Count(len(targets), "target", "targets"))
	default:
		text = fmt.Sprintf("It is true now for %s of %s: if it were a rule, %s would be raised.", human.Count(t.Total, "series", "series"), human.Count(len(targets), "target", "targets"), human.Count(t.Firing, "alarm", "alarms"))
	}
	if found.Window > 0 {
		text += fmt.Sprintf(" In the last %s it became true %s and became false %s.", model.Duration(found.Window), times(t.Began), times(t.Ended))
	}
	return text
}

// lacks returns a warning for each metric of an expression that has no samples.
func lacks(found *rules.TrialResult) (list []string) {
	for _, name := range found.Unknown {
		list = append(list, fmt.Sprintf("No poll of these targets has %s: trapline why TARGET %[1]s says why.", name))
	}
	if len(found.Unkept) > 0 {
		list = append(list, fmt.Sprintf("Of %s only the last poll is known, because no rule looks at it: rates and times cannot be tried.", strings.Join(found.Unkept, ", ")))
	}
	return list
}

func times(n int) string { return human.Count(n, "time", "times") }
