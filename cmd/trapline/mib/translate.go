package mib

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/modules"
	"trapline/mibs"
)

func addMIBTranslate(program *cli.Program, mib *kingpin.CmdClause) {
	c := mib.Command("translate", "Turn names into OIDs and OIDs into names.")
	flags := cli.AddMIBFlags(c)
	output := c.Flag("output", "How to write it: n for numbers, f for the whole path, s for the name alone.").Short('O').Enum("n", "f", "s")
	more := c.Flag("detail", "Print more: d for the whole definition, p for the tree below.").Short('T').Enum("d", "p")
	names := c.Arg("name", "NAME, MODULE::NAME or OID, with or without an index; without any, the lines of standard input.").Strings()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		if len(*names) == 0 {
			var err error
			if *names, err = namesFrom(os.Stdin); err != nil {
				return err
			}
		}
		t, err := flags.Tree(*names)
		if err != nil {
			return err
		}
		write := func(i mibs.Instance) { fmt.Print(translation(t, i, *output, *more)) }
		return translateAll(t, *names, write, os.Stderr)
	}
}

// namesFrom reads names, one a line.
func namesFrom(in io.Reader) (names []string, err error) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if name := strings.TrimSpace(lines.Text()); name != "" {
			names = append(names, name)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("write a name, or names on standard input, one a line")
	}
	return names, nil
}

// translateAll writes each name that is known, and reports each other one to problems. A single one is the error.
func translateAll(t *mibs.Tree, names []string, write func(mibs.Instance), problems io.Writer) error {
	unknown := 0
	for _, name := range names {
		i, err := modules.Resolve(t, name)
		switch {
		case err == nil:
			write(i)
		case len(names) == 1:
			return err
		default:
			fmt.Fprintln(problems, err)
			unknown++
		}
	}
	if unknown > 0 {
		return fmt.Errorf("%d of %d names are not known", unknown, len(names))
	}
	return nil
}

// translation writes an instance in the letters of snmptranslate's flags -O and -T.
func translation(t *mibs.Tree, i mibs.Instance, output, more string) string {
	if more == "p" {
		return t.Outline(i.Node)
	}
	text := i.String()
	switch output {
	case "n":
		text = "." + i.OID().String()
	case "f":
		text = t.Path(i)
	case "s":
		text = i.Short()
	}
	if more == "d" {
		return text + "\n" + t.Detail(i.Node)
	}
	return text + "\n"
}
