package rules

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/internal/rules"
	"trapline/internal/runtimeconfig"
)

func addRulesCheck(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("check", "Report every error in rule files, and what in them is likely not meant.")
	files, expandEnv := cli.AddConfigFlags(c)
	arguments := c.Arg("file", "Rule files or globs; without any, those of rule_files.").Strings()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		w, err := runtimeconfig.Load(*files, *expandEnv, "")
		if err != nil && (len(*arguments) == 0 || runtimeconfig.AnyFile(*files)) {
			return err
		}
		var has rules.Environment
		var set *rules.Set
		if w != nil {
			if has, err = w.ForRules(); err != nil {
				return err
			}
			set = w.Config.Rules
		}
		var problems []rules.Problem
		if len(*arguments) > 0 {
			set, problems = rules.Load(runtimeconfig.Expanded(*arguments))
		}
		return printFindings(os.Stdout, set, problems, set.Lint(&has))
	}
}

func printFindings(out io.Writer, set *rules.Set, problems []rules.Problem, findings []rules.Finding) error {
	for _, m := range problems {
		fmt.Fprintln(out, m)
	}
	errorCount, warningCount := len(problems), 0
	for _, f := range findings {
		fmt.Fprintln(out, f)
		switch f.Level {
		case rules.LevelError:
			errorCount++
		case rules.LevelWarning:
			warningCount++
		}
	}
	fmt.Fprintf(out, "%s: %s, %s\n", human.Counted(len(set.Rules()), "rule"), human.Counted(errorCount, "error"), human.Counted(warningCount, "warning"))
	if errorCount > 0 {
		return runtimeconfig.ErrRules
	}
	return nil
}
