package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/notify"
	"trapline/internal/outbox"
	"trapline/internal/poller"
)

// DryRun evaluates rules for given polls, one after the other and with their times. It returns the notifications that
// receivers would have been sent.
type DryRun struct {
	dir       string
	outbox    *notify.DryRun
	evaluator *Evaluator
	due       map[groupKey]plan // when global rules are evaluated next
	now       time.Time
}

// DryRunOptions are the parts of a configuration that a dry run uses.
type DryRunOptions struct {
	Configuration
	Receivers     []notify.ReceiverSettings
	Notifications notify.Settings
	Auths         map[string]*access.Auth
}

// NewDryRun starts a dry run. It must be closed.
func NewDryRun(o DryRunOptions, now time.Time) (*DryRun, error) {
	dir, err := os.MkdirTemp("", "trapline-dryrun-")
	if err != nil {
		return nil, err
	}
	r := &DryRun{dir: dir, due: map[groupKey]plan{}, now: now}
	if err := r.open(&o); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *DryRun) open(o *DryRunOptions) (err error) {
	silent, registry := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	shared := &notify.Dependencies{Settings: &o.Notifications, Auths: o.Auths, Metrics: outbox.NewMetrics(registry), Names: o.Names, Logger: silent}
	if r.outbox, err = notify.NewDryRun(r.dir, o.Receivers, shared, r.now); err != nil {
		return err
	}
	r.evaluator, err = New(Options{
		Alerts: AlertStore{State: r.outbox.State, Outbox: r.outbox.Outbox}, Deployment: o.Notifications.Deployment, Logger: silent, Registry: registry,
		Now: func() time.Time { return r.now },
	})
	if err != nil {
		return err
	}
	r.evaluator.Configure(o.Configuration)
	_, err = r.evaluator.openSamples()
	return err
}

// Evaluate evaluates polls that began at the same time, and the global rules that are due. It returns the notifications
// that receivers would have been sent. The error lists the rules that cannot be evaluated.
func (r *DryRun) Evaluate(ctx context.Context, now time.Time, passes []poller.Report) ([]notify.DrySent, error) {
	r.now = now
	e := r.evaluator
	var failed error
	for i := range passes {
		if d := e.device(passes[i].Target.Name); d != nil {
			e.evaluatePoll(ctx, d, &passes[i])
			failed = errors.Join(failed, d.failures())
		}
	}
	e.dueGlobal(ctx, r.due, now)
	return r.outbox.Sent(), errors.Join(failed, e.global.failures())
}

// failures returns the errors of the last evaluation.
func (d *device) failures() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.instances {
		if b.err != nil {
			err = errors.Join(err, fmt.Errorf("rule %s of %s: %w", b.rule.UID, d, b.err))
		}
	}
	return err
}

// Close removes the files of the dry run.
func (r *DryRun) Close() (err error) {
	if r.evaluator != nil {
		if s := r.evaluator.queryEngine.Load(); s != nil {
			err = s.store.close()
		}
	}
	if r.outbox != nil {
		err = errors.Join(err, r.outbox.Close())
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}
