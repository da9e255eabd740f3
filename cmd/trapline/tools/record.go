package tools

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/agent"
	"trapline/internal/anonymize"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/modules"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// recordFlags are what is recorded, how often, and how it is changed.
type recordFlags struct {
	target    *cli.TargetFlags
	roots     *[]string
	polls     *int
	interval  *time.Duration
	out       *string
	anonymize *bool
	key       *string
	verify    *string
	limit     cli.MaxTime
	mibDirs   *[]string
}

// wholeMIB are the subtrees of all objects: ISO's of LLDP (IEEE 802.1AB) and the Internet's.
var wholeMIB = []string{"1.0", "1.2", "1.3"}

func addRecord(program *cli.Program) {
	c := program.App.Command("record", "Walk a target to the end, and print a recording, for simulate, rules replay and profile test. A file that ends in .snmprec is read in the place of a target.")
	f := &recordFlags{target: cli.AddTargetFlags(c)}
	f.roots = c.Flag("root", "OID or name of a subtree to record; without any, all. Repeatable.").PlaceHolder("OID").Strings()
	f.polls = c.Flag("polls", "Record so many times: the rates of counters need two. Requires --out.").Default("1").Int()
	f.interval = c.Flag("interval", "Time between the beginnings of two polls.").Default("60s").Duration()
	f.out = c.Flag("out", "File to write; of several polls the number of the poll stands before its extension.").PlaceHolder("FILE").String()
	f.anonymize = c.Flag("anonymize", "Replace names, serial numbers, contacts, places, addresses and MACs, the same by the same, and leave out users and communities.").Bool()
	addHiddenAlias(c, "anonymise", f.anonymize)
	f.key = c.Flag("key", "Text that determines the replacements: recordings with the same key fit together. Without it, one is drawn.").PlaceHolder("TEXT").String()
	f.verify = c.Flag("verify", "Compare with this original, and fail if one of its identities is left.").PlaceHolder("FILE").ExistingFile()
	f.limit = cli.AddMaxTime(c, "30m")
	f.mibDirs = c.Flag("mibs-dir", "Directory of MIB files, whose names show what identifies. Repeatable.").ExistingDirs()
	f.target.Hints(c)
	program.Commands[c.FullCommand()] = f.run
}

// addHiddenAlias adds a second spelling of a flag, without help.
func addHiddenAlias(c *kingpin.CmdClause, name string, value *bool) {
	c.Flag(name, "").Hidden().BoolVar(value)
}

