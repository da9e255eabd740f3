package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/profile"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// readers returns the modules, of the target or not, that make a metric or read an object.
func (w *inquiry) readers(metric string, object snmp.OID) []string {
	return w.explainer.catalog.Readers(strings.TrimSuffix(metric, "_info"), object)
}

// elsewhere reports whether a module that the target does not have makes the metric.
func (w *inquiry) elsewhere() bool { return len(w.readers(w.Metric, nil)) > 0 }

// suggestion returns a remedy for an unknown name.
func (w *inquiry) suggestion(err error) string {
	var names []string
	for _, m := range w.modulesOf() {
		for name := range m.OutputMetrics() {
			names = append(names, name)
		}
	}
	text := cmp.Or(setting.DidYouMean(w.Metric, names), err.Error())
	if _, advice, found := strings.Cut(text, "did you mean "); found {
		return "Did you mean " + advice
	}
	return "Search the MIBs and modules for it, or add the directory of its MIB to mibs.dirs."
}

// unread fails the step of a metric or object that no module of the target reads.
func (w *inquiry) unread(object snmp.OID) {
	text := "a metric of other modules"
	if object != nil {
		w.Object = catalog.ObjectName(w.tree, object)
		text = w.describe(object)
	}
	w.ok(stepName, "%s", text)
	readers := w.readers(w.Metric, object)
	names := strings.Join(w.summary.Target.ModuleNames(), ", ")
	reason := fmt.Sprintf("The modules of %s are %s, and none of them reads it.", w.Target, names)
	if absent := w.absent(readers); absent != "" {
		w.fail(stepReads, absent, "If the device should have it, look at its view and at its MIB: trapline walk "+w.Target+" "+cmp.Or(w.Object, w.Metric))
		return
	}
	if len(readers) > 0 && w.undecided() {
		w.unknown(stepReads, "auto selects the modules once the device answers")
		w.answers()
		return
	}
	remedy := "Write a module that walks it: modules: {mine: {walk: [" + cmp.Or(w.Object, w.Metric) + "]}}, and add mine to the modules of " + w.Target + "."
	if len(readers) > 0 {
		remedy = fmt.Sprintf("Add module %s to the modules of %s.", strings.Join(readers[:min(len(readers), 5)], " or "), w.Target)
	}
	w.fail(stepReads, reason, remedy)
}

// undecided reports whether auto has selected no modules for the target, because the device has not answered.
func (w *inquiry) undecided() bool {
	p := w.summary.Answered
	return slices.Contains(w.summary.Target.ModuleNames(), profile.Auto) && (p == nil || p.Choice == nil)
}

// absent says that auto left out a module, since the device has nothing for it.
func (w *inquiry) absent(readers []string) string {
	p := w.summary.Answered
	if p == nil || p.Choice == nil {
		return ""
	}
	for _, m := range p.Choice.Absent {
		if slices.Contains(readers, m.Module.Name) {
			text := fmt.Sprintf("Module %s reads it, and auto left it out: the device answered with nothing of what it reads", m.Module.Name)
			if now := time.Now(); !p.Choice.Asked.IsZero() {
				text += fmt.Sprintf(" at %s; it is asked again at %s, or when its sysObjectID changes", api.Clock(p.Choice.Asked, now), api.Clock(p.Choice.Due, now))
			}
			return text + "."
		}
	}
	return ""
}
