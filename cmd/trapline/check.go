package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/alecthomas/kingpin/v2"

	"trapline/config"
	"trapline/internal/notify"
	"trapline/internal/rules"
)

func addCheck(app *kingpin.Application, commands map[string]command) {
	c := app.Command("check", "Read the configuration as serve does, and report every error in it.")
	files, expandEnv := addConfigFlags(c)
	arguments := c.Arg("file", "Configuration files or globs; without any, those of --config.file.").Strings()
	commands[c.FullCommand()] = func(_ context.Context, logger *slog.Logger) error {
		if len(*arguments) > 0 && len(*files) > 0 {
			return usagef("files are named as arguments and by --config.file: name all of them in one way")
		}
		if len(*arguments) > 0 {
			files = arguments
		}
		return check(*files, *expandEnv, logger)
	}
}

func check(files []string, expandEnv bool, logger *slog.Logger) error {
	w, err := load(files, expandEnv, "")
	if found := (config.Mistakes)(nil); errors.As(err, &found) {
		return fmt.Errorf("%w\n%s in the configuration", err, counted(len(found), "error"))
	}
	if err != nil {
		return err
	}
	w.warn(logger, nil)
	if findings, err := w.findings(); err != nil || slices.ContainsFunc(findings, rules.Finding.Serious) {
		return cmp.Or(err, errRules)
	}
	for _, text := range diskWarnings(w.config) {
		logger.Warn(text)
	}
	logger.Info("Configuration parsed successfully", "auths", len(w.config.Auths), "modules", len(w.config.Modules), "targets", len(w.targets))
	return nil
}

// diskWarnings are about traps of SNMPv3, which receivers drop without a word where our boots were lost.
func diskWarnings(c *config.Config) []string {
	if !slices.ContainsFunc(c.Receivers, func(r notify.ReceiverSettings) bool { return r.Type == "trap" && c.Auths[r.Auth].Version == 3 }) {
		return nil
	}
	return notify.DiskWarnings(c.StateDir)
}
