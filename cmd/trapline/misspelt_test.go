package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
)

// misspellings are the words that one exchange, omission, addition or replacement of a letter makes of a word.
func misspellings(word string) (list []string) {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	for i := range len(word) + 1 {
		for _, letter := range letters {
			list = append(list, word[:i]+string(letter)+word[i:])
			if i < len(word) {
				list = append(list, word[:i]+string(letter)+word[i+1:])
			}
		}
		if i < len(word) {
			list = append(list, word[:i]+word[i+1:])
		}
		if i+1 < len(word) {
			list = append(list, word[:i]+word[i+1:i+2]+word[i:i+1]+word[i+2:])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Every misspelling of a command that can be only of that command has it suggested.
func TestEveryCommandIsSuggested(t *testing.T) {
	t.Parallel()
	program, _ := newProgram()
	app := program.App
	checked := 0
	var check func(above []string, commands []*kingpin.CmdModel)
	check = func(above []string, commands []*kingpin.CmdModel) {
		if slices.ContainsFunc(commands, func(c *kingpin.CmdModel) bool { return c.Default && len(c.Args) > 0 }) {
			return // any word is an argument there
		}
		from := map[string][]string{}
		for _, c := range commands {
			from[c.Name] = append(from[c.Name], c.Name, c.Name)
			for _, alias := range c.Aliases {
				from[alias] = append(from[alias], alias, alias)
			}
			for _, m := range misspellings(c.Name) {
				if !c.Hidden {
					from[m] = append(from[m], c.Name)
				}
			}
			check(append(slices.Clone(above), c.Name), c.Commands)
		}
		for word, of := range from {
			if len(of) != 1 || len(word) < 2 {
				continue
			}
			checked++
			err := cli.UnknownCommand(app.Model(), append(slices.Clone(above), word))
			want := "no command " + strconv.Quote(strings.Join(append(slices.Clone(above), word), " ")) + "; did you mean " + of[0] + "?"
			if err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	check(nil, app.Model().Commands)
	if checked < 1000 {
		t.Errorf("only %d misspellings were checked", checked)
	}
}
