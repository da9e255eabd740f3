package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// drop is a row that a filter drops.
type drop struct {
	filter *collector.Filter
	value  string // that the object had that decides; "" if it had none
	count  int    // rows that are dropped
	of     int
	at     string // when
}

// dropped returns the filter that dropped the row in the last poll, or if no row was named any, or nil.
func (w *inquiry) dropped() *drop {
	p := w.summary.Last
	if p == nil {
		return nil
	}
	at := indexes(p, &w.row, w.column.Labels)
	for _, notes := range p.Notes {
		if notes.Module != w.Module {
			continue
		}
		for i := range notes.Dropped {
			d := &notes.Dropped[i]
			if !d.Filter.Narrows(w.column.Desc.Object) {
				continue
			}
			found := &drop{filter: &d.Filter, count: d.Count, of: d.Of, at: "in the poll of " + w.Poll.Local().Format("15:04:05")}
			if w.row.all() {
				return found
			}
			for _, r := range d.Rows {
				if slices.Contains(at, string(snmp.AppendIndexText(nil, r.Index))) {
					found.value = r.Value
					return found
				}
			}
		}
	}
	return nil
}

// droppedNow is dropped by the device's answer.
func (w *inquiry) droppedNow() *drop {
	picked := w.picked()
	i := slices.IndexFunc(picked, func(r collector.AnswerRow) bool { return r.Filter != nil })
	if i < 0 {
		return nil
	}
	found := &drop{filter: picked[i].Filter, value: picked[i].Decided, of: len(w.asked.Rows), at: "now"}
	for i := range w.asked.Rows {
		if w.asked.Rows[i].Filter != nil {
			found.count++
		}
	}
	return found
}

// filters takes the fifth step.
func (w *inquiry) filters() {
	if w.Steps[stepColumn].State == stepUnknown && w.dropped() == nil {
		return
	}
	if len(w.column.Filters) == 0 {
		w.ok(stepFilters, "module %s has no filter for it", w.Module)
		return
	}
	d := w.dropped()
	if w.asked != nil {
		d = w.droppedNow()
	}
	switch {
	case d == nil:
		w.ok(stepFilters, "%s", w.filterText(&w.column.Filters[0]))
	case w.row.all() && d.count < d.of:
		w.ok(stepFilters, "%s of %s: %s drops %s", human.Grouped(d.of-d.count), rows(d.of), w.filterText(d.filter), human.Grouped(d.count))
	default:
		what := fmt.Sprintf("it was %s %s", w.valueWords(d.filter.Object, d.value), d.at)
		if w.row.all() {
			what = fmt.Sprintf("none of %s has that %s", rows(d.of), d.at)
		} else if d.value == "" {
			what = "the row has none " + d.at
		}
		w.drop = d
		w.fail(stepFilters, fmt.Sprintf("filters: %s; %s.", w.filterText(d.filter), what), fmt.Sprintf("Remove the filter, or change %s on the device.", w.bare(d.filter.Object)))
	}
}

// filterText returns the condition of a filter, and its place in the configuration.
func (w *inquiry) filterText(f *collector.Filter) string {
	var wanted []string
	for _, v := range f.Values {
		text, _ := v.MarshalYAML() // as it was written
		wanted = append(wanted, w.valueWords(f.Object, fmt.Sprint(text)))
	}
	return fmt.Sprintf("%s = %s", w.bare(f.Object), strings.Join(wanted, " or ")) + w.where("filters")
}

// bare names an object without its MIB.
func (w *inquiry) bare(oid snmp.OID) string {
	if i := w.tree.Object(oid); i.Node != nil {
		return i.Short()
	}
	return oid.String()
}

// valueWords returns a value of an object as text, such as down(2).
func (w *inquiry) valueWords(object snmp.OID, value string) string {
	number, err := strconv.ParseInt(value, 10, 64)
	if i := w.tree.Object(object); err == nil && i.Node != nil {
		return catalog.IntegerText(i.Node, number)
	}
	return value
}

