package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/config"
)

func addGenerate(app *kingpin.Application, commands map[string]command) {
	c := app.Command("generate", "Print the modules of a generator.yml, or of a configuration, with numbers in the place of names.")
	dirs := c.Flag("mibs-dir", "Directory of MIB files, which come before the built-in MIBs. Repeatable.").Short('m').ExistingDirs()
	files := c.Arg("file", "generator.yml or snmp.yml of snmp_exporter, of before 0.23 too, or files of Trapline.").Default("generator.yml").Strings()
	commands[c.FullCommand()] = func(_ context.Context, logger *slog.Logger) error {
		text, warnings, err := config.Generate(*files, config.Options{MIBDirs: *dirs, AllMIBs: true})
		if err != nil {
			return err
		}
		for _, warning := range warnings {
			logger.Warn(warning)
		}
		_, err = os.Stdout.Write(text)
		return err
	}
}
