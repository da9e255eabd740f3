package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/expfmt"

	"trapline/config"
	"trapline/internal/api"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/series"
)

func addPoll(app *kingpin.Application, commands map[string]command) {
	c := app.Command("poll", "Poll a target once, and print the series that come of it. The exit status is 1 if something is missing.")
	flags := addTargetFlags(c)
	modules := c.Flag("module", "Modules to poll a host by; a target has its own. Repeatable.").PlaceHolder("NAME").Strings()
	flags.hints(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		k, err := flags.find(ctx, flags.clientFlags)
		if err != nil {
			return err
		}
		if k.at != nil {
			return k.at.poll(ctx, k.target.Name)
		}
		target, err := flags.pollTarget(&k, *modules)
		if err != nil {
			return err
		}
		e := client.New(client.Options{Logger: logger})
		defer e.Close()
		options := poller.PassOptions{Open: sessions(e), WrapCounters: true, ModuleConcurrency: 1}
		pass := options.Run(ctx, target, true)
		if err := ctx.Err(); err != nil {
			return err
		}
		return printPass(os.Stdout, target, pass)
	}
}

// pollTarget is the target of the configuration, else a host that modules are named for.
func (f *targetFlags) pollTarget(k *known, modules []string) (*poller.Target, error) {
	if k.local != nil && len(modules) == 0 {
		t := *k.local
		var err error
		if t.Spec, err = f.spec(); err != nil {
			return nil, usage(err)
		}
		return &t, nil
	}
	w, err := f.world()
	if err != nil {
		return nil, err
	}
	if len(modules) == 0 {
		modules = []string{poller.DefaultModule}
	}
	w.Catalog.Shipped = config.Shipped
	for _, m := range modules {
		if m != profile.Auto && w.Catalog.Module(m) == nil {
			return nil, usagef("no module %q in %s%s", m, strings.Join(f.filesOrStandard(), ", "), didYouMean(m, slices.Sorted(maps.Keys(w.Catalog.Modules))))
		}
	}
	settings := poller.TargetSettings{Name: *f.host, Address: *f.host, Modules: modules}
	t, err := poller.NewTarget(&settings, &w.Config.Global, w.Catalog)
	if err != nil {
		return nil, usage(err)
	}
	if t.Spec, err = f.spec(); err != nil {
		return nil, usage(err)
	}
	return t, nil
}

// printPass writes the series of a poll, and on standard error what it was.
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
	for _, err := range pass.Failures() {
		fmt.Fprintln(os.Stderr, human.Visible(err.Error()))
	}
	return failed(!pass.Up || len(pass.Failures()) > 0)
}

// poll has the server poll a target, and prints its series.
func (r *remote) poll(ctx context.Context, name string) error {
	began := time.Now()
	if _, err := r.post(ctx, targetPath(name)+"/poll", nil, nil); err != nil {
		return err
	}
	var t api.Target
	if _, err := r.target(ctx, name, &t); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %s, %s series in %s\n", t.Name, t.State, human.Grouped(t.Series), human.Span(time.Since(began).Seconds()))
	if t.State == api.Down {
		(&printer{out: os.Stderr}).problems(&t)
		return failed(true)
	}
	response, err := r.send(ctx, http.MethodGet, r.base.JoinPath("/targets", name, "metrics"), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxLine))
		return fmt.Errorf("%s: %s", name, human.Visible(strings.TrimSpace(string(text))))
	}
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return r.unreached(ctx, err)
	}
	return failed(t.State != api.Up)
}