// fits takes the sixth step.
func (w *inquiry) fits() {
	if w.Steps[stepColumn].State != stepOK {
		return
	}
	if w.asked != nil {
		w.fitsNow()
		return
	}
	u := w.unfit()
	switch {
	case u == nil:
		w.ok(stepFits, "all values that arrived")
	case w.row.all() && w.found.shown > 0:
		w.ok(stepFits, "but for some: %s", w.unfitText(u.Index, snmp.VarBind{Type: u.Type, Value: u.Value}))
	default:
		w.misfit(w.unfitText(u.Index, snmp.VarBind{Type: u.Type, Value: u.Value}))
	}
}

func (w *inquiry) fitsNow() {
	picked := w.picked()
	bad := slices.IndexFunc(picked, func(r collector.AnswerRow) bool { return r.Filter == nil && !r.Fits })
	good := slices.ContainsFunc(picked, func(r collector.AnswerRow) bool { return r.Fits })
	switch {
	case bad < 0:
		w.ok(stepFits, "%s", w.sample(picked))
	case good:
		w.ok(stepFits, "but for some: %s", w.unfitText(picked[bad].Index, snmp.VarBind{Type: picked[bad].Type, Value: picked[bad].Value}))
	default:
		w.misfit(w.unfitText(picked[bad].Index, snmp.VarBind{Type: picked[bad].Type, Value: picked[bad].Value}))
	}
}

// sample shows a value, and which labels are empty.
func (w *inquiry) sample(picked []collector.AnswerRow) string {
	if len(picked) == 0 {
		return "all values"
	}
	r := &picked[0]
	text := fmt.Sprintf("%s %s", r.Type, catalog.ValueText(w.tree, w.tree.Object(w.column.Desc.Object).Node, snmp.VarBind{Type: r.Type, Value: r.Value}))
	for i := range picked {
		if missing := picked[i].Missing; len(missing) > 0 {
			return text + fmt.Sprintf("; of row %s the label %s is empty, since what it looks up has no such row", snmp.AppendIndexText(nil, picked[i].Index), strings.Join(missing, ", "))
		}
	}
	return text
}

func (w *inquiry) unfitText(index snmp.OID, v snmp.VarBind) string {
	node := w.tree.Object(w.column.Desc.Object).Node
	return fmt.Sprintf("row %s has the %s %q", cmp.Or(string(snmp.AppendIndexText(nil, index)), "0"), v.Type, catalog.ValueText(w.tree, node, v))
}

func (w *inquiry) misfit(text string) {
	w.fail(stepFits, strings.ToUpper(text[:1])+text[1:]+", of which the type of the metric makes nothing.", "Give the metric another type in "+w.place("metrics")+".")
}

// duplicate returns the labels of the series that was dropped, since another has its name and labels.
func (w *inquiry) duplicate() string {
	for _, d := range w.summary.Last.Duplicates {
		if d.Name == w.Metric && (w.row.all() || w.row.is(nil, []byte(d.Labels))) {
			return cmp.Or(d.Labels, "no labels")
		}
	}
	return ""
}

// duplicates takes the seventh step.
func (w *inquiry) duplicates() {
	if w.Steps[stepFits].State != stepOK || w.summary.Last == nil {
		return
	}
	labels := w.duplicate()
	switch {
	case labels == "":
		w.ok(stepDuplicate, "no other series has its name and labels")
	case w.found.shown > 0 && !w.row.all():
		w.ok(stepDuplicate, "the first of several is served")
	default:
		w.fail(stepDuplicate, fmt.Sprintf("Several samples of the last poll have the name %s and the labels %s: all but the first are dropped.", w.Metric, labels),
			"Give the module indexes or lookups that distinguish the rows, or leave one of the modules out that read it: "+strings.Join(w.modulesWith(), ", ")+".")
	}
}

