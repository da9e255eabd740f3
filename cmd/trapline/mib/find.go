package mib

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/mibs"
)

func addMIBFind(program *cli.Program, mib *kingpin.CmdClause) {
	c := mib.Command("find", "List the nodes that have a word in their name or in what is said about them.")
	flags := cli.AddMIBFlags(c)
	word := c.Arg("word", "Any part of a name or of a description, in small or capital letters.").Required().String()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		t, err := flags.Tree(nil)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(os.Stdout)
		defer out.Flush()
		return findNodes(out, t, *word)
	}
}

func findNodes(out io.Writer, t *mibs.Tree, word string) error {
	found := false
	word = strings.ToLower(word)
	for n := range t.All() {
		if strings.Contains(strings.ToLower(n.Name+" "+n.Description), word) {
			found = true
			fmt.Fprintln(out, nodeLine(n))
		}
	}
	if !found {
		return fmt.Errorf("no node has %q in its name or description", word)
	}
	return nil
}
