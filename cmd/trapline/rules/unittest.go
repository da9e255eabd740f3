package rules

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"sync"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/rules/unittest"
	"trapline/internal/varbind"
	"trapline/mibs"
)

func addRulesUnittest(program *cli.Program, rules *kingpin.CmdClause) {
	c := rules.Command("test", "Run unit tests of rule files, in the format of promtool.")
	files := c.Arg("file", "Test files.").Required().ExistingFiles()
	run := c.Flag("run", "Run the tests whose names this expression matches. Repeatable.").Strings()
	unknown := c.Flag("ignore-unknown-fields", "Take no offense at keys of rule files that Prometheus does not know.").Bool()
	report := c.Flag("junit", "Write the results into this file too, in JUnit's XML.").PlaceHolder("FILE").String()
	flags := cli.AddMIBFlags(c)
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		o := UnitTestOptions(flags)
		o.IgnoreUnknownFields = *unknown
		var err error
		if o.Run, err = anyOf(*run); err != nil {
			return fmt.Errorf("--run: %w", err)
		}
		suites := RunUnitTests(*files, o)
		if *report != "" {
			if err := writeJUnit(*report, suites); err != nil {
				return err
			}
		}
		return PrintUnitTests(os.Stdout, suites)
	}
}

// UnitTestOptions have names looked for in those MIBs.
func UnitTestOptions(f cli.MIBFlags) unittest.Options {
	names := varbind.Names(sync.OnceValues(func() (*mibs.Tree, error) { return f.Tree(nil) }))
	return unittest.Options{Names: names, Line: cli.NamedBy(names)}
}

// anyOf makes an expression that matches where one of several does; nil of none.
func anyOf(expressions []string) (*regexp.Regexp, error) {
	joined := ""
	for i, e := range expressions {
		if _, err := regexp.Compile(e); err != nil {
			return nil, err
		}
		if i > 0 {
			joined += "|"
		}
		joined += "(?:" + e + ")"
	}
	if joined == "" {
		return nil, nil
	}
	return regexp.Compile(joined)
}

// Suite is the result of a test file. Its tags are those of JUnit's reports.
type Suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Cases    []testCase `xml:"testcase"`
	Error    string     `xml:"error,omitempty"` // why there are no cases
}

type testCase struct {
	Name     string   `xml:"name,attr"`
	Failures []string `xml:"failure"`
}

// RunUnitTests runs the unit tests of files.
func RunUnitTests(files []string, o unittest.Options) []Suite {
	var suites []Suite
	for _, file := range files {
		s := Suite{Name: file}
		results, err := unittest.Run(file, o)
		if err != nil {
			s.Errors, s.Error = 1, err.Error()
		}
		for _, r := range results {
			c := testCase{Name: r.Name}
			for _, err := range r.Failures {
				c.Failures = append(c.Failures, err.Error())
			}
			s.Tests++
			if len(c.Failures) > 0 {
				s.Failures++
			}
			s.Cases = append(s.Cases, c)
		}
		suites = append(suites, s)
	}
	return suites
}

// PrintUnitTests writes the failures. The error counts them.
func PrintUnitTests(out io.Writer, suites []Suite) error {
	tests, failed := 0, 0
	for _, s := range suites {
		if s.Error != "" {
			fmt.Fprintln(out, s.Error)
		}
		for _, c := range s.Cases {
			for _, text := range c.Failures {
				fmt.Fprintln(out, text)
			}
		}
		tests, failed = tests+s.Tests+s.Errors, failed+s.Failures+s.Errors
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d tests failed", failed, tests)
	}
	_, err := fmt.Fprintf(out, "%d tests passed\n", tests)
	return err
}

func writeJUnit(file string, suites []Suite) error {
	text, err := xml.MarshalIndent(struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []Suite  `xml:"testsuite"`
	}{Suites: suites}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte(xml.Header), text...), 0o644)
}
