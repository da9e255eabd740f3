package tools

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/draft"
	"trapline/internal/human"
	"trapline/internal/profile"
	"trapline/internal/replay"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// profileDraft are the flags of `profile draft`.
type profileDraft struct {
	target  *cli.TargetFlags
	dirs    *[]string
	mibDirs *[]string
	output  *string
	all     *bool
	limit   cli.MaxTime
}

func addProfileDraft(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("draft", "Write a first profile of what a target has and no module reads, with guesses from names, units and enumerations. A file that ends in .snmprec is read in the place of a target.")
	f := &profileDraft{target: cli.AddTargetFlags(c)}
	f.output = c.Flag("output", "File to write, which must not exist; - is standard output.").Short('o').Default("-").String()
	f.all = c.Flag("all", "Also what modules of vendors' objects read already.").Bool()
	f.dirs = c.Flag("profiles-dir", "Directory of files with profiles, which come before the built-in ones. Repeatable.").ExistingDirs()
	f.mibDirs = c.Flag("mibs-dir", "Directory of MIB files, which come before the built-in MIBs. Repeatable.").ExistingDirs()
	f.limit = cli.AddMaxTime(c, "30m")
	f.target.Hints(c)
	program.Commands[c.FullCommand()] = f.run
}

func (f *profileDraft) run(ctx context.Context, logger *slog.Logger) error {
	r, err := f.recording(ctx, logger)
	if err != nil {
		return err
	}
	book, err := config.Profiles(*f.dirs, config.Options{MIBDirs: *f.mibDirs})
	if err != nil {
		return err
	}
	tree, err := cli.AllMIBs(*f.mibDirs)
	if err != nil {
		return err
	}
	d, err := draftOf(ctx, r, book, tree, *f.all)
	if err != nil {
		return err
	}
	d.Origin = *f.target.Client.Host
	text, summary := d.YAML()
	if err := writeNew(*f.output, text); err != nil {
		return err
	}
	if summary.Measures == 0 && !*f.all {
		fmt.Fprintln(os.Stderr, "Nothing was guessed: modules read what is known of the target. --all drafts that, too")
	}
	fmt.Fprintf(os.Stderr, "%s in %s, to be read and corrected; nothing was guessed about %s; %s in no MIB\n", human.Counted(summary.Measures, "measure"),
		human.Counted(summary.Modules, "module"), human.Counted(summary.Tables, "table"), human.Count(summary.Unnamed, "object is", "objects are"))
	return nil
}

// recording is that of the file, or of the target.
func (f *profileDraft) recording(ctx context.Context, logger *slog.Logger) (*agent.Recording, error) {
	if host := *f.target.Client.Host; strings.HasSuffix(host, ".snmprec") {
		return agent.OpenRecording(host)
	}
	record, end, err := recorder(ctx, logger, f.target, []snmp.OID{snmp.MustParseOID("1.3.6.1")}, f.limit)
	if err != nil {
		return nil, err
	}
	defer end()
	return record(ctx)
}

// draftOf returns what a draft of a recorded device is made of. All says that what modules read of vendors' objects
// counts as unread.
func draftOf(ctx context.Context, r *agent.Recording, book *profile.Registry, tree *mibs.Tree, all bool) (*draft.Device, error) {
	choice, err := book.Choose(ctx, replay.Device(r), client.Params{})
	if err != nil {
		return nil, err
	}
	taken := book.Modules()
	return &draft.Device{Recording: r, Tree: tree,
		Read:  func(name snmp.OID) bool { return !all && choice.Reads(name) },
		Taken: func(module string) bool { return taken[module] != nil },
	}, nil
}

// writeNew writes a file that must not exist, or standard output.
func writeNew(name, text string) error {
	if name == "-" {
		_, err := os.Stdout.WriteString(text)
		return err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err = file.WriteString(text); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
