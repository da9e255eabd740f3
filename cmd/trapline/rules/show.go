package rules

import (
	"context"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/rules"
	"trapline/internal/rules/rulefile"
	"trapline/internal/runtimeconfig"
)

func addRulesShow(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("show", "Print all rules of the configuration as a rule file of Prometheus, and how each is evaluated.")
	files, expandEnv := cli.AddConfigFlags(c)
	target := c.Flag("target", "Print only the rules that look at something that this target's modules yield.").String()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
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
		return rulefile.Write(os.Stdout, w.Config.Rules, wanted)
	}
}
