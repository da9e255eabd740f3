package rules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	bbolterrors "go.etcd.io/bbolt/errors"

	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/series"
)

// Samples that cannot be read are put aside, which is said, and everything else goes on: alerts lie elsewhere.
func TestADamagedStoreIsPutAside(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no directory": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, []byte("x"), 0o600))
		},
		"a block that is none": func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "wal")), os.WriteFile(filepath.Join(dir, "wal"), []byte("x"), 0o600))
		},
		"from the future": nil,
	} {
		r := start(t, hot)
		r.warm()
		r.want(name, "raise Hot i=1")
		r.must(r.e.alertStore.markAlive(r.e.now(), r.now))
		r.kill()
		dir := filepath.Join(r.dir, "rules")
		if damage != nil {
			r.must(damage(dir))
		} else {
			r.now = r.now.Add(-time.Hour)
		}
		r.taken = 1
		r.run()
		if aside, _ := filepath.Glob(dir + ".damaged-*"); len(aside) != 1 {
			t.Errorf("%s: put aside: %v", name, aside)
		}
		r.warm()
		r.want(name+", still warm", "")
		r.cool()
		r.want(name+", cool", "clear Hot i=1")
	}
}

func TestASecondDamagedStoreTakesThePlaceOfTheFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rules")
	var text bytes.Buffer
	for i := range 2 {
		if err := os.WriteFile(dir, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openStore(dir, 0, time.Unix(int64(i), 0), slog.New(slog.NewTextHandler(&text, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.close(), os.RemoveAll(dir)); err != nil {
			t.Fatal(err)
		}
	}
	if aside, _ := filepath.Glob(dir + ".damaged-*"); len(aside) != 1 || !strings.HasSuffix(aside[0], "damaged-1000000000") {
		t.Errorf("put aside: %v", aside)
	}
	if n := strings.Count(text.String(), "level=ERROR"); n != 2 {
		t.Errorf("said %d times:\n%s", n, &text)
	}
}

// Alerts that could not be stored are found again by the next poll, and notified once.
func TestACommitThatFailsIsMadeUpFor(t *testing.T) {
	r := start(t, hot+`, {alert: Warm, expr: temperature > 30, for: 1m}`)
	good := r.e.alertStore
	broken := failing{}
	r.e.alertStore = &broken
	r.warm()
	r.warm()
	r.warm()
	r.want("nothing can be stored", "")
	r.e.alertStore = good
	r.warm()
	if got := r.take(); got != "raise Hot i=1, raise Warm i=1" {
		t.Errorf("it can again: %q", got)
	}
	r.e.alertStore = &broken
	r.cool()
	r.use(`{alert: Warm, expr: temperature > 30, for: 1m}`)
	r.configure()
	r.e.alertStore = good
	r.e.clearOrphans()
	r.want("the rule is gone meanwhile", "clear Hot i=1 (the rule is gone)")
	r.use(hot)
	r.configure()
	r.warm()
	r.want("it is there again", "clear Warm i=1 (the rule is gone), raise Hot i=1")
	r.e.alertStore = &broken
	r.use(`{alert: Other, expr: temperature > 99}`)
	r.configure()
	r.use(hot)
	r.configure()
	r.e.alertStore = good
	r.e.clearOrphans()
	r.warm()
	r.want("it was gone for a moment", "")
	r.cool()
	r.want("cool", "clear Hot i=1")
}

// Without a state directory, alerts are kept in memory, and samples in a temporary directory.
func TestWithoutStateDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	e, err := New(Options{Alerts: AlertStore{}, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	set := parse(t, "groups: [{name: g, rules: ["+hot+"]}]")
	e.Configure(Configuration{Set: set, Targets: []*poller.Target{target("sw1")}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	for i := 0; len(e.Alerts().Sets[0].Columns[0].Values) == 0; i++ {
		pass := &poller.Pass{Start: time.Now(), Up: true}
		pass.Sets = append(pass.Sets, setOf(t, fmt.Sprintf(`temperature{i="1"} %d`, 41+i%2)))
		e.Ended(poller.Report{Target: target("sw1"), Last: pass, Health: setOf(t)})
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(os.Getenv("TMPDIR") + "/*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A pass that ends before the store is open is evaluated once it is, and only the last one of a target. A store
// that cannot be opened is tried again, and is unhealthy until it can.
func TestPassesBeforeTheStoreIsOpen(t *testing.T) {
	for name, dir := range map[string]string{"opens": "rules", "opens later": "file/rules"} {
		synctest.Test(t, func(t *testing.T) {
			base := t.TempDir()
			if err := os.WriteFile(filepath.Join(base, "file"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			e, err := New(Options{Dir: filepath.Join(base, dir), Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
			if err != nil {
				t.Fatal(err)
			}
			e.Configure(Configuration{Set: parse(t, "groups: [{name: g, rules: ["+hot+"]}]"), Targets: []*poller.Target{target("sw1")}})
			ended := func(value int) {
				pass := &poller.Pass{Start: time.Now(), Up: true, Sets: []*series.Set{setOf(t, fmt.Sprintf(`temperature{i="1"} %d`, value))}}
				e.Ended(poller.Report{Target: target("sw1"), Last: pass, Health: setOf(t)})
			}
			ended(41)
			ended(42)
			ctx, cancel := context.WithCancel(t.Context())
			over := make(chan error)
			go func() { over <- e.Run(ctx) }()
			synctest.Wait()
			if healthy := e.Healthy() == nil; healthy != (name == "opens") {
				t.Errorf("%s: %v", name, e.Healthy())
			}
			if name != "opens" {
				if err := os.Remove(filepath.Join(base, "file")); err != nil {
					t.Error(err)
				}
				time.Sleep(openTime)
				synctest.Wait()
			}
			if list := e.statuses()["g/Hot"]; list == nil || len(list.alerts) != 1 || list.alerts[0].Value != "4.2e+01" || testutil.ToFloat64(e.metrics.evaluations) != 1 {
				t.Errorf("%s: %+v, after %v evaluations", name, list, testutil.ToFloat64(e.metrics.evaluations))
			}
			if err := e.Healthy(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
			if err := <-over; err != nil {
				t.Error(name, err)
			}
		})
	}
}

// failing is an alert store whose disk is full.
type failing struct{}

func (failing) load(context.Context, string, *slog.Logger) ([]*record, looks, time.Time, error) {
	return nil, nil, time.Time{}, nil
}
func (failing) apply(t []outbox.Transition, c []change, l []look, _ time.Time) error {
	if len(t)+len(c)+len(l) == 0 {
		return nil
	}
	return bbolterrors.ErrInvalid
}
func (failing) markAlive(_, _ time.Time) error { return bbolterrors.ErrInvalid }
