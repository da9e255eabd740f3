// Package explain finds out why a metric of a target, or one of its rows, is missing: at which step from the device to the
// exposition it was lost, and the remedy.
package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/collector"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/fleet"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/mibs"
)

// The steps by number.
const (
	stepName = iota
	stepReads
	stepAnswers
	stepColumn
	stepFilters
	stepFits
	stepDuplicate
	stepServed
)

// The states of a step.
const (
	stepOK      = "ok"
	stepFailed  = "failed"
	stepUnknown = "unknown"
)

// Explainer finds out why metrics are missing. Its methods may be called concurrently.
type Explainer struct {
	fleet   *fleet.Fleet
	catalog *catalog.Catalog
	where   func(path ...string) (file string, line int) // of a setting of the configuration; nil if that is not known
}

// New returns an explainer of the metrics of a fleet.
func New(fleet *fleet.Fleet, catalog *catalog.Catalog, where func(path ...string) (file string, line int)) *Explainer {
	return &Explainer{fleet: fleet, catalog: catalog, where: where}
}

// Why returns why a metric of a target, or one row of it, is there or is not, by the last poll, and if live by one
// question to the device. A metric may also be named by its object: IF-MIB::ifAlias, or the OID. A row is
// label=value, several with commas between them, or the index. Without a metric it lists the missing ones.
func (x *Explainer) Why(ctx context.Context, target, metric, row string, live bool) (api.Why, error) {
	d, err := x.fleet.Detail(target)
	if err != nil {
		return api.Why{}, err
	}
	tree, err := x.catalog.Tree()
	if err != nil {
		return api.Why{}, err
	}
	w := &inquiry{explainer: x, tree: tree, summary: d.Summary, next: d.Next, row: parseRow(row), live: live, places: map[string]string{},
		Why: api.Why{Target: target, Metric: strings.TrimSpace(metric), Row: strings.TrimSpace(row), Steps: []api.Step{}}}
	if p := d.Summary.Last; p != nil {
		w.Poll = p.Start.Add(p.Duration)
	}
	if w.Metric == "" {
		if live {
			return api.Why{}, api.WithHint(api.Errorf(api.ErrBadRequest, "the device is asked for one metric"), "Name a metric, or poll the target")
		}
		w.list()
		w.Device, err = w.device()
		return w.Why, err
	}
	for _, name := range api.WhySteps {
		w.Steps = append(w.Steps, api.Step{Name: name, State: stepUnknown})
	}
	err = w.answer(ctx)
	return w.Why, err
}

// inquiry is a question under way.
type inquiry struct {
	api.Why
	explainer *Explainer
	tree      *mibs.Tree
	summary   *poller.Summary
	next      time.Time // poll
	row       rowQuery
	live      bool

	places map[string]string // of settings that were looked for in the files

	column *collector.Column // nil while no module of the target reads the metric
	found  inPoll            // in the last poll
	drop   *drop             // the filter that it is not there for
	asked  *collector.Answer // the device's answer; nil if it was not queried
}

func (w *inquiry) ok(step int, format string, args ...any) {
	w.Steps[step].State, w.Steps[step].Text = stepOK, fmt.Sprintf(format, args...)
}

func (w *inquiry) unknown(step int, format string, args ...any) {
	w.Steps[step].State, w.Steps[step].Text = stepUnknown, fmt.Sprintf(format, args...)
}

// fail ends the inquiry: a step does not hold.
func (w *inquiry) fail(step int, reason, remedy string) {
	w.Steps[step].State, w.Steps[step].Text = stepFailed, reason
	w.Reason, w.Remedy = reason, remedy
}

func (w *inquiry) failed() bool {
	return slices.ContainsFunc(w.Steps, func(s api.Step) bool { return s.State == stepFailed })
}

