package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/mibs"
)

func addMIBCheck(mib *kingpin.CmdClause, commands map[string]command) {
	c := mib.Command("check", "Read all MIB files in directories, and tell what in them was skipped or assumed.")
	dirs := c.Arg("directory", "Directories of MIB files.").Required().ExistingDirs()
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error { return checkMIBs(*dirs) }
}

func checkMIBs(dirs []string) error {
	d, err := mibs.OpenDirectories(dirs...)
	if err != nil {
		return err
	}
	names := d.Names()
	t, err := mibs.Load(names, d, mibs.Embedded())
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	diagnostics := append(d.Diagnostics(), t.Diagnostics()...)
	for _, diagnostic := range diagnostics {
		fmt.Fprintln(out, diagnostic)
	}
	nodes := 0
	for range t.All() {
		nodes++
	}
	fmt.Fprintf(out, "%d modules, %d nodes with those that they import, %d remarks\n", len(names), nodes, len(diagnostics))
	return nil
}