func (w *inquiry) modulesWith() (names []string) {
	for _, c := range w.columns(w.Metric, nil) {
		if !slices.Contains(names, c.Module.Name) {
			names = append(names, c.Module.Name)
		}
	}
	return names
}

// served takes the last step.
func (w *inquiry) served() {
	if w.Steps[stepDuplicate].State != stepOK {
		return
	}
	if w.found.shown > 0 {
		w.ok(stepServed, "%s in /targets/%s/metrics", human.Count(w.found.shown, "row", "rows"), w.Target)
		return
	}
	w.unknown(stepServed, "not in the last poll")
}

// maxMissing is how many metrics are listed that have no series.
const maxMissing = 1000

// list describes the metrics that the last poll lacks.
func (w *inquiry) list() {
	p := w.summary.Last
	switch {
	case p == nil:
		w.Verdict = fmt.Sprintf("The first poll of %s has not ended; the next is due at %s.", w.Target, api.Clock(w.next, w.next))
		return
	case !p.Up:
		words := w.summary.Problems()[0]
		w.Verdict, w.Reason, w.Remedy = w.Target+" is down.", words.Text, words.Remedy
		return
	}
	problems := w.summary.Problems()
	for _, words := range problems {
		kind := "partial"
		if words.Reason == access.Duplicate {
			kind = "duplicate"
		}
		w.Missing = append(w.Missing, api.Absence{Metric: words.Table, Kind: kind, Text: words.Text, Remedy: words.Remedy})
	}
	for _, m := range p.Modules {
		w.listModule(p, m)
	}
	missing := len(w.Missing)
	w.Missing = w.Missing[:min(missing, maxMissing)]
	switch {
	case missing == 0:
		w.Verdict = fmt.Sprintf("Nothing is missing: all metrics of the modules of %s have series.", w.Target)
	case len(problems) == 0:
		w.Verdict = fmt.Sprintf("The last poll of %s is complete; %s no series.", w.Target, human.Count(missing, "metric of its modules has", "metrics of its modules have"))
	case missing == len(problems):
		w.Verdict = fmt.Sprintf("The last poll of %s is partial: %s.", w.Target, human.Count(missing, "table did not arrive whole", "tables did not arrive whole"))
	default:
		w.Verdict = fmt.Sprintf("The last poll of %s is partial: %s, and %s no series.", w.Target, human.Count(len(problems), "table did not arrive whole", "tables did not arrive whole"), human.Count(missing-len(problems), "other metric has", "other metrics have"))
	}
}

// listModule adds the metrics of a module that have no series.
func (w *inquiry) listModule(p *poller.Pass, m *collector.Module) {
	there := map[*series.Desc]bool{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			there[set.Columns[i].Desc] = set.Columns[i].Len() > 0
		}
	}
	for _, c := range m.ColumnsOf("", nil) {
		if there[c.Desc] {
			continue
		}
		one := inquiry{explainer: w.explainer, tree: w.tree, places: w.places, summary: w.summary, next: w.next, Why: api.Why{Target: w.Target, Metric: c.Desc.Name, Poll: w.Poll, Module: m.Name, Steps: make([]api.Step, len(api.WhySteps))}}
		one.column, one.Object = &c, catalog.ObjectName(w.tree, c.Desc.Object)
		if e, _ := one.broken(p.Errors); e != nil {
			continue // which is among the problems
		}
		for _, step := range []func(){func() { one.reads(&c) }, one.answers, one.arrived, one.filters, one.fits, one.duplicates} {
			if !one.failed() {
				step()
			}
		}
		w.Missing = append(w.Missing, api.Absence{Metric: c.Desc.Name, Module: m.Name, Kind: one.kind(), Text: one.Reason, Remedy: one.Remedy})
	}
}

func (w *inquiry) kind() string {
	for step, kind := range map[int]string{stepReads: "not asked", stepFilters: "filtered", stepFits: "unfit", stepDuplicate: "duplicate"} {
		if w.Steps[step].State == stepFailed {
			return kind
		}
	}
	return "absent"
}
