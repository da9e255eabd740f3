package mib

import (
	"context"
	"fmt"
	"log/slog"

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
	names := c.Arg("name", "NAME, MODULE::NAME or OID, with or without an index.").Required().Strings()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		t, err := flags.Tree(*names)
		if err != nil {
			return err
		}
		for _, name := range *names {
			i, err := modules.Resolve(t, name)
			if err != nil {
				return err
			}
			fmt.Print(translation(t, i, *output, *more))
		}
		return nil
	}
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
