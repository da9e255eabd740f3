package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/collector"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/rules"
)

func addRulesCheck(parent *kingpin.CmdClause, commands map[string]command) {
	c := parent.Command("check", "Tell every mistake in rule files, and what in them is likely not meant.")
	files, expandEnv := addConfigFlags(c)
	arguments := c.Arg("file", "Rule files; without any, those of rule_files.").Strings()
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		w, err := load(*files, *expandEnv, "")
		if err != nil && (len(*arguments) == 0 || anyFile(*files)) {
			return err
		}
		var context rules.World
		var set *rules.Set
		if w != nil {
			if context, err = w.forRules(); err != nil {
				return err
			}
			set = w.config.Rules
		}
		var mistakes []rules.Mistake
		if len(*arguments) > 0 {
			set, mistakes = rules.Load(*arguments)
		}
		return printFindings(os.Stdout, set, mistakes, set.Lint(&context))
	}
}

// anyFile tells whether there is a file that patterns name.
func anyFile(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		found, err := filepath.Glob(pattern)
		return err != nil || len(found) > 0
	})
}

func printFindings(out io.Writer, set *rules.Set, mistakes []rules.Mistake, findings []rules.Finding) error {
	for _, m := range mistakes {
		fmt.Fprintln(out, m)
	}
	wrong, doubtful := len(mistakes), 0
	for _, f := range findings {
		fmt.Fprintln(out, f)
		switch f.Level {
		case rules.Wrong:
			wrong++
		case rules.Doubtful:
			doubtful++
		}
	}
	fmt.Fprintf(out, "%d rules: %d mistakes, %d warnings\n", len(set.Rules()), wrong, doubtful)
	if wrong > 0 {
		return errors.New("the rules have mistakes")
	}
	return nil
}

// forRules is what rules may refer to.
func (w *world) forRules() (rules.World, error) {
	x := rules.World{Metrics: map[string][]string{}, Receivers: []string{}, Tags: []string{}, Interval: w.longestInterval()}
	add := func(m *collector.Module) {
		for name, labels := range m.Yields() {
			x.Metrics[name] = append(x.Metrics[name], labels...)
		}
	}
	for _, m := range w.catalog.Modules {
		add(m)
	}
	for _, name := range poller.OwnMetrics() {
		x.Metrics[name] = poller.OwnLabels
	}
	auto := func(t poller.TargetSettings) bool { return slices.Contains(t.Modules, profile.Auto) }
	if len(w.targets) == 0 || slices.ContainsFunc(w.config.Targets, auto) {
		book, err := w.config.Book()
		if err != nil {
			return x, err
		}
		for name, m := range book.Modules() {
			add(collector.Compile(name, m.Settings))
		}
	}
	for _, t := range w.targets {
		x.TargetLabels = slices.AppendSeq(x.TargetLabels, maps.Keys(t.Labels))
	}
	for _, r := range w.config.Receivers {
		x.Receivers, x.Tags = append(x.Receivers, r.Name), append(x.Tags, r.Tags...)
	}
	return x, nil
}

func (w *world) longestInterval() (longest time.Duration) {
	for _, t := range w.targets {
		longest = max(longest, t.Interval)
	}
	switch {
	case longest > 0:
		return longest
	case !w.config.Global.Interval.IsZero():
		return w.config.Global.Interval.Duration
	}
	return poller.DefaultInterval
}
