package main

import (
	"context"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
)

func addCheck(app *kingpin.Application, commands map[string]command) {
	c := app.Command("check", "Read the configuration as serve does, and tell every mistake in it.")
	files, expandEnv := addConfigFlags(c)
	arguments := c.Arg("file", "Configuration files or globs; without any, those of --config.file.").Strings()
	commands[c.FullCommand()] = func(_ context.Context, logger *slog.Logger) error {
		if len(*arguments) > 0 {
			files = arguments
		}
		return check(*files, *expandEnv, logger)
	}
}

func check(files []string, expandEnv bool, logger *slog.Logger) error {
	w, err := load(files, expandEnv, "")
	if err != nil {
		return err
	}
	w.warn(logger)
	logger.Info("Configuration parsed successfully", "auths", len(w.config.Auths), "modules", len(w.config.Modules), "targets", len(w.targets))
	return nil
}
