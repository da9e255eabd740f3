package notify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
	"trapline/internal/varbind"
	"trapline/mibs/smi"
)

// RuleChecker checks the annotations of rules for the errors that can be found before their templates are expanded.
type RuleChecker struct {
	Names     varbind.Names
	Receivers []ReceiverSettings
	Auths     map[string]*access.Auth
}

// Check returns the errors in a rule's annotations, and warnings about unknown annotations and about objects that are
// not sent to some receiver.
func (c *RuleChecker) Check(annotations map[string]string) (problems, warnings []string) {
	report := func(annotation string, err error) {
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", annotation, err))
		}
	}
	counters := c.checkNotifications(annotations, report)
	for _, annotation := range []string{AnnotationVarBinds, AnnotationClearVarBinds} {
		for line := range strings.Lines(annotations[annotation]) {
			counter, err := c.checkBinding(strings.TrimSpace(line))
			report(annotation, err)
			if counter != "" {
				counters = append(counters, counter)
			}
		}
	}
	variable, _, _ := strings.Cut(annotations[AnnotationVariable], "{{")
	if variable = strings.Trim(variable, ". \n"); variable != "" {
		_, err := c.Names.OID(variable)
		report(AnnotationVariable, err)
	}
	if word, ok := annotations[AnnotationRowGone]; ok && word != KeepRow {
		report(AnnotationRowGone, fmt.Errorf("%.40q: write %s, or leave it out", word, KeepRow))
	}
	warnings = unknownAnnotations(annotations)
	a := alarm.Alarm{Receivers: c.checkWords(annotations, AnnotationReceivers, report), Tags: c.checkWords(annotations, AnnotationTags, report)}
	for i := range c.Receivers {
		r := &c.Receivers[i]
		if auth := c.Auths[r.Auth]; len(counters) > 0 && auth != nil && auth.Version == 1 && r.ByName() && queue.Wants(&a, r.Name, r.Tags) {
			warnings = append(warnings, fmt.Sprintf("receiver %q is notified by SNMPv1, which has no Counter64, and is not sent %s", r.Name, strings.Join(counters, ", ")))
		}
	}
	return problems, warnings
}

// unknownAnnotations returns warnings about annotations that have the prefix of TrapAnnotations and are none of them.
func unknownAnnotations(annotations map[string]string) (warnings []string) {
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(name, trapPrefix) && !slices.Contains(TrapAnnotations, name) {
			suggestion := cmp.Or(setting.DidYouMean(name, TrapAnnotations), "use one of "+strings.Join(TrapAnnotations, ", "))
			warnings = append(warnings, fmt.Sprintf("the annotation %.40q is unknown and has no effect on notifications: %s", name, suggestion))
		}
	}
	return warnings
}

// checkNotifications checks the names of notifications and returns their objects of type Counter64.
func (c *RuleChecker) checkNotifications(annotations map[string]string, report func(string, error)) (counters []string) {
	for _, annotation := range []string{AnnotationNotification, AnnotationClearNotification} {
		name := strings.TrimSpace(annotations[annotation])
		if name == "" || isTemplate(name) || annotation == AnnotationClearNotification && name == noNotification {
			continue
		}
		_, node, err := c.Names.Notification(name)
		report(annotation, err)
		if node == nil {
			continue
		}
		for _, o := range node.Objects {
			if o.Syntax.Type == smi.Counter64 {
				counters = append(counters, o.Name)
			}
		}
	}
	return counters
}

// checkBinding checks the parts of a line that are no templates. It returns the name if its type is Counter64, else "".
func (c *RuleChecker) checkBinding(line string) (counter string, err error) {
	before, _, _ := strings.Cut(line, "=")
	if line == "" || isTemplate(before) {
		return "", nil
	}
	b, err := varbind.ParseBinding(line)
	if err != nil {
		return "", err
	}
	_, at, err := c.Names.Find(b.Name)
	if err != nil {
		return "", err
	}
	if varbind.IsCounter64(&b, at.Node) {
		counter = b.Name
	}
	if isTemplate(b.Value) && (b.Type != "" || varbind.IsObject(at.Node)) {
		return counter, nil
	}
	_, _, err = c.Names.BindingValue(at.Node, &b)
	return counter, err
}

// checkWords returns the words of a list, and reports those that no receiver has.
func (c *RuleChecker) checkWords(annotations map[string]string, annotation string, report func(string, error)) []string {
	if isTemplate(annotations[annotation]) {
		return nil
	}
	var known []string
	format := "no receiver has the tag %q"
	for _, r := range c.Receivers {
		known = append(known, r.Tags...)
	}
	if annotation == AnnotationReceivers {
		known, format = nil, "there is no receiver %q"
		for _, r := range c.Receivers {
			known = append(known, r.Name)
		}
	}
	words := cutCommas(annotations[annotation])
	for _, word := range words {
		question := setting.DidYouMean(word, known)
		switch {
		case slices.Contains(known, word):
		case question != "":
			report(annotation, fmt.Errorf(format+": %s", word, question))
		default:
			report(annotation, fmt.Errorf(format, word))
		}
	}
	return words
}
