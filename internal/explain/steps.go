package explain

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/fleet"
	"trapline/internal/modules"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// modulesOf are those that the last poll had, and before it those of the target alone.
func (w *inquiry) modulesOf() []*collector.Module {
	if p := w.summary.Answered; p != nil && len(p.Modules) > 0 {
		return p.Modules
	}
	return w.summary.Target.Modules
}

// named takes the first two steps: the name is known, and a module of the target reads it.
func (w *inquiry) named() error {
	if w.ownMetric() {
		return nil
	}
	columns := w.columns(w.Metric, nil)
	if len(columns) == 0 {
		columns = w.measured(w.Metric)
	}
	var object snmp.OID
	if len(columns) == 0 {
		if i, err := modules.Resolve(w.tree, w.Metric); err == nil {
			object = i.OID()
			columns = w.columns("", object)
		} else if !w.elsewhere() {
			w.fail(stepName, "No module that is known makes this metric, and no MIB defines an object of this name.", w.suggestion(err))
			return nil
		}
	}
	if len(columns) > 1 && !sameMetric(columns) {
		return api.WithHint(api.Errorf(api.ErrBadRequest, "%s stands for %d metrics of %s", w.Metric, len(columns), w.Target), "Name one, such as "+someNames(columns))
	}
	if len(columns) == 0 {
		w.unread(object)
		return nil
	}
	c := columns[0]
	w.column, w.Metric, w.Module = &c, c.Desc.Name, c.Module.Name
	w.Object = catalog.ObjectName(w.tree, c.Desc.Object)
	w.ok(stepName, "%s", w.describe(c.Desc.Object))
	w.reads(&c)
	return nil
}

// ownMetric completes all steps if the metric is Trapline's own.
func (w *inquiry) ownMetric() bool {
	if !slices.Contains(poller.SelfMetrics(), w.Metric) && w.Metric != "up" {
		return false
	}
	w.ok(stepName, "Trapline makes it of each poll")
	for step := stepReads; step <= stepServed; step++ {
		w.ok(step, "it is not read from the device")
	}
	if w.summary.Last == nil {
		w.unknown(stepServed, "the first poll has not ended")
	} else {
		w.found = inPoll{all: 1, shown: 1, value: "made of each poll"}
	}
	return true
}

// columns are those of the modules of the target.
func (w *inquiry) columns(metric string, object snmp.OID) (list []collector.Column) {
	for _, m := range w.modulesOf() {
		list = append(list, m.ColumnsOf(metric, object)...)
	}
	return list
}

// measured are the columns of the objects of which measures make a metric.
func (w *inquiry) measured(metric string) (list []collector.Column) {
	seen := map[string]bool{}
	for _, m := range w.modulesOf() {
		for _, object := range m.MadeOf(metric) {
			if !seen[string(object)] {
				list = append(list, m.ColumnsOf("", object)...)
			}
			seen[string(object)] = true
		}
	}
	return list
}

func sameMetric(columns []collector.Column) bool {
	return !slices.ContainsFunc(columns, func(c collector.Column) bool { return c.Desc.Name != columns[0].Desc.Name })
}

func someNames(columns []collector.Column) string {
	var names []string
	for _, c := range columns[:min(len(columns), 5)] {
		names = append(names, c.Desc.Name)
	}
	return strings.Join(names, ", ")
}

// describe returns the name, OID, type and index of an object.
func (w *inquiry) describe(oid snmp.OID) string {
	i := w.tree.Object(oid)
	parts := []string{catalog.ObjectName(w.tree, oid), oid.String()}
	if n := i.Node; n != nil && len(i.Index) == 0 {
		if n.Syntax.Type != smi.Other {
			parts = append(parts, n.Syntax.Type.String())
		}
		if n.Row != nil && len(n.Row.Index) > 0 {
			var by []string
			for _, p := range n.Row.Index {
				by = append(by, p.Name)
			}
			parts = append(parts, "rows by "+strings.Join(by, ", "))
		}
	}
	return strings.Join(slices.Compact(parts), ", ")
}

