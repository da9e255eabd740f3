package views

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"trapline/internal/alerting"
	"trapline/internal/api"
	"trapline/internal/boottime"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/fleet"
	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// topAsker is where top has its figures from.
type topAsker interface {
	ask(ctx context.Context, table string) topData
}

// localTop polls a target of the configuration by itself, as often as it is asked.
type localTop struct {
	polls   *poller.Poller
	answers *fleet.Fleet
	target  poller.Target
	name    string
	every   time.Duration
	mu      sync.Mutex // one poll at a time
	settled bool       // the target's interval is that of top, or the shortest of the device
}

// withoutServer takes the target from the configuration, if no server was named and none answers. Otherwise err stays.
func (s *topSource) withoutServer(ctx context.Context, f *cli.ServerFlags, files []string, expandEnv bool, err error) (w *runtimeconfig.Config, target *poller.Target, _ error) {
	of := (*cli.Failure)(nil)
	if ctx.Err() != nil || f.Named() || !errors.As(err, &of) || of.Status != cli.ExitNoServer || !runtimeconfig.AnyFile(runtimeconfig.Files(files)) {
		return nil, nil, err
	}
	w, errLoad := runtimeconfig.Load(files, expandEnv, "")
	if errLoad != nil {
		return nil, nil, errLoad
	}
	where := strings.Join(runtimeconfig.Files(files), ", ")
	target, list, errFind := cli.InConfiguration(ctx, w, s.name)
	if errFind != nil {
		return nil, nil, errFind
	}
	if target == nil {
		return nil, nil, cli.Usagef("no server at %s, and no target %q in %s%s", s.server.Base.Redacted(), s.name, where, cli.DidYouMean(s.name, cli.LocalNames(ctx, w)))
	}
	if list != "" {
		where = "the list " + list
	}
	fmt.Fprintf(os.Stderr, "%s: %s, auth %s, from %s: polled from here, for there is no server at %s\n", s.name, target.Spec.Address, target.AuthName, where, s.server.Base.Redacted())
	return w, target, nil
}

// newLocalTop polls until ctx ends. The function that it returns waits for the last poll.
func newLocalTop(ctx context.Context, w *runtimeconfig.Config, target *poller.Target, every time.Duration) (l *localTop, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	silent := slog.New(slog.DiscardHandler) // the screen is taken
	e := client.New(client.Options{Logger: silent})
	keeper := history.NewStore()
	keeper.Configure(&w.Config.History)
	polls := poller.New(poller.Options{
		PassOptions: poller.PassOptions{Open: cli.Sessions(e), WrapCounters: true, ModuleConcurrency: 1, KeepIndexes: true},
		Logger:      silent, Elapsed: boottime.Elapsed, Identify: true, History: keeper,
	})
	polls.SetTargets([]*poller.Target{target})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = polls.Run(ctx) // it ends with ctx
	}()
	l = &localTop{polls: polls, answers: fleet.New(polls, nil, nil, alerting.New(nil, nil, nil, nil), time.Now()), target: *target, name: target.Name, every: every}
	return l, func() {
		cancel()
		<-ended
		e.Close()
	}
}

// poll polls once. The duration of the first poll bounds how often the device can be polled: a poll ends with its interval, and
// histories have a point for each.
func (l *localTop) poll(ctx context.Context) error {
	began := time.Now()
	if err := l.polls.PollNow(ctx, l.name); err != nil || l.settled {
		return err
	}
	l.settled = true
	l.target.Interval = max(l.every, 2*time.Since(began))
	l.polls.SetTargets([]*poller.Target{&l.target})
	return l.polls.PollNow(ctx, l.name)
}

func (l *localTop) ask(ctx context.Context, table string) (d topData) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.at = time.Now()
	if d.err = l.poll(ctx); d.err != nil {
		return d
	}
	if d.target, d.err = l.answers.Target(l.name); d.err != nil {
		return d
	}
	if table == "" {
		table = nextTable("", d.target.Tables)
	}
	d.table, d.err = l.answers.TableOf(api.TableQuery{Target: l.name, Table: table, Rates: true, History: true, Limit: maxRowsShown})
	var hint *api.Hinted
	switch {
	case d.err != nil && d.target.Problem != nil:
		d.err = fmt.Errorf("%s: %s", l.name, d.target.Problem.Text)
	case errors.As(d.err, &hint):
		d.err = cli.Usagef("%w: %s", hint.Err, hint.Hint)
	}
	return d
}
