package tools

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/measure"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/replay"
	"trapline/mibs"
)

// recordings is the pattern of the recordings in a directory of profiles. The measures that are expected of
// NAME.snmprec are in NAME.metrics beside it.
const recordings = "testdata/*.snmprec"

// profileTest are the flags of `profile test`.
type profileTest struct {
	dirs     *[]string
	mibDirs  *[]string
	write    *bool
	coverage *bool
}

func addProfileTest(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("test", "Poll the recordings testdata/NAME.snmprec of a directory of profiles by these and the built-in ones, and compare the measures with testdata/NAME.metrics. "+
		"A line that begins with - is missing, one with + is new, one with ~ has another value. The exit status is 1 if anything differs.")
	f := &profileTest{}
	f.write = c.Flag("write", "Write what is measured as what is expected, to be read before it is kept.").Bool()
	f.coverage = c.Flag("coverage", "Print also what each device has that no module reads.").Bool()
	f.mibDirs = c.Flag("mibs-dir", "Directory of MIB files, which come before the built-in MIBs. Repeatable.").ExistingDirs()
	f.dirs = c.Arg("directory", "Directories of profiles (*.yml) with their recordings.").Required().ExistingDirs()
	program.Commands[c.FullCommand()] = f.run
}

func (f *profileTest) run(ctx context.Context, _ *slog.Logger) error {
	tree, err := cli.AllMIBs(*f.mibDirs)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	failed := false
	for _, dir := range *f.dirs {
		if files, err := filepath.Glob(filepath.Join(dir, profile.Files)); err == nil && len(files) == 0 {
			return fmt.Errorf("%s has no profiles (%s): write one with trapline profile draft HOST -o %s", dir, profile.Files, filepath.Join(dir, "NAME.yml"))
		}
		book, warnings, err := config.CheckProfiles([]string{dir}, config.Options{MIBDirs: *f.mibDirs})
		if err != nil {
			return err
		}
		for _, w := range warnings {
			fmt.Fprintf(os.Stderr, "warning: %s\n", w)
		}
		files, err := filepath.Glob(filepath.Join(dir, recordings))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("%s has no recordings: make one with trapline record HOST --anonymize --out %s", dir, filepath.Join(dir, "testdata", "NAME.snmprec"))
		}
		for _, file := range files {
			t := recordingTest{file: file, book: book, tree: tree}
			same, err := t.run(ctx, f, out)
			if err != nil && ctx.Err() != nil {
				return err
			}
			if err != nil {
				fmt.Fprintf(out, "%s: %s\n", file, human.Visible(strings.TrimPrefix(err.Error(), file+": ")))
			}
			failed = failed || !same || err != nil
		}
	}
	return cli.Failed(failed)
}

// recordingTest is the test of one recording.
type recordingTest struct {
	file string
	book *profile.Registry
	tree *mibs.Tree
}

// run polls the recording, and reports whether it measures what is expected.
func (t *recordingTest) run(ctx context.Context, f *profileTest, out io.Writer) (same bool, err error) {
	r, err := agent.OpenRecording(t.file)
	if err != nil {
		return false, err
	}
	pass, err := replay.Auto(ctx, t.book, r)
	if err != nil {
		return false, err
	}
	if pass.Choice == nil {
		return false, fmt.Errorf("%s: %w", t.file, pass.Err)
	}
	got, err := replay.Measures(pass)
	if err != nil {
		return false, err
	}
	same, err = t.compare(got, *f.write, out)
	if err != nil {
		return false, err
	}
	for _, text := range implausible(got) {
		fmt.Fprintf(out, "  warning: %s\n", human.Visible(text))
	}
	for _, failure := range pass.Failures() {
		same = false
		fmt.Fprintf(out, "  ! %s\n", human.Visible(failure.Error()))
	}
	if *f.coverage {
		err = t.printUnread(ctx, r, pass, out)
	}
	return same, err
}

// implausible returns a text for each measure that has values which it cannot have, about the first of them.
func implausible(lines []string) (texts []string) {
	about := map[string]bool{}
	for _, line := range lines {
		series, text := line[:strings.LastIndexByte(line, ' ')], line[strings.LastIndexByte(line, ' ')+1:]
		name, labels, _ := strings.Cut(series, "{")
		value, err := strconv.ParseFloat(text, 64)
		_, id, _ := strings.Cut(labels, `hw_id="`)
		object := name + strings.TrimRight(id[:max(strings.IndexByte(id, '"'), 0)], ".0123456789")
		if err != nil || measure.Plausible(name, value) || about[object] {
			continue
		}
		about[object] = true
		advice := "look at its unit"
		if strings.HasSuffix(name, "_ratio") && value > 1 && value <= 100 {
			advice = "write unit: '%'"
		}
		texts = append(texts, fmt.Sprintf("%s is %s: %s", series, text, advice))
	}
	return texts
}

// compare prints how the measures differ from those that are expected, or writes them.
func (t *recordingTest) compare(got []string, write bool, out io.Writer) (same bool, err error) {
	expectation := strings.TrimSuffix(t.file, filepath.Ext(t.file)) + ".metrics"
	text, err := os.ReadFile(expectation)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	missing := err != nil
	differences := replay.Differences(string(text), got)
	if write && len(differences) > 0 {
		err = os.WriteFile(expectation, []byte(strings.Join(got, "\n")+"\n"), 0o644)
		if err != nil {
			return false, err
		}
	}
	measured := human.Counted(len(got), "measure")
	switch {
	case missing && write:
		fmt.Fprintf(out, "%s: %s written to %s\n", t.file, measured, expectation)
	case missing:
		fmt.Fprintf(out, "%s: %s, and no file %s to compare with: --write writes it\n", t.file, measured, expectation)
	case len(differences) == 0:
		fmt.Fprintf(out, "%s: %s as expected\n", t.file, measured)
	default:
		fmt.Fprintf(out, "%s: %s, %s\n", t.file, measured, human.Counted(len(differences), "difference"))
	}
	for _, line := range differences {
		fmt.Fprintf(out, "  %s\n", human.Visible(line))
	}
	return write || !missing && len(differences) == 0, nil
}

func (t *recordingTest) printUnread(ctx context.Context, r *agent.Recording, pass *poller.Pass, out io.Writer) error {
	unread, err := pass.Choice.Unread(ctx, replay.Device(r), client.Params{}, t.tree)
	for _, s := range unread {
		fmt.Fprintf(out, "  not read: %s\n", s)
	}
	return err
}
