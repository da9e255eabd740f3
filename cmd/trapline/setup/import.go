package setup

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"trapline/internal/cli"
	"trapline/internal/csvlist"
	"trapline/internal/human"
	"trapline/internal/setting"
)

func addImport(program *cli.Program) {
	group := program.App.Command("import", "Make a configuration of lists of devices, and of files of other programs.")
	addImportTraps(program, group)
	c := group.Command("csv",
		"Print targets for the rows of a CSV file. Its first row names the columns: keys of targets, such as name, address, auth, modules and interval; every other one becomes a label.")
	file := c.Arg("file", "CSV file; - is standard input.").Required().String()
	output := c.Flag("output", "File to write instead, which must not exist.").Short('o').Default("-").String()
	skip := c.Flag("skip-bad-rows", "Write the other rows all the same.").Bool()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		raw, err := readList(*file)
		if err != nil {
			return err
		}
		list, bad, err := csvlist.Parse(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", *file, err)
		}
		for _, row := range bad {
			fmt.Fprintf(os.Stderr, "%s:%d: %s\n", *file, row.Line, row.Text)
		}
		if len(bad) > 0 && !*skip {
			return fmt.Errorf("%s of %s cannot be imported, nothing is written: mend them, or write --skip-bad-rows", human.Counted(len(bad), "row"), human.Counted(len(list)+len(bad), "device"))
		}
		if err := writeNew(os.Stdout, *output, importedYAML(*file, list)); err != nil {
			return err
		}
		if *output != "-" {
			with := ""
			if len(authsOf(list)) > 0 {
				with = "snmp.yml "
			}
			fmt.Fprintf(os.Stderr, "%s: %s. Next: trapline check %s%[1]s\n", *output, human.Counted(len(list), "target"), with)
		}
		return nil
	}
}

// maxList bounds a list of devices, in octets.
const maxList = 64 << 20

func readList(file string) ([]byte, error) {
	if file != "-" {
		return setting.ReadFile(file, maxList)
	}
	b, err := io.ReadAll(io.LimitReader(os.Stdin, maxList+1))
	if len(b) > maxList {
		return nil, fmt.Errorf("the list is larger than %d octets", maxList)
	}
	return b, err
}

// authsOf lists the auths that targets name.
func authsOf(list []csvlist.Target) (auths []string) {
	for _, t := range list {
		if t.Auth != "" && !slices.Contains(auths, t.Auth) {
			auths = append(auths, t.Auth)
		}
	}
	slices.Sort(auths)
	return auths
}

// importedYAML is the file of the targets.
func importedYAML(source string, list []csvlist.Target) []byte {
	var b []byte
	b = fmt.Appendf(b, "# %s of %s, made by trapline import csv.\n", human.Counted(len(list), "device"), oneLine(source))
	if auths := authsOf(list); len(auths) > 0 {
		b = fmt.Appendf(b, "# Their auths stand in another file: %s. Start with --config.file=snmp.yml and --config.file=THIS.\n", yamlList(auths))
	}
	b = append(b, "targets:\n"...)
	for i := range list {
		b = appendTarget(b, &written{Target: list[i]})
	}
	return b
}
