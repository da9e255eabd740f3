package rules

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/notify"
	"trapline/internal/replay"
	"trapline/internal/rules"
	"trapline/internal/runtimeconfig"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

func addRulesReplay(program *cli.Program, parent *kingpin.CmdClause) {
	c := parent.Command("replay", "Have the rules judge recordings, and print what receivers would have been sent, and when.")
	files, expandEnv := cli.AddConfigFlags(c)
	start := c.Flag("start", "When the first poll began, in RFC 3339's form; without it, now.").PlaceHolder("TIME").String()
	interval := c.Flag("interval", "Time between the polls of all targets; without it, their own.").Duration()
	dirs := c.Arg("directory", "Directories named as targets, with their recordings (.snmprec, also .gz and .bz2) in the order of their names: one for each poll. "+
		"An empty one is a pass that the device did not answer.").Required().ExistingDirs()
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		w, err := runtimeconfig.Load(*files, *expandEnv, "")
		if err != nil {
			return err
		}
		at := time.Now()
		if *start != "" {
			if at, err = time.Parse(time.RFC3339, *start); err != nil {
				return fmt.Errorf("--start: %w", err)
			}
		}
		playbacks, err := playbacksOf(ctx, w, *dirs, *interval)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(os.Stdout)
		defer out.Flush()
		line := cli.NamedBy(w.Config.Names)
		passes := 0
		for i := range playbacks {
			passes += len(playbacks[i].Recordings)
		}
		bar := cli.NewProgressBeside("polls", passes)
		defer bar.End()
		return replay.Run(ctx, playbacks, replay.Options{
			Rules: dryRunOptions(w), Start: at,
			Sent:      func(t notify.DrySent) { printSent(out, &t, w.Config.Names, line) },
			PollEnded: func() { bar.Add(1) },
			Warn:      func(err error) { logger.Warn("the replay is incomplete", "err", err) },
		})
	}
}

// dryRunOptions returns the options that try the rules of the configuration. Without receivers, there is one that is
// sent the notifications that rules name.
func dryRunOptions(w *runtimeconfig.Config) rules.DryRunOptions {
	o := rules.DryRunOptions{
		Configuration: rules.Configuration{Set: w.Config.Rules, Settings: w.Config.RuleSettings, Names: w.Config.Names},
		Receivers:     w.Config.Receivers, Notifications: w.Config.Notifications, Auths: w.Config.Auths,
	}
	if len(o.Receivers) == 0 {
		o.Receivers = []notify.ReceiverSettings{{Name: "any", Type: "trap", Format: "template"}}
	}
	return o
}

// playbacksOf finds the recordings of targets in directories of their names.
func playbacksOf(ctx context.Context, w *runtimeconfig.Config, dirs []string, interval time.Duration) ([]replay.Playback, error) {
	var playbacks []replay.Playback
	for _, dir := range dirs {
		name := filepath.Base(filepath.Clean(dir))
		found, _, err := cli.InConfiguration(ctx, w, name)
		if err != nil {
			return nil, err
		}
		if found == nil {
			return nil, fmt.Errorf("%s: the configuration has no target %q", dir, name)
		}
		target := *found
		if interval > 0 {
			target.Interval = interval
		}
		t := replay.Playback{Target: &target}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if strings.Contains(e.Name(), ".snmprec") {
				t.Recordings = append(t.Recordings, filepath.Join(dir, e.Name()))
			}
		}
		if len(t.Recordings) == 0 {
			return nil, fmt.Errorf("%s: there are no recordings (*.snmprec) in it", dir)
		}
		playbacks = append(playbacks, t)
	}
	return playbacks, nil
}

// printSent prints a line about a notification, and one for each of its variable bindings.
func printSent(out io.Writer, t *notify.DrySent, names varbind.Names, line func(snmp.VarBind) string) {
	e := &t.Event
	fmt.Fprintf(out, "%s %s %s of %s to %s", e.At.UTC().Format(time.RFC3339), e.Kind, e.Alarm.Rule, e.Alarm.Target, t.Receiver)
	if t.Notification == nil {
		fmt.Fprintf(out, ": %s\n", e.Alarm.Summary)
		return
	}
	fmt.Fprintf(out, ": %s\n", names.NameOf(t.Notification.Trap))
	for _, v := range t.Notification.VarBinds {
		fmt.Fprintf(out, "  %s\n", strings.ReplaceAll(line(v), "\n", "\\n"))
	}
	for _, fault := range t.Faults {
		fmt.Fprintf(out, "  ! %s\n", fault)
	}
}
