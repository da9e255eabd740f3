package main

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// parse reads the command line. The error names the flag or the argument whose value is at fault.
func parse(app *kingpin.Application, args []string) (command string, err error) {
	command, err = app.Parse(args)
	if err == nil {
		return command, nil
	}
	elements, errForm := app.ParseContext(args)
	if errForm != nil {
		return "", err // which names it
	}
	for _, e := range elements.Elements {
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
			return "", fmt.Errorf("%s: %w", name, inOurWords(errValue))
		}
	}
	return "", err
}

// inOurWords replaces what the standard library says about numbers.
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

// pathValue is the argument of --web.telemetry-path.
type pathValue string

// ownPaths are served already.
var ownPaths = []string{"/snmp", "/sd", "/config", "/targets", "/-", "/api", "/debug"}

// Set reads a path that nothing else is served under.
func (p *pathValue) Set(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !strings.HasPrefix(text, "/") || u.Path != text || strings.ContainsAny(text, "{} ") || path.Clean(text) != strings.TrimRight(text, "/") && text != "/":
		return fmt.Errorf("%.80q is not a path: write one such as /metrics", text)
	case slices.Contains(ownPaths, "/"+strings.SplitN(text, "/", 3)[1]):
		return fmt.Errorf("%s is served already: write another path, such as /metrics", text)
	}
	*p = pathValue(text)
	return nil
}

func (p *pathValue) String() string { return string(*p) }
