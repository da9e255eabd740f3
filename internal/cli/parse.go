package cli

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// Parse reads the command line. The error names the flag or the argument whose value is at fault, and the known name that was
// probably meant by a name that is not known.
func Parse(app *kingpin.Application, args []string) (command string, err error) {
	if len(args) > 0 && args[0] == "--completion-bash" {
		if names, is := commandHints(app.Model(), args[1:]); is {
			fmt.Println(strings.Join(names, "\n"))
			return "", &Failure{}
		}
	}
	if err := UnknownCommand(app.Model(), args); err != nil {
		return "", Usage(err)
	}
	command, err = app.Parse(args)
	if err == nil {
		return command, nil
	}
	elements, errForm := app.ParseContext(args)
	selected := ""
	if elements != nil && elements.SelectedCommand != nil {
		selected = elements.SelectedCommand.FullCommand()
	}
	if errForm == nil {
		err = valueError(elements, err)
	} else if flag := unknownFlag.FindStringSubmatch(err.Error()); flag != nil {
		err = fmt.Errorf("%s has no flag %s%s", cmp.Or(selected, app.Name), flag[1], DidYouMean(flag[1], flagNames(app.Model(), selected)))
	} else if late := commandBehindFlags(app.Model(), args, err); late != "" {
		return "", Usagef("the command comes first: %s", late)
	}
	return "", Usagef("%w\nTry %q.", err, strings.Join(strings.Fields(app.Name+" "+selected+" --help"), " "))
}

// commandBehindFlags returns the command line with its command in front of its flags, if the error is that kingpin took
// the flags for those of the default command; otherwise "".
func commandBehindFlags(app *kingpin.ApplicationModel, args []string, err error) string {
	word, unexpected := strings.CutPrefix(err.Error(), "unexpected ")
	i := slices.Index(args, word)
	if !unexpected || i <= 0 || !strings.HasPrefix(args[0], "-") || !slices.ContainsFunc(app.Commands, func(c *kingpin.CmdModel) bool { return c.Name == word }) {
		return ""
	}
	return strings.Join(slices.Concat([]string{app.Name, word}, args[:i], args[i+1:]), " ")
}

// valueError names the flag or the argument whose value is not taken.
func valueError(parsed *kingpin.ParseContext, err error) error {
	for _, e := range parsed.Elements {
		name, value := "", kingpin.Value(nil)
		switch clause := e.Clause.(type) {
		case *kingpin.FlagClause:
			name, value = "--"+clause.Model().Name, clause.Model().Value
		case *kingpin.ArgClause:
			name, value = clause.Model().Name, clause.Model().Value
		}
		if value == nil || e.Value == nil {
			continue
		}
		if errValue := value.Set(*e.Value); errValue != nil {
			return fmt.Errorf("%s: %w", name, inOurWords(errValue))
		}
	}
	return err
}

// unknownFlag matches kingpin's errors.
var unknownFlag = regexp.MustCompile(`^unknown (?:long|short) flag '(-.*)'$`)

// flagNames are the flags that a command takes.
func flagNames(app *kingpin.ApplicationModel, command string) (names []string) {
	flags := app.Flags
	for _, c := range app.FlattenedCommands() {
		if c.FullCommand == command {
			flags = slices.Concat(flags, c.Flags)
		}
	}
	for _, f := range flags {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	}
	return names
}

// meantElsewhere is what to write in the place of words that are expected to be commands.
var meantElsewhere = map[string]string{
	"reload":       "a server reads its files again by curl -X POST " + DefaultServer + "/-/reload, or by SIGHUP",
	"profile list": "the commands are show, draft, test; trapline profile show TARGET prints what is selected for a target",
}

// UnknownCommand is the error of a word where a command has to stand, else nil.
func UnknownCommand(app *kingpin.ApplicationModel, args []string) error {
	known, above := app.Commands, ""
	if len(args) > 0 && args[0] == "help" {
		args = args[1:]
	}
	for _, word := range args {
		if strings.HasPrefix(word, "-") {
			return nil // a word that follows may be the value of a flag
		}
		i := slices.IndexFunc(known, func(c *kingpin.CmdModel) bool { return c.Name == word || slices.Contains(c.Aliases, word) })
		if i >= 0 && len(known[i].Commands) > 0 {
			known, above = known[i].Commands, above+word+" "
			continue
		}
		if advice := meantElsewhere[above+word]; advice != "" && i < 0 {
			return fmt.Errorf("no command %q: %s", above+word, advice)
		}
		takesWords := func(c *kingpin.CmdModel) bool { return c.Default && len(c.Args) > 0 }
		if i >= 0 || slices.ContainsFunc(known, takesWords) {
			return nil
		}
		var names []string
		for _, c := range known {
			if !c.Hidden {
				names = append(names, c.Name)
			}
		}
		advice := DidYouMean(word, names)
		if advice == "" {
			advice = ": the commands are " + strings.Join(names, ", ")
		}
		return fmt.Errorf("no command %q%s", above+word, advice)
	}
	return nil
}

// inOurWords replaces the standard library's errors about numbers.
func inOurWords(err error) error {
	wrong := (*strconv.NumError)(nil)
	if !errors.As(err, &wrong) {
		return err
	}
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%q is too large a number", wrong.Num)
	}
	return fmt.Errorf("%q is not a number", wrong.Num)
}
