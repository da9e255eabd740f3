package tools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"trapline/config"
	"trapline/internal/cli"
	"trapline/internal/runtimeconfig"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

func addEngine(program *cli.Program) {
	c := program.App.Command("engine", "Print the engine ID that Trapline sends traps of SNMPv3 with, its boots, and the lines by which snmptrapd knows the users of the configuration's receivers.")
	stateDir := c.Flag("state-dir", "Print what is in this state directory, and read no configuration.").String()
	files, expandEnv := cli.AddConfigFlags(c)
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		cfg := &config.Config{StateDir: *stateDir}
		if *stateDir == "" {
			w, err := runtimeconfig.Load(*files, *expandEnv, "")
			if err != nil {
				return err
			}
			if cfg = w.Config; cfg.StateDir == "" {
				return errors.New("the configuration has no state_dir: set it, or give --state-dir")
			}
		}
		return printEngine(cfg)
	}
}

func printEngine(c *config.Config) error {
	id, boots, err := statedir.Engine(c.StateDir, c.Notifications.ID(), time.Now())
	if err != nil {
		return err
	}
	fmt.Printf("engine_id: %x # %s\nboots: %d\n", id, snmp.DescribeEngineID(id), boots)
	for i := range c.Receivers {
		r := &c.Receivers[i]
		if c.Auths[r.Auth] == nil {
			continue
		}
		line, err := r.CreateUser(c.Auths[r.Auth], id)
		if err != nil {
			return fmt.Errorf("receiver %s: %w", r.Name, err)
		}
		if line != "" {
			fmt.Printf("# receiver %s\n%s\n", r.Name, line)
		}
	}
	return nil
}
