package app

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/config"
	"trapline/internal/discovery"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// reloader keeps the world of the last configuration that was good.
type reloader struct {
	load func() (*runtimeconfig.Config, error)
	// loadText reads a configuration that is in no file, for a check.
	loadText func(text []byte, running *config.Config) (*runtimeconfig.Config, error)
	accept   func(*config.Config) error                      // may refuse a configuration that is not the first
	relist   func(before, after *runtimeconfig.Config) error // is accept for one that differs in targets of lists alone
	ended    func(targets int, err error)                    // called after each reload; may be nil
	settings func(*config.Config) []string                   // that take effect with the next start; may be nil
	loaded   func(*runtimeconfig.Config)                     // called with each one
	// lists has the lists of targets read of another configuration, and returns it with those that are known; undo goes back
	// to the lists before. May be nil
	lists      func(*runtimeconfig.Config) (w *runtimeconfig.Config, undo func(), err error)
	noteListed func(before, after []*poller.Target) // called with the targets before and after a change of lists; may be nil
	logger     *slog.Logger
	current    atomic.Pointer[runtimeconfig.Config]
	refused    atomic.Pointer[refusal] // the last reload; nil if it was not
	reported   map[string]bool         // Rules without data that were logged

	loading sync.Mutex // one reload at a time reads its files, for which nothing else waits: they may be on a disk that does not answer

	mu         sync.Mutex // of changes of what runs
	successful prometheus.Gauge
	at         prometheus.Gauge
}

func newReloader(load func() (*runtimeconfig.Config, error), loaded func(*runtimeconfig.Config), registry prometheus.Registerer, logger *slog.Logger) *reloader {
	r := &reloader{load: load, loaded: loaded, logger: logger, reported: map[string]bool{},
		successful: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trapline_config_last_reload_successful", Help: "1 if the last attempt to read the configuration succeeded."}),
		at:         prometheus.NewGauge(prometheus.GaugeOpts{Name: "trapline_config_last_reload_success_timestamp_seconds", Help: "When the running configuration was read."}),
	}
	registry.MustRegister(r.successful, r.at)
	return r
}

// reload reads the configuration again. One with problems changes nothing.
func (r *reloader) reload() error {
	r.loading.Lock()
	defer r.loading.Unlock()
	w, err := r.load()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		w, err = r.withLists(w)
	}
	if err != nil {
		r.successful.Set(0)
		r.refused.Store(&refusal{time.Now(), configErrors(err, nil)})
		r.note(0, err)
		return err
	}
	r.apply(w)
	r.refused.Store(nil)
	if r.settings != nil {
		for _, name := range r.settings(w.Config) {
			r.logger.Warn("a setting has changed that takes effect with the next start", "setting", name)
		}
	}
	r.note(len(w.Targets), nil)
	r.logger.Info("loaded config file", "auths", len(w.Config.Auths), "modules", len(w.Config.Modules), "targets", len(w.Targets))
	return nil
}

// withLists adds the targets of lists to a configuration that is accepted with them.
func (r *reloader) withLists(w *runtimeconfig.Config) (*runtimeconfig.Config, error) {
	if r.lists == nil {
		return w, r.accept(w.Config)
	}
	w, undo, err := r.lists(w)
	if err == nil {
		err = r.accept(w.Config)
	}
	if err != nil {
		undo()
		return nil, err
	}
	return w, nil
}

// listed takes over the targets that lists have, in place of those that they had.
func (r *reloader) listed(entries func() (entries []*discovery.Entry, all bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	current := r.current.Load()
	w, err := current.With(entries())
	if err == nil {
		err = r.relist(current, w)
	}
	if err != nil {
		r.logger.Error("the targets of lists are not taken over, those before stay", "err", err)
		return
	}
	r.current.Store(w)
	r.loaded(w)
	r.logger.Debug("the targets of lists were taken over", "targets", len(w.Targets))
	if r.noteListed != nil {
		r.noteListed(current.Targets, w.Targets)
	}
}

// later says which settings of a configuration the process takes over when it starts again.
func (r *reloader) later(c *config.Config) (texts []string) {
	if r.settings == nil {
		return nil
	}
	for _, name := range r.settings(c) {
		texts = append(texts, name+" has changed, which takes effect with the next start")
	}
	return texts
}

// warnings returns the doubtful parts of a configuration, and the settings that take effect later.
func (r *reloader) warnings(c *config.Config) []string {
	return append([]string{}, slices.Concat(c.Warnings, c.Notifications.Warnings(), r.later(c))...)
}

func (r *reloader) note(targets int, err error) {
	if r.ended != nil {
		r.ended(targets, err)
	}
}

func (r *reloader) apply(w *runtimeconfig.Config) {
	w.Warn(r.logger, r.reported)
	r.current.Store(w)
	r.loaded(w)
	r.successful.Set(1)
	r.at.SetToCurrentTime()
}

// again applies the running configuration once more, unless done says that another call has.
func (r *reloader) again(done func() bool, apply func(*runtimeconfig.Config)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !done() {
		apply(r.current.Load())
	}
}

// Run reloads on SIGHUP.
func (r *reloader) Run(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			if err := r.reload(); err != nil {
				r.logger.Error("the configuration was not reloaded, the old one stays", "err", err)
			}
		}
	}
}
