package tools

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"trapline/config"
	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/series"
)

func addPoll(program *cli.Program) {
	c := program.App.Command("poll", "Poll a target once, and print the series that come of it. The exit status is 1 if something is missing.")
	flags := cli.AddTargetFlags(c)
	modules := c.Flag("module", "Modules to poll a host by; a target has its own. Repeatable.").PlaceHolder("NAME").Strings()
	limit := cli.AddMaxTime(c, "2m")
	flags.Hints(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		k, err := flags.Find(ctx, flags.Client)
		if err != nil {
			return err
		}
		if k.At != nil {
			return pollAt(ctx, k.At, k.Target.Name)
		}
		target, err := pollTarget(flags, &k, *modules)
		if err != nil {
			return err
		}
		e := client.New(client.Options{Logger: logger})
		defer e.Close()
		options := poller.PassOptions{Open: cli.Sessions(e), WrapCounters: true, ModuleConcurrency: 1}
		limited, end := limit.Limit(ctx)
		defer end()
		pass := options.Run(limited, target, true)
		if err := ctx.Err(); err != nil {
			return err
		}
		err = printPass(os.Stdout, target, pass)
		if late := limit.Reached(limited); late != "" {
			fmt.Fprintf(os.Stderr, "%s: %s of %s were not read whole: %s\n", target.Name, human.Grouped(pass.Asked-pass.Arrived), human.Counted(pass.Asked, "object"), late)
		}
		return err
	}
}

// pollTarget is the target of the configuration, else a host that modules are named for.
func pollTarget(f *cli.TargetFlags, k *cli.Known, modules []string) (*poller.Target, error) {
	if k.Local != nil && len(modules) == 0 {
		t := *k.Local
		var err error
		if t.Spec, err = f.Client.Spec(); err != nil {
			return nil, cli.Usage(err)
		}
		return &t, nil
	}
	w, err := f.Load()
	if err != nil {
		return nil, err
	}
	if len(modules) == 0 {
		modules = []string{poller.DefaultModule}
	}
	w.Catalog.Shipped = config.Shipped
	for _, m := range modules {
		if m != profile.Auto && w.Catalog.Module(m) == nil {
			return nil, cli.Usagef("no module %q in %s%s", m, strings.Join(f.FilesOrStandard(), ", "), cli.DidYouMean(m, slices.Sorted(maps.Keys(w.Catalog.Modules))))
		}
	}
	settings := poller.TargetSettings{Name: *f.Client.Host, Address: *f.Client.Host, Modules: modules}
	t, err := poller.NewTarget(&settings, &w.Config.Global, w.Catalog)
	if err != nil {
		return nil, cli.Usage(err)
	}
	if t.Spec, err = f.Client.Spec(); err != nil {
		return nil, cli.Usage(err)
	}
	return t, nil
}

// printPass writes the series of a poll, and on standard error its result.
func printPass(out io.Writer, t *poller.Target, pass *poller.Pass) error {
	e := series.NewEncoder(out, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
	if err := e.Encode([]series.Group{{Sets: pass.Sets}}); err != nil {
		return err
	}
	if _, err := e.Close(); err != nil {
		return err
	}
	total := 0
	for _, s := range pass.Sets {
		total += s.Len()
	}
	state := "up"
	if !pass.Up {
		state = "down"
	}
	fmt.Fprintf(os.Stderr, "%s: %s, %s series in %s\n", t.Name, state, human.Grouped(total), human.Span(pass.Duration.Seconds()))
	printFailures(os.Stderr, pass.Failures())
	return cli.Failed(!pass.Up || len(pass.Failures()) > 0)
}

// maxFailures is how many failures of a poll are printed.
const maxFailures = 50

// printFailures writes failures, each once: a device may have the same series in each of its rows, and all its tables
// may fail for one reason.
func printFailures(out io.Writer, failures []error) {
	times := map[string]int{}
	var lines []string
	for _, err := range failures {
		for line := range strings.Lines(err.Error()) {
			line = human.Visible(strings.TrimRight(line, "\n"))
			if times[line]++; times[line] == 1 {
				lines = append(lines, line)
			}
		}
	}
	for _, line := range lines[:min(len(lines), maxFailures)] {
		if n := times[line]; n > 1 {
			line += fmt.Sprintf(" (%s times)", human.Grouped(n))
		}
		fmt.Fprintln(out, line)
	}
	if more := len(lines) - maxFailures; more > 0 {
		fmt.Fprintf(out, "and %s more\n", human.Grouped(more))
	}
}

// pollAt has the server poll a target, and prints its series.
func pollAt(ctx context.Context, r *cli.Remote, name string) error {
	began := time.Now()
	if _, err := r.Post(ctx, cli.TargetPath(name)+"/poll", nil, nil); err != nil {
		return err
	}
	var t api.Target
	if _, err := r.Target(ctx, name, &t); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %s, %s series in %s\n", t.Name, t.State, human.Grouped(t.Series), human.Span(time.Since(began).Seconds()))
	if t.State == api.Down {
		(&cli.Printer{Out: os.Stderr}).Problems(&t)
		return cli.Failed(true)
	}
	response, err := r.Send(ctx, cli.Call{Path: "/targets/" + url.PathEscape(name) + "/metrics"})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, cli.MaxLine))
		return fmt.Errorf("%s: %s", name, human.Visible(strings.TrimSpace(string(text))))
	}
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return r.Unreached(ctx, err)
	}
	return cli.Failed(t.State != api.Up)
}