// reads takes the second step for a column of a module of the target.
func (w *inquiry) reads(c *collector.Column) {
	switch {
	case c.Hidden:
		w.fail(stepReads, fmt.Sprintf("Module %s has another metric at or above its OID, which takes its values.", w.Module), "Remove the other metric from "+w.place("metrics")+".")
	case !c.Asked:
		w.fail(stepReads, fmt.Sprintf("Module %s makes it of %s, and neither walk nor get of the module asks for that.", w.Module, w.Object), fmt.Sprintf("Add %s to walk of %s.", w.Object, w.place("walk")))
	default:
		text := "module " + w.Module
		if p := w.summary.Answered; p != nil && p.Choice != nil && slices.ContainsFunc(p.Choice.Modules, func(m profile.Chosen) bool { return m.Module.Name == w.Module }) {
			text += ", chosen by auto: " + strings.SplitN(fleet.ProfileOf(w.summary), "):", 2)[0] + ")"
		}
		w.ok(stepReads, "%s", text)
	}
}

// place names the module, and where a key of it stands.
func (w *inquiry) place(key string) string {
	return "module " + w.Module + cmp.Or(w.where(key), w.where(""))
}

// where returns the file and the line of a key of the module, or of the module itself, in parentheses; "" if no file has
// it.
func (w *inquiry) where(key string) string {
	place, known := w.places[w.Module+"\x00"+key]
	if known || w.explainer.where == nil {
		return place
	}
	path := []string{"modules", w.Module}
	if key != "" {
		path = append(path, key)
	}
	if file, line := w.explainer.where(path...); line > 0 {
		place = fmt.Sprintf(" (%s:%d)", file, line)
	}
	w.places[w.Module+"\x00"+key] = place
	return place
}

// answers takes the third step.
func (w *inquiry) answers() {
	p := w.summary.Last
	if w.asked != nil {
		if i := slices.IndexFunc(w.asked.Errors, (*access.Error).TargetFailed); i >= 0 {
			words := w.summary.Words(w.asked.Errors[i], poller.Pass{Stats: w.asked.Stats, Modules: w.modulesOf()})
			w.fail(stepAnswers, words.Text, words.Remedy)
			return
		}
		w.ok(stepAnswers, "it answered now, in %s", rtt(w.asked.Stats.Path.RTT))
		w.found = lookFor(p, w.Metric, &w.row)
		return
	}
	switch w.summary.State {
	case poller.Waiting:
		w.unknown(stepAnswers, "its first poll has not ended; the next is due at %s", api.Clock(w.next, time.Now()))
		w.Reason = "The target has not been polled yet."
		w.Remedy = w.askIt()
	case poller.Down:
		words := w.summary.Problems()[0]
		w.fail(stepAnswers, words.Text, words.Remedy)
	default:
		state := "complete"
		if w.summary.State == poller.Partial {
			state = "partial"
		}
		w.ok(stepAnswers, "last poll at %s, %s", w.Poll.Local().Format("15:04:05"), state)
		w.found = lookFor(p, w.Metric, &w.row)
	}
}

