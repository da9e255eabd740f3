package tools

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"trapline/config"
	"trapline/internal/cli"
	"trapline/internal/cluster"
	"trapline/internal/runtimeconfig"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

func addEngine(program *cli.Program) {
	c := program.App.Command("engine", "Print the engine ID that Trapline sends traps of SNMPv3 with, its boots, and the lines by which snmptrapd knows the users of the configuration's receivers: in a cluster those of all that were members.")
	stateDir := c.Flag("state-dir", "Print what is in this state directory, and read no configuration.").String()
	files, expandEnv := cli.AddConfigFlags(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, log *slog.Logger) error {
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
		id, boots, err := statedir.Engine(cfg.StateDir, cfg.Notifications.ID(), time.Now())
		if err != nil {
			return err
		}
		fmt.Printf("engine_id: %x # %s\nboots: %d\n", id, snmp.DescribeEngineID(id), boots)
		if err := printUsers(cfg, id); err != nil || cfg.Cluster == nil {
			return err
		}
		return printOthers(ctx, cfg, id, log)
	}
}

// printOthers prints the engine IDs of the other members, and their users.
func printOthers(ctx context.Context, c *config.Config, own []byte, log *slog.Logger) error {
	a, err := cluster.NewAdmin(*c.Cluster, c.StateDir, log)
	if err != nil {
		return err
	}
	engines, err := a.Engines(ctx)
	if err != nil {
		return fmt.Errorf("the engine IDs of other members: %w", err)
	}
	for _, member := range slices.Sorted(maps.Keys(engines)) {
		id, err := hex.DecodeString(engines[member].EngineID)
		if err != nil || len(id) == 0 {
			return fmt.Errorf("member %s: %q is no engine ID", member, engines[member].EngineID)
		}
		if bytes.Equal(id, own) {
			continue
		}
		fmt.Printf("\n# member %s\nengine_id: %x # %s\n", member, id, snmp.DescribeEngineID(id))
		if err := printUsers(c, id); err != nil {
			return err
		}
	}
	return nil
}

// printUsers prints the lines of snmptrapd for an engine's users.
func printUsers(c *config.Config, id []byte) error {
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
