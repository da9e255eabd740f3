package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"trapline/internal/cli"
	"trapline/internal/cluster"
	"trapline/internal/human"
	"trapline/internal/runtimeconfig"
)

// clusterFlags name the configuration of a cluster, and a member.
type clusterFlags struct {
	files     *[]string
	expandEnv *bool
	member    *string
}

func addCluster(program *cli.Program) {
	group := program.App.GetCommand("cluster")

	c := group.Command("snapshot", "Copy all that the cluster has in its engine to a file: alarms, what waits for receivers, and who polls which target. The voters of the configuration are asked, of which a majority must run.")
	f := &clusterFlags{member: new(string)}
	f.files, f.expandEnv = cli.AddConfigFlags(c)
	file := c.Arg("file", "File to write, which must not exist.").Required().String()
	program.Commands[c.FullCommand()] = func(ctx context.Context, log *slog.Logger) error { return f.snapshot(ctx, log, *file) }

	r := group.Command("recover", "Make a cluster of one out of the data of the voter on this machine, after a majority of the voters is gone for good. Trapline must not run here. The others start without data, afterwards, and join.")
	fr := &clusterFlags{}
	fr.files, fr.expandEnv = cli.AddConfigFlags(r)
	fr.member = r.Flag("cluster.member", "Name of the voter on this machine; default: cluster.member of the configuration, or the host name.").PlaceHolder("NAME").String()
	snapshot := r.Flag("snapshot", "Begin with a copy that `cluster snapshot` has made, where no voter has its data.").PlaceHolder("FILE").String()
	program.Commands[r.FullCommand()] = func(ctx context.Context, log *slog.Logger) error { return fr.recover(ctx, log, *snapshot) }

	p := group.Command("replace", "Take a voter out of the cluster that is gone for good. In cluster.members, first write the name of the new one in its place, or leave it out.")
	fp := &clusterFlags{member: new(string)}
	fp.files, fp.expandEnv = cli.AddConfigFlags(p)
	old, by := p.Arg("old", "Name of the voter that is gone.").Required().String(), p.Arg("new", "Name of the voter in its place; without it the cluster has one voter less.").String()
	program.Commands[p.FullCommand()] = func(ctx context.Context, log *slog.Logger) error { return fp.replace(ctx, log, *old, *by) }
}

// admin returns the administration of the cluster of the configuration.
func (f *clusterFlags) admin(log *slog.Logger) (*cluster.Admin, error) {
	w, err := runtimeconfig.Load(*f.files, *f.expandEnv, "")
	if err != nil {
		return nil, err
	}
	if w.Config.Cluster == nil {
		return nil, errors.New("the configuration has no cluster")
	}
	settings := *w.Config.Cluster
	if *f.member != "" {
		settings.Member = *f.member
	}
	return cluster.NewAdmin(settings, w.Config.StateDir, log)
}

func (f *clusterFlags) snapshot(ctx context.Context, log *slog.Logger, name string) error {
	a, err := f.admin(log)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s exists: name a file that does not", name))
	}
	part := name + ".part" // what has the name is whole
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	rows, err := a.Snapshot(ctx, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	fmt.Printf("%s has %s of the cluster\n", name, human.Counted(rows, "row"))
	return nil
}

func (f *clusterFlags) recover(ctx context.Context, log *slog.Logger, snapshot string) error {
	a, err := f.admin(log)
	if err != nil {
		return err
	}
	var from io.ReadSeeker
	if snapshot != "" {
		file, err := os.Open(snapshot)
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	r, err := a.Recover(ctx, from)
	if err != nil {
		return err
	}
	fmt.Printf("The cluster %s has one voter, with %s. Start it. Then, on each other voter, remove the directory cluster in its state_dir, and start it.\n", r.ID, human.Counted(r.Rows, "row"))
	return nil
}

func (f *clusterFlags) replace(ctx context.Context, log *slog.Logger, old, by string) error {
	a, err := f.admin(log)
	if err != nil {
		return err
	}
	if err := a.Replace(ctx, old, by); err != nil {
		return err
	}
	if by == "" {
		fmt.Printf("%s votes no more. Restart the others with this configuration, one after the other.\n", old)
		return nil
	}
	fmt.Printf("%s votes no more. Start %s with this configuration, and wait until `trapline cluster status` has it. Then restart the others with it, one after the other.\n", old, by)
	return nil
}
