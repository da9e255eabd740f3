package setup

import (
	"context"
	"log/slog"
	"os"

	"trapline/config"
	"trapline/internal/cli"
)

func addGenerate(program *cli.Program) {
	c := program.App.Command("generate", "Print the modules of a generator.yml, or of a configuration, with numbers in the place of names.")
	dirs := c.Flag("mibs-dir", "Directory of MIB files, which come before the built-in MIBs. Repeatable.").Short('m').ExistingDirs()
	files := c.Arg("file", "generator.yml or snmp.yml of snmp_exporter, of before 0.23 too, or files of Trapline.").Default("generator.yml").Strings()
	program.Commands[c.FullCommand()] = func(_ context.Context, logger *slog.Logger) error {
		text, warnings, err := config.Generate(*files, config.Options{MIBDirs: *dirs, AllMIBs: true})
		if err != nil {
			return err
		}
		for _, warning := range warnings {
			logger.Warn("doubtful configuration", "text", warning)
		}
		_, err = os.Stdout.Write(text)
		return err
	}
}
