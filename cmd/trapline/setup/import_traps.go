package setup

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/internal/setting"
	"trapline/internal/trapimport"
)

func addImportTraps(program *cli.Program, group *kingpin.CmdClause) {
	c := group.Command("traps", "Print the sections auths, listen, trap_rules and receivers for files of snmptrapd and snmptt. What has no counterpart is listed in comments.")
	files := c.Arg("file", "snmptrapd.conf, snmptt.conf and further files of events.").Required().Strings()
	output := c.Flag("output", "File to write instead, which must not exist.").Short('o').Default("-").String()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		var result trapimport.Result
		for _, file := range *files {
			text, err := setting.ReadFile(file, setting.MaxFile)
			if err != nil {
				return err
			}
			result.Add(file, string(text))
		}
		if err := writeNew(os.Stdout, *output, result.YAML()); err != nil {
			return err
		}
		if *output != "-" {
			fmt.Fprintf(os.Stderr, "%s: %s. Next: trapline check %[1]s\n", *output, human.Counted(result.Events(), "trap rule"))
		}
		return nil
	}
}
