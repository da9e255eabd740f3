package mib

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/mibs"
)

func addMIBCheck(program *cli.Program, mib *kingpin.CmdClause) {
	c := mib.Command("check", "Read all MIB files in directories, and report what in them was skipped or assumed.")
	dirs := c.Arg("directory", "Directories of MIB files.").Required().ExistingDirs()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		out := bufio.NewWriter(os.Stdout)
		defer out.Flush()
		return checkMIBs(out, *dirs)
	}
}

func checkMIBs(out io.Writer, dirs []string) error {
	bar := cli.NewProgress("reading MIB files", 0)
	defer bar.End()
	d, err := mibs.OpenDirectories(dirs...)
	if err != nil {
		return err
	}
	names := d.Names()
	t, err := mibs.Load(names, d, mibs.Embedded())
	if err != nil {
		return err
	}
	diagnostics := append(d.Diagnostics(), t.Diagnostics()...)
	for _, diagnostic := range diagnostics {
		fmt.Fprintln(out, diagnostic)
	}
	skipped := 0
	for _, diagnostic := range diagnostics {
		if diagnostic.Skipped {
			skipped++
		}
	}
	fmt.Fprintf(out, "%s: %s, %s of them about what is left out\n", human.Counted(len(names), "module"), human.Counted(len(diagnostics), "remark"), human.Grouped(skipped))
	return nil
}
