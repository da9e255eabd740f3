package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/alecthomas/kingpin/v2"

	"trapline/collector"
	"trapline/internal/poller"
	"trapline/internal/rules"
)

func addRulesShow(parent *kingpin.CmdClause, commands map[string]command) {
	c := parent.Command("show", "Print all rules of the configuration as a rule file of Prometheus, and how each is evaluated.")
	files, expandEnv := addConfigFlags(c)
	target := c.Flag("target", "Print only the rules that look at something that this target's modules yield.").String()
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		w, err := load(*files, *expandEnv, "")
		if err != nil {
			return err
		}
		wanted := func(*rules.Rule) bool { return true }
		if *target != "" {
			metrics, err := w.metricsOf(*target)
			if err != nil {
				return err
			}
			wanted = func(r *rules.Rule) bool { return r.LooksAt(metrics) }
		}
		return w.config.Rules.WriteYAML(os.Stdout, wanted)
	}
}

// metricsOf gives the metrics that a target may have series of, with their labels.
func (w *world) metricsOf(name string) (yields, error) {
	i := slices.IndexFunc(w.targets, func(t *poller.Target) bool { return t.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the configuration has no target %q", name)
	}
	y := yields{}
	y.addOwn()
	for _, m := range w.targets[i].Modules {
		y.add(m)
	}
	if w.chooses(i) {
		return y, y.addProfiles(w)
	}
	return y, nil
}

// yields are metrics by name, with the labels that their series may have.
type yields map[string][]string

func (y yields) add(m *collector.Module) {
	for name, labels := range m.Yields() {
		y[name] = append(y[name], labels...)
	}
}

func (y yields) addOwn() {
	for _, name := range poller.OwnMetrics() {
		y[name] = poller.OwnLabels
	}
}

// addProfiles adds what any profile may choose.
func (y yields) addProfiles(w *world) error {
	book, err := w.config.Book()
	if err != nil {
		return err
	}
	for name, m := range book.Modules() {
		y.add(collector.Compile(name, m.Settings))
	}
	return nil
}
