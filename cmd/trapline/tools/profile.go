package tools

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/config"
	"trapline/internal/cli"
	"trapline/internal/profile"
	"trapline/internal/snmp"
	"trapline/mibs"
)

func addProfile(program *cli.Program) {
	c := program.App.Command("profile", `Show, test and write the profiles by which "auto" reads devices.`)
	addProfileShow(program, c)
	addProfileDraft(program, c)
	addProfileTest(program, c)
}

func addProfileShow(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("show", `Print which modules "auto" selects for a target and why, and what the target has that none of them reads (the default).`).Default()
	flags := cli.AddTargetFlags(c)
	dirs := c.Flag("profiles-dir", "Directory of files with profiles, which come before the built-in ones. Repeatable.").ExistingDirs()
	mibDirs := c.Flag("mibs-dir", "Directory of MIB files, which come before the built-in MIBs. Repeatable.").ExistingDirs()
	listed := c.Flag("series", "Poll the target, and print each vendor-neutral series with the object that it is made of instead.").Bool()
	limit := cli.AddMaxTime(c, "2m")
	flags.Hints(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		k, err := flags.Find(ctx, flags.Client)
		if err != nil {
			return err
		}
		if k.At != nil && *listed {
			return cli.Usagef("--series asks the target itself: write its address and credentials, or name the file of the configuration")
		}
		if k.At != nil {
			return profileAt(ctx, &k, os.Stdout)
		}
		book, tree, err := profilesFor(flags, &k, *dirs, *mibDirs)
		if err != nil {
			return err
		}
		e, target, params, err := flags.Client.Target(ctx, logger)
		if err != nil {
			return err
		}
		defer e.Close()
		ctx, end := limit.Limit(ctx)
		defer end()
		choice, err := book.Choose(ctx, target, params)
		if late := limit.Reached(ctx); late != "" && err != nil {
			return fmt.Errorf("%s has not said what it has: %s", *flags.Client.Host, late)
		}
		if err != nil {
			return flags.Meant(ctx, flags.Client, err)
		}
		out := bufio.NewWriter(os.Stdout)
		defer out.Flush()
		if *listed {
			return printMeasures(ctx, out, choice, target, params, tree)
		}
		printChoice(out, choice, tree)
		unread, err := choice.Unread(ctx, target, params, tree)
		if len(unread) > 0 {
			fmt.Fprintln(out, "none of them reads:")
		}
		for _, s := range unread {
			fmt.Fprintf(out, "  %s\n", s)
		}
		if late := limit.Reached(ctx); late != "" {
			return fmt.Errorf("not all that the target has was read: %s", late)
		}
		return err
	}
}

// profilesFor returns the profiles and the MIBs of the directories; without any, those of the configuration that has the
// target.
func profilesFor(flags *cli.TargetFlags, k *cli.Known, dirs, mibDirs []string) (*profile.Registry, *mibs.Tree, error) {
	load := func() (*profile.Registry, error) { return config.Profiles(dirs, config.Options{MIBDirs: mibDirs}) }
	if k.Local != nil && len(dirs)+len(mibDirs) == 0 {
		w, err := flags.Load()
		if err != nil {
			return nil, nil, err
		}
		load, mibDirs = w.Config.Book, w.Config.MIBs.Dirs
	}
	book, err := load()
	if err != nil {
		return nil, nil, err
	}
	tree, err := cli.AllMIBs(mibDirs)
	return book, tree, err
}

func printChoice(out io.Writer, c *profile.Choice, tree *mibs.Tree) {
	fmt.Fprintf(out, "profile %s\n", c.Profile())
	for _, reason := range c.Reasons() {
		fmt.Fprintf(out, "  %s\n", reason)
	}
	fmt.Fprintln(out, "modules")
	var absent []string
	for _, m := range c.Modules {
		fmt.Fprintf(out, "  %-20s of %s: the target answers %s\n", m.Module.Name, m.Origin(), objectName(tree, m.Found))
	}
	for _, m := range c.Absent {
		absent = append(absent, m.Module.Name)
	}
	if len(absent) > 0 {
		fmt.Fprintf(out, "the target has nothing for: %s\n", strings.Join(absent, ", "))
	}
	for _, err := range c.Faults {
		fmt.Fprintf(out, "left out: %v\n", err)
	}
}

func objectName(tree *mibs.Tree, oid snmp.OID) string {
	if i := tree.Find(oid); i.Node != nil {
		return i.String()
	}
	return oid.String()
}