// answer takes the steps until one does not hold.
func (w *inquiry) answer(ctx context.Context) error {
	if err := w.named(); err != nil {
		return err
	}
	if w.live && w.column != nil {
		if err := w.ask(ctx); err != nil {
			return err
		}
	}
	for _, step := range []func(){w.answers, w.arrived, w.filters, w.fits, w.duplicates, w.served} {
		if w.column != nil && !w.failed() { // Trapline's own metrics pass all steps
			step()
		}
	}
	w.conclude()
	return nil
}

// ask asks the device.
func (w *inquiry) ask(ctx context.Context) error {
	t, session, end, err := w.explainer.fleet.Session(w.Target)
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(t.Interval, poller.DefaultInterval)+fleet.PollGrace)
	defer cancel()
	answer := w.column.Ask(ctx, session, collector.Options{Params: t.ParamsOf(w.column.Module), WrapCounters: true})
	w.asked, w.Asked = &answer, true
	return nil
}

// subject is the grammatical subject of the verdict.
func (w *inquiry) subject() string { return w.Metric + " of " + w.Target }

// conclude puts the outcome into a sentence.
func (w *inquiry) conclude() {
	if w.There = w.found.shown > 0; w.There {
		w.Source = w.shown()
	}
	switch {
	case w.Steps[stepName].State == stepFailed:
		w.Verdict = fmt.Sprintf("%s is no metric and no object that is known.", w.Metric)
	case w.Steps[stepReads].State == stepFailed:
		w.Verdict = fmt.Sprintf("%s does not exist: no module of this target reads it.", w.subject())
		if w.column != nil {
			w.Verdict = fmt.Sprintf("%s does not exist: module %s does not ask for it.", w.subject(), w.Module)
		}
	case w.Steps[stepAnswers].State != stepOK:
		w.Verdict = fmt.Sprintf("%s is not there: %s is down.", w.subject(), w.Target)
		if w.Steps[stepAnswers].State == stepUnknown {
			w.Verdict = fmt.Sprintf("%s is not there yet: the first poll of %s has not ended.", w.subject(), w.Target)
		}
	case w.failed():
		w.Verdict = w.missing()
	case w.There && w.row.all():
		w.Verdict = fmt.Sprintf("%s is there: %s.", w.subject(), rows(w.found.shown))
	case w.There:
		w.Verdict = fmt.Sprintf("%s is there for %s: %s.", w.subject(), w.Row, w.found.value)
	case w.asked != nil:
		w.Verdict = fmt.Sprintf("%s was not in the last poll, and the device has it now.", w.subject())
		w.Remedy = "Poll the target now, or wait for its next poll at " + api.Clock(w.next, time.Now()) + "."
	default:
		w.Verdict = fmt.Sprintf("%s is not there; the last poll does not say why.", w.subject())
		w.Remedy = w.askIt()
	}
}

// missing is the verdict where a part is missing.
func (w *inquiry) missing() string {
	if d := w.drop; d != nil && !w.row.all() {
		return fmt.Sprintf("%s: %s of %s. %s is dropped by a filter.", w.subject(), human.Grouped(d.of-d.count), rows(d.of), w.Row)
	}
	what := "has no series"
	if !w.row.all() {
		what = "has no series for " + w.Row
		if n := w.found.all; n > 0 {
			what = fmt.Sprintf("has %s, and none for %s", rows(n), w.Row)
		}
	} else if w.found.shown > 0 {
		what = fmt.Sprintf("has %s, and lacks others", rows(w.found.shown))
	}
	why := map[int]string{
		stepColumn: "the device has not sent it", stepFilters: "a filter drops it", stepFits: "its value does not fit its type",
		stepDuplicate: "another series has its name and labels", stepServed: "it was not served",
	}
	for i, s := range w.Steps {
		if s.State == stepFailed {
			return fmt.Sprintf("%s %s: %s.", w.subject(), what, why[i])
		}
	}
	return fmt.Sprintf("%s %s.", w.subject(), what)
}

func rows(n int) string { return human.Count(n, "row", "rows") }

// askIt says how the device is asked.
func (w *inquiry) askIt() string {
	return fmt.Sprintf("Ask the device: trapline why %s %s --live", w.Target, strings.TrimSpace(w.Metric+" "+w.Row))
}
