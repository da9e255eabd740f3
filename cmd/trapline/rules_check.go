package main

import (
	"cmp"
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
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/rules"
)

func addRulesCheck(parent *kingpin.CmdClause, commands map[string]command) {
	c := parent.Command("check", "Report every error in rule files, and what in them is likely not meant.")
	files, expandEnv := addConfigFlags(c)
	arguments := c.Arg("file", "Rule files or globs; without any, those of rule_files.").Strings()
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		w, err := load(*files, *expandEnv, "")
		if err != nil && (len(*arguments) == 0 || anyFile(*files)) {
			return err
		}
		var has rules.World
		var set *rules.Set
		if w != nil {
			if has, err = w.forRules(); err != nil {
				return err
			}
			set = w.config.Rules
		}
		var mistakes []rules.Mistake
		if len(*arguments) > 0 {
			set, mistakes = rules.Load(expanded(*arguments))
		}
		return printFindings(os.Stdout, set, mistakes, set.Lint(&has))
	}
}

// expanded gives the files that patterns name. What names none is kept, for the error that it makes.
func expanded(patterns []string) (files []string) {
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			found = []string{pattern}
		}
		files = append(files, found...)
	}
	return files
}

// anyFile reports whether there is a file that patterns name.
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
	fmt.Fprintf(out, "%s: %s, %s\n", counted(len(set.Rules()), "rule"), counted(wrong, "error"), counted(doubtful, "warning"))
	if wrong > 0 {
		return errRules
	}
	return nil
}

var errRules = errors.New("the rules have errors")

// lint tells what is wrong with the rules, and what is likely not meant.
func (w *world) lint() ([]rules.Finding, error) {
	if len(w.config.Rules.Groups) == 0 {
		return nil, nil
	}
	has, err := w.forRules()
	if err != nil {
		return nil, err
	}
	return w.config.Rules.Lint(&has), nil
}

// forRules is what rules may refer to.
func (w *world) forRules() (rules.World, error) {
	y := yields{}
	y.addOwn()
	for _, m := range w.catalog.Modules {
		y.add(m)
	}
	auto := func(t poller.TargetSettings) bool { return slices.Contains(t.Modules, profile.Auto) }
	if len(w.targets) == 0 || slices.ContainsFunc(w.config.Targets, auto) {
		if err := y.addProfiles(w); err != nil {
			return rules.World{}, err
		}
	}
	interval, err := w.intervals()
	if err != nil {
		return rules.World{}, err
	}
	told := notify.RuleChecker{Names: w.config.Names, Receivers: w.config.Receivers, Auths: w.config.Auths}
	x := rules.World{Metrics: y, Interval: interval, Annotations: told.Check, Severity: notify.CheckSeverity}
	for _, t := range w.targets {
		x.TargetLabels = slices.AppendSeq(x.TargetLabels, maps.Keys(t.Labels))
	}
	return x, nil
}

// intervals gives the longest time between passes that bring a metric; for metrics that no target's modules
// yield, the time that holds where a target sets none.
func (w *world) intervals() (func(metric string) time.Duration, error) {
	modules := map[*collector.Module]time.Duration{}
	var slowest, auto time.Duration
	for i, t := range w.targets {
		slowest = max(slowest, t.Interval)
		if w.chooses(i) {
			auto = max(auto, t.Interval)
		}
		for _, m := range t.Modules {
			modules[m] = max(modules[m], t.Interval)
		}
	}
	longest := map[string]time.Duration{}
	raise := func(y yields, interval time.Duration) {
		for name := range y {
			longest[name] = max(longest[name], interval)
		}
	}
	for m, interval := range modules {
		y := yields{}
		y.add(m)
		raise(y, interval)
	}
	own, chosen := yields{}, yields{}
	own.addOwn()
	raise(own, slowest)
	if auto > 0 {
		if err := chosen.addProfiles(w); err != nil {
			return nil, err
		}
		raise(chosen, auto)
	}
	otherwise := cmp.Or(w.config.Global.Interval.Duration, poller.DefaultInterval)
	return func(metric string) time.Duration { return cmp.Or(longest[metric], otherwise) }, nil
}

// chooses reports whether a target's modules are chosen by a profile.
func (w *world) chooses(target int) bool {
	return slices.Contains(w.config.Targets[target].Modules, profile.Auto)
}
