package rules

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"

	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/rules/expression"
	"trapline/internal/setting"
	"trapline/mibs"
)

// Threshold is an entry of `thresholds`: an alerting rule for those who do not want to write PromQL. It
// becomes a rule like all others.
type Threshold struct {
	Name          string            `yaml:"name"`                      // of the rule
	Metric        string            `yaml:"metric"`                    // name of a metric, or MODULE::object
	Rate          setting.Duration  `yaml:"rate,omitempty"`            // compares the increase per second over this time
	Above         *float64          `yaml:"above,omitempty"`           // raised while the value is above
	Below         *float64          `yaml:"below,omitempty"`           // raised while the value is below
	Clear         *float64          `yaml:"clear,omitempty"`           // cleared once the value has come back this far
	LimitLabel    string            `yaml:"limit_label,omitempty"`     // label of targets whose number takes the place of above or below
	For           setting.Duration  `yaml:"for,omitempty"`             // raised once it is true for so long
	KeepFiringFor setting.Duration  `yaml:"keep_firing_for,omitempty"` // cleared once it is over for so long
	Severity      string            `yaml:"severity,omitempty"`        // critical, major, minor or warning
	Labels        map[string]string `yaml:"labels,omitempty"`          // further labels of the alarm
	Summary       string            `yaml:"summary,omitempty"`         // text in one line, a template as in rules
	Description   string            `yaml:"description,omitempty"`     // text in more lines
	Notification  string            `yaml:"notification,omitempty"`    // NOTIFICATION-TYPE for the format template
	Receivers     []string          `yaml:"receivers,omitempty"`       // names of receivers; default all
	Tags          []string          `yaml:"tags,omitempty"`            // tags of receivers; default all
}

// limitName is the series of a target for each of its labels that is a number.
const limitName, limitLabel = "trapline_target_limit", "limit"

// ThresholdGroup returns the rules of the thresholds of a file, without those that have problems. line(i) is the line
// of the i-th.
func ThresholdGroup(file string, list []Threshold, line func(i int) int) *Group {
	g := &Group{File: file, Name: "thresholds"}
	for i := range list {
		if len(list[i].Problems()) > 0 {
			continue
		}
		if r := newRule(g, list[i].rule(), nil); r != nil {
			r.Line = line(i)
			g.Line = cmp.Or(g.Line, r.Line)
			g.Rules = append(g.Rules, r)
		}
	}
	return g
}

var placeless = regexp.MustCompile(`^(\d+:\d+: )+`)

// Problems reports missing and invalid fields.
func (t *Threshold) Problems() []setting.Problem {
	var found setting.Problems
	if t.Name == "" {
		found.Add("name", "a threshold needs a name")
	}
	if t.Metric == "" {
		found.Add("metric", "threshold %q needs a metric", t.Name)
	}
	switch {
	case (t.Above == nil) == (t.Below == nil):
		found.Add("", "threshold %q: set one of above and below", t.Name)
	case t.Clear != nil && t.margin() < 0:
		side := "least"
		if t.Above != nil {
			side = "most"
		}
		found.Add("clear", "threshold %q would clear and raise at the same value: write a clear of at %s %s", t.Name, side, number(*cmp.Or(t.Above, t.Below)))
	}
	if t.LimitLabel == poller.TargetLabel {
		found.Add("limit_label", "the label %s is the target's name", t.LimitLabel)
	}
	if len(found) > 0 {
		return found
	}
	for _, problem := range t.rule().Validate(rulefmt.RuleNode{}, nameValidation, expression.Parser) {
		found.Add("", "threshold %q: %s", t.Name, placeless.ReplaceAllString(problem.Error(), ""))
	}
	return found
}

// margin returns the distance between the limit and the value that clears.
func (t *Threshold) margin() float64 {
	switch {
	case t.Clear == nil:
		return 0
	case t.Above != nil:
		return *t.Above - *t.Clear
	}
	return *t.Clear - *t.Below
}

func (t *Threshold) rule() *rulefmt.Rule {
	r := &rulefmt.Rule{
		Alert: t.Name, Expr: t.expression(), For: model.Duration(t.For.Duration), KeepFiringFor: model.Duration(t.KeepFiringFor.Duration),
		Labels: maps.Clone(t.Labels), Annotations: map[string]string{notify.AnnotationValue: "{{ $value }}"},
	}
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	if t.Severity != "" {
		r.Labels["severity"] = t.Severity
	}
	annotations := map[string]string{
		"summary": cmp.Or(t.Summary, fmt.Sprintf("%s of {{ $labels.target }} is {{ $value }}", t.metric())), "description": t.Description,
		notify.AnnotationNotification: t.Notification, notify.AnnotationReceivers: strings.Join(t.Receivers, ","), notify.AnnotationTags: strings.Join(t.Tags, ","),
	}
	for name, text := range annotations {
		if text != "" {
			r.Annotations[name] = text
		}
	}
	return r
}

func (t *Threshold) metric() string {
	_, name := mibs.CutModule(t.Metric)
	return name
}

// expression returns an expression that is true beyond the limit, and after that until the value has come back.
func (t *Threshold) expression() string {
	raised := t.comparison(0)
	if t.margin() == 0 {
		return raised
	}
	ignored := []string{labels.AlertName, alertState, "severity"}
	for name := range t.Labels {
		if !slices.Contains(ignored, name) {
			ignored = append(ignored, name)
		}
	}
	slices.Sort(ignored)
	return fmt.Sprintf("%s or (%s) and ignoring (%s) %s{%s=%s,%s=%q}", raised, t.comparison(t.margin()), strings.Join(ignored, ", "),
		alertsName, labels.AlertName, strconv.Quote(t.Name), alertState, "firing")
}

// comparison returns the comparison with the limit, which is moved by the margin towards the normal values.
func (t *Threshold) comparison(margin float64) string {
	value := t.metric()
	if !model.LegacyValidation.IsValidMetricName(value) {
		value = "{" + strconv.Quote(value) + "}" // as Prometheus 3 writes it
	}
	if t.Rate.Duration > 0 {
		value = fmt.Sprintf("rate(%s[%s])", value, model.Duration(t.Rate.Duration))
	}
	op, limit, sign := ">", t.Above, "-"
	if t.Above == nil {
		op, limit, sign = "<", t.Below, "+"
	}
	fixed := *limit - margin
	if t.Above == nil {
		fixed = *limit + margin
	}
	usual := fmt.Sprintf("%s %s %s", value, op, number(fixed))
	if t.LimitLabel == "" {
		return usual
	}
	own := fmt.Sprintf("%s{%s=%q}", limitName, limitLabel, t.LimitLabel)
	moved := own
	if margin != 0 {
		moved = fmt.Sprintf("(%s %s %s)", own, sign, number(margin))
	}
	return fmt.Sprintf("(%s %s on (%s) group_left () %s or %s unless on (%s) %s)", value, op, poller.TargetLabel, moved, usual, poller.TargetLabel, own)
}

// numberIn parses a label that is a number.
func numberIn(label string) (float64, error) {
	v, err := strconv.ParseFloat(label, 64)
	if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
		err = errors.New("no number")
	}
	return v, err
}
