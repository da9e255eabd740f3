package setup

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/internal/runtimeconfig"
)

func addCheck(program *cli.Program) {
	c := program.App.Command("check", "Read the configuration as serve does, and report every error in it.")
	files, expandEnv := cli.AddConfigFlags(c)
	member := c.Flag("cluster.member", "Name of this member of the cluster, as serve has it; default: cluster.member of the configuration, or the host name.").PlaceHolder("NAME").String()
	arguments := c.Arg("file", "Configuration files or globs; without any, those of --config.file.").Strings()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		if len(*arguments) > 0 && len(*files) > 0 {
			return cli.Usagef("files are named as arguments and by --config.file: name all of them in one way")
		}
		if len(*arguments) > 0 {
			files = arguments
		}
		return printCheck(os.Stdout, *files, *expandEnv, *member)
	}
}

// printCheck prints the lines that check logs, and the size of the configuration.
func printCheck(out io.Writer, files []string, expandEnv bool, member string) error {
	l := &lines{out: out}
	w, err := runtimeconfig.Checked(files, expandEnv, member, slog.New(l))
	if err == nil {
		fmt.Fprintf(out, "The configuration has %s, %s, %s and %s: no errors, %s\n", human.Counted(len(w.Targets), "target"), human.Counted(len(w.Config.Modules), "module"),
			human.Counted(len(w.Config.Rules.Rules()), "rule"), human.Counted(len(w.Config.Receivers), "receiver"), human.Counted(l.warnings, "warning"))
	}
	return err
}

// lines prints log records for a reader at a terminal.
type lines struct {
	out      io.Writer
	warnings int
}

// Enabled takes all.
func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

// Handle prints a record, with its level if it is a warning or worse.
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	text, more := r.Message, ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "text" {
			text = a.Value.String() // which says more than the message
		} else {
			more += fmt.Sprintf(" (%s: %v)", a.Key, a.Value)
		}
		return true
	})
	switch {
	case r.Level >= slog.LevelError:
		text = withLevel(text, "error: ")
	case r.Level == slog.LevelWarn:
		l.warnings++
		text = withLevel(text, "warning: ")
	}
	_, err := fmt.Fprintln(l.out, text+more)
	return err
}

// placed matches the file and the line that a text begins with.
var placed = regexp.MustCompile(`^\S+:\d+: `)

// withLevel writes a level behind the place of a text, unless it stands there.
func withLevel(text, level string) string {
	place := placed.FindString(text)
	return place + level + strings.TrimPrefix(text[len(place):], level)
}

// WithAttrs keeps the handler as it is.
func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup keeps the handler as it is.
func (l *lines) WithGroup(string) slog.Handler { return l }