func rtt(d time.Duration) string {
	if d <= 0 {
		return "time"
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
}

// broken returns the error by which the column, or a column that its labels look up, is incomplete.
func (w *inquiry) broken(errs []*access.Error) (e *access.Error, label string) {
	overlaps := func(e *access.Error, oid snmp.OID) bool {
		return e.OID == nil || oid.HasPrefix(e.OID) || e.OID.HasPrefix(oid)
	}
	for _, e := range errs {
		if overlaps(e, w.column.Desc.Object) {
			return e, ""
		}
		for _, l := range w.column.Lookups {
			if overlaps(e, l.Object) {
				return e, l.Label
			}
		}
	}
	return nil, ""
}

// arrived takes the fourth step: the device has the column.
func (w *inquiry) arrived() {
	if w.Steps[stepAnswers].State != stepOK {
		return
	}
	p := w.summary.Last
	errs, took := []*access.Error{}, poller.Pass{}
	if p != nil {
		errs, took = p.Errors, *p
	}
	if w.asked != nil {
		errs, took = w.asked.Errors, poller.Pass{Stats: w.asked.Stats, Modules: w.modulesOf()}
	}
	if e, label := w.broken(errs); e != nil && (w.found.shown == 0 || w.row.all() || w.asked != nil) {
		words := w.summary.Words(e, took)
		if label != "" {
			words.Text = fmt.Sprintf("Its label %s is that of another column, which did not arrive whole, so that its rows would have other names. %s", label, words.Text)
		}
		w.fail(stepColumn, words.Text, words.Remedy)
		return
	}
	if w.asked != nil {
		w.arrivedNow()
		return
	}
	switch {
	case w.found.shown > 0 && w.row.all():
		w.ok(stepColumn, "%s", rows(w.found.all))
	case w.found.shown > 0:
		w.ok(stepColumn, "%s, this one among them", rows(w.found.all))
	case w.noted():
		w.ok(stepColumn, "it arrived")
	case w.dropped() != nil:
		w.unknown(stepColumn, "it was not asked for")
	case len(p.Duplicates) > 0 && w.duplicate() != "":
		w.ok(stepColumn, "it arrived")
	default:
		w.fail(stepColumn, w.nothing(), w.lookThere())
	}
}

// nothing says that nothing arrived.
func (w *inquiry) nothing() string {
	at := "In the poll of " + w.Poll.Local().Format("15:04:05")
	if w.asked != nil {
		at = "Asked now"
	}
	if w.found.all > 0 || w.asked != nil && len(w.asked.Rows) > 0 {
		return fmt.Sprintf("%s the device sent %s of %s, and none with %s.", at, rows(max(w.found.all, w.sent())), w.Object, w.Row)
	}
	since := ""
	if w.asked == nil {
		if read, _ := w.carried(w.column.Desc.Object); !read.IsZero() {
			at = "At " + read.Local().Format("15:04:05")
		}
		since = w.since()
	}
	return fmt.Sprintf("%s the device sent nothing below %s (%s)%s.", at, w.Object, snmp.OID(w.column.Desc.Object), since)
}

func (w *inquiry) sent() int {
	if w.asked == nil {
		return 0
	}
	return len(w.asked.Rows)
}

// lookThere returns the remedy if the device lacks a column or a row.
func (w *inquiry) lookThere() string {
	if w.found.all == 0 && w.sent() == 0 {
		return fmt.Sprintf("Does the device have this object, and does its view allow it: trapline walk %s %s", w.Target, w.Object)
	}
	for name, value := range w.row.labels {
		known := values(w.summary.Last, w.Metric, name)
		if near := setting.Nearest(value, known); near != "" {
			return fmt.Sprintf("Did you mean %s=%s?", name, near)
		}
		if len(known) == 0 && !slices.Contains(w.column.Labels, name) {
			return fmt.Sprintf("Its rows have no label %s, but %s.", name, strings.Join(w.column.Labels, ", "))
		}
	}
	return fmt.Sprintf("List its rows: trapline walk %s %s", w.Target, w.Object)
}

// picked are the rows that the device answered with now that are the one.
func (w *inquiry) picked() (list []collector.AnswerRow) {
	at := indexes(w.summary.Last, &w.row, w.column.Labels)
	for _, r := range w.asked.Rows {
		if w.row.is(r.Index, r.Labels) || slices.Contains(at, string(snmp.AppendIndexText(nil, r.Index))) {
			list = append(list, r)
		}
	}
	return list
}

func (w *inquiry) arrivedNow() {
	n := len(w.picked())
	switch {
	case n == 0:
		w.fail(stepColumn, w.nothing(), w.lookThere())
	case w.row.all():
		w.ok(stepColumn, "%s now", rows(n))
	default:
		w.ok(stepColumn, "%s now, this one among them", rows(len(w.asked.Rows)))
	}
}

// noted reports whether a value of the row is known not to have fitted.
func (w *inquiry) noted() bool { return w.unfit() != nil }

// unfit returns the note of a value of the metric, in the row, that made no sample.
func (w *inquiry) unfit() *collector.Unfit {
	p := w.summary.Last
	at := indexes(p, &w.row, w.column.Labels)
	for _, notes := range p.Notes {
		for i := range notes.Unfit {
			u := &notes.Unfit[i]
			if u.Metric == w.Metric && bytes.Equal(u.Object, w.column.Desc.Object) && (w.row.all() || slices.Contains(at, string(snmp.AppendIndexText(nil, u.Index)))) {
				return u
			}
		}
	}
	return nil
}