func (f *recordFlags) run(ctx context.Context, logger *slog.Logger) error {
	if *f.polls < 1 || *f.polls > 1 && *f.out == "" {
		return cli.Usagef("--polls is 1 or more, and more than one need --out: write --out NAME.snmprec")
	}
	record, end, err := f.source(ctx, logger)
	if err != nil {
		return err
	}
	defer end()
	var tree *mibs.Tree // where texts are replaced or compared: the names of all objects say what identifies
	if *f.anonymize || *f.verify != "" {
		if tree, err = cli.AllMIBs(*f.mibDirs); err != nil {
			return err
		}
	}
	key := []byte(*f.key)
	if len(key) == 0 {
		key = []byte(rand.Text())
	}
	tick := time.NewTicker(max(*f.interval, time.Millisecond))
	defer tick.Stop()
	for poll := 1; ; poll++ {
		r, err := record(ctx)
		if err != nil {
			return err
		}
		if err := f.finish(r, key, tree, poll); err != nil || poll == *f.polls {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// source returns the function that makes a recording, of a target or of a file, and the one that ends it.
func (f *recordFlags) source(ctx context.Context, logger *slog.Logger) (record func(context.Context) (*agent.Recording, error), end func(), err error) {
	host := *f.target.Client.Host
	if strings.HasSuffix(host, ".snmprec") {
		return func(context.Context) (*agent.Recording, error) { return agent.OpenRecording(host) }, func() {}, nil
	}
	names := *f.roots
	if len(names) == 0 {
		names = wholeMIB
	}
	oids, err := f.subtrees(names)
	if err != nil {
		return nil, nil, err
	}
	return recorder(ctx, logger, f.target, oids, f.limit)
}

// subtrees are those of names or OIDs. OIDs need no MIBs.
func (f *recordFlags) subtrees(names []string) (oids []snmp.OID, err error) {
	var tree *mibs.Tree
	if slices.ContainsFunc(names, cli.IsName) {
		if tree, err = cli.AllMIBs(*f.mibDirs, names...); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		list := []snmp.OID(nil)
		if cli.IsName(name) {
			list, err = modules.Subtrees(tree, name)
		} else if o, problem := snmp.ParseOID(name); problem == nil {
			list = []snmp.OID{o}
		} else {
			err = fmt.Errorf("%q is not an OID: %w", name, problem)
		}
		if err != nil {
			return nil, cli.Usage(err)
		}
		oids = append(oids, list...)
	}
	return oids, nil
}

// recorder returns the function that walks the target, and the one that ends it.
func recorder(ctx context.Context, logger *slog.Logger, flags *cli.TargetFlags, oids []snmp.OID, limit cli.MaxTime) (record func(context.Context) (*agent.Recording, error), end func(), err error) {
	k, err := flags.Find(ctx, flags.Client)
	if err != nil {
		return nil, nil, err
	}
	if k.At != nil {
		return nil, nil, cli.Usagef("%s is a target of %s: write %s to record it from here", k.Target.Name, k.At.Base.Redacted(), k.Target.Address)
	}
	e, target, params, err := flags.Client.Target(ctx, logger)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) (*agent.Recording, error) {
		var b agent.Builder
		bar := cli.NewProgressBeside("objects", -1)
		defer bar.End()
		limited, end := limit.Limit(ctx)
		defer end()
		var last snmp.OID
		plan := client.Plan{Walk: oids, Alone: len(oids) == 1, Params: params}
		stats, err := target.Poll(limited, &plan, func(v snmp.VarBind) {
			last = append(last[:0], v.Name...)
			if v.Type.HasValue() {
				b.Add(append(snmp.OID{}, v.Name...), v.Type, append([]byte{}, v.Value...))
			}
			bar.Add(1)
		})
		late := limit.Reached(limited)
		if late != "" && stats.VarBinds == 0 {
			return nil, fmt.Errorf("nothing was read of %s: %s", *flags.Client.Host, late)
		}
		if err != nil && stats.VarBinds == 0 {
			return nil, flags.Meant(ctx, flags.Client, err)
		}
		switch {
		case late != "":
			fmt.Fprintf(os.Stderr, "the recording of %s is partial, and ends at %s: %s\n", *flags.Client.Host, last, late)
		case err != nil:
			fmt.Fprintf(os.Stderr, "the recording of %s is partial: %v\n", *flags.Client.Host, err)
		}
		return b.Recording(), nil
	}, func() { _ = e.Close() }, nil
}

// finish anonymizes a recording, compares it with the original, and writes it.
func (f *recordFlags) finish(r *agent.Recording, key []byte, tree *mibs.Tree, poll int) error {
	if *f.anonymize {
		if texts := anonymize.Unnamed(r, tree); len(texts) > 0 && poll == 1 {
			fmt.Fprintf(os.Stderr, "%s in no MIB that is here may identify: name the directory of their MIB files with --mibs-dir, or look through %s\n",
				human.Counted(len(texts), "text"), firstOf(texts))
		}
		original := r
		r = anonymize.New(key, tree).Recording(r)
		if err := leftOf(anonymize.Leaks(original, r, tree), "the device"); err != nil {
			return err
		}
	}
	if *f.verify != "" {
		if err := verify(r, *f.verify, tree); err != nil {
			return err
		}
	}
	if *f.out == "" {
		_, err := r.WriteTo(os.Stdout)
		return err
	}
	name := *f.out
	if *f.polls > 1 {
		base := strings.TrimSuffix(name, ".snmprec")
		name = fmt.Sprintf("%s.%d%s", base, poll, strings.TrimPrefix(name, base))
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err = r.WriteTo(file); err != nil {
		_ = file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if *f.anonymize {
		fmt.Fprintf(os.Stderr, "%s: %s, and no identity of the device is left. Look through it, then send it with trapline --version, the series that are wrong, and their true values.\n",
			name, human.Counted(r.Len(), "object"))
	}
	return nil
}

// firstOf lists OIDs, of many the first.
func firstOf(oids []snmp.OID) string {
	const most = 20
	var list []string
	for _, o := range oids[:min(len(oids), most)] {
		list = append(list, o.String())
	}
	if more := len(oids) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

func verify(r *agent.Recording, file string, tree *mibs.Tree) error {
	original, err := agent.OpenRecording(file)
	if err != nil {
		return err
	}
	return leftOf(anonymize.Leaks(original, r, tree), file)
}

// leftOf reports the identities that a recording has of its original.
func leftOf(leaks []anonymize.Leak, original string) error {
	for _, l := range leaks {
		fmt.Fprintf(os.Stderr, "%s has %s\n", l.Object, human.Visible(l.Token))
	}
	if len(leaks) > 0 {
		return fmt.Errorf("%s of %s are left", human.Counted(len(leaks), "identity"), original)
	}
	return nil
}
