package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/programtest"
)

func TestReferenceOfCommands(t *testing.T) {
	program, _ := newProgram()
	app := program.App
	model := app.Model()
	var b bytes.Buffer
	b.WriteString("# Command line\n\nMade by `make docs` from the program. `trapline COMMAND --help` prints the same.\n")
	flagTable(&b, "Flags of every command", model.Flags, nil)
	for _, c := range model.FlattenedCommands() {
		if c.Hidden || c.Name == "help" {
			continue
		}
		fmt.Fprintf(&b, "\n## trapline %s\n\n%s\n\n    trapline %s", c.FullCommand, programtest.Cell(cmp.Or(c.HelpLong, c.Help)), c.FullCommand)
		if len(c.Flags) > 0 {
			b.WriteString(" [<flags>]")
		}
		if len(c.Args) > 0 {
			b.WriteString(" " + c.ArgSummary())
		}
		b.WriteString("\n")
		flagTable(&b, "", c.Flags, c.Args)
	}
	programtest.WantReference(t, "cli.md", b.String())
}

// flagTable writes flags and arguments as a table.
func flagTable(b *bytes.Buffer, title string, flags []*kingpin.FlagModel, args []*kingpin.ArgModel) {
	var rows []string
	for _, a := range args {
		rows = append(rows, fmt.Sprintf("| `%s` | %s |", a.Name, programtest.Cell(a.Help)))
	}
	for _, f := range flags {
		if f.Hidden || f.Name == "help" {
			continue
		}
		rows = append(rows, fmt.Sprintf("| %s | %s |", flagForm(f), flagHelp(f)))
	}
	if len(rows) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(b, "\n## %s\n", title)
	}
	fmt.Fprintf(b, "\n| | |\n|---|---|\n%s\n", strings.Join(rows, "\n"))
}

func flagForm(f *kingpin.FlagModel) string {
	form := "`--" + f.Name + "`"
	if f.IsBoolFlag() && slices.Contains(f.Default, "true") {
		form = "`--[no-]" + f.Name + "`"
	}
	if f.Short != 0 {
		form = fmt.Sprintf("`-%c`, %s", f.Short, form)
	}
	return form
}

func flagHelp(f *kingpin.FlagModel) string {
	help := programtest.Cell(f.Help)
	if d := strings.Join(f.Default, ", "); d != "" && d != "false" {
		help = strings.TrimSuffix(help, ".") + fmt.Sprintf(". Default `%s`.", d)
	}
	if f.Envar != "" {
		help += fmt.Sprintf(" Environment: `%s`.", f.Envar)
	}
	return help
}
