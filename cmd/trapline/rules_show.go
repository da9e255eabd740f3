package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/rules"
	"trapline/internal/runtimeconfig"
)

func addRulesShow(parent *kingpin.CmdClause, commands map[string]command) {
	c := parent.Command("show", "Print all rules of the configuration as a rule file of Prometheus, and how each is evaluated.")
	files, expandEnv := addConfigFlags(c)
	target := c.Flag("target", "Print only the rules that look at something that this target's modules yield.").String()
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		w, err := runtimeconfig.Load(*files, *expandEnv, "")
		if err != nil {
			return err
		}
		wanted := func(*rules.Rule) bool { return true }
		if *target != "" {
			metrics, err := w.MetricsOf(*target)
			if err != nil {
				return err
			}
			wanted = func(r *rules.Rule) bool { return r.LooksAt(metrics) }
		}
		return w.Config.Rules.WriteYAML(os.Stdout, wanted)
	}
}
