package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline"
	"trapline/config"
	"trapline/internal/access"
	"trapline/internal/poller"
	"trapline/internal/rules"
)

// world is all that came out of the configuration. It is replaced as a whole.
type world struct {
	config  *config.Config
	catalog *poller.Catalog
	targets []*poller.Target

	findings func() ([]rules.Finding, error) // about the rules
	hash     func() string                   // of the files
	loadedAt time.Time
}

// seldomCollect has garbage collected less often while little memory is in use, as when the program starts:
// to collect that of loading a big file takes a quarter of the time. It returns what ends that.
func seldomCollect() (end func()) {
	const percent, little = 400, 64 << 20
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapAlloc > little {
		return func() {}
	}
	before := debug.SetGCPercent(percent)
	if before < 0 || before > percent {
		debug.SetGCPercent(before) // which the user set
	}
	return func() { debug.SetGCPercent(before) }
}

// load reads and compiles the configuration: what serve does up to the first packet.
func load(files []string, expandEnv bool, sourceAddress string) (*world, error) {
	defer seldomCollect()()
	files = configFiles(files)
	c, err := config.Load(files, config.Options{ExpandEnv: expandEnv})
	if err != nil {
		return nil, unreadable(files, err)
	}
	return compile(c, sourceAddress)
}

// compile makes what runs of a configuration.
func compile(c *config.Config, sourceAddress string) (*world, error) {
	if c.Global.SourceAddress == "" {
		if _, err := access.ParseSource(sourceAddress); err != nil {
			return nil, err
		}
		c.Global.SourceAddress = sourceAddress
	}
	w := &world{config: c, catalog: poller.NewCatalog(c.Auths, c.Compiled, c.Book)}
	if c.ShipsModules {
		w.catalog.Shipped = config.Shipped
	}
	w.findings = sync.OnceValues(w.lint)
	w.hash = sync.OnceValue(func() string { return config.Hash(c.Files) })
	w.loadedAt = time.Now()
	for i := range c.Targets {
		t, err := poller.NewTarget(&c.Targets[i], &c.Global, w.catalog)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", c.Targets[i].Name, err)
		}
		w.targets = append(w.targets, t)
	}
	return w, nil
}

// warn logs what may not be meant. Of a rule without data it is logged once, if told is to know of it; of those that ship
// with the program their number is.
func (w *world) warn(logger *slog.Logger, told map[string]bool) {
	for _, text := range w.config.Warnings {
		logger.Warn(text)
	}
	for _, text := range w.config.Notifications.Warnings() {
		logger.Warn(text)
	}
	for _, name := range slices.Sorted(maps.Keys(w.catalog.Modules)) {
		for _, text := range w.catalog.Modules[name].Warnings {
			logger.Warn(text)
		}
	}
	findings, err := w.findings()
	if err != nil {
		logger.Error("the rules cannot be checked", "err", err)
	}
	shipped := map[*rules.Rule]bool{}
	for _, f := range findings {
		switch text := f.String(); {
		case f.Level == rules.Wrong:
			logger.Error(text)
		case f.NoData && isShipped(f.Rule):
			shipped[f.Rule] = true
		case f.Level == rules.Doubtful && !(f.NoData && told[text]):
			logger.Warn(text)
			if told != nil {
				told[text] = true
			}
		}
	}
	if len(shipped) > 0 {
		logger.Info("shipped rules without data: no target's modules yield what they look at", "rules", len(shipped))
	}
}

// shippedRules are the rules that ship with the program, by name and expression.
var shippedRules = sync.OnceValue(func() map[[2]string]bool {
	known := map[[2]string]bool{}
	_ = fs.WalkDir(trapline.Rules, "rules", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := trapline.Rules.ReadFile(name)
		groups, _, _ := rules.Parse(name, text)
		for _, g := range groups {
			for _, r := range g.Rules {
				known[[2]string{r.Name(), r.Text}] = true
			}
		}
		return err
	})
	return known
})

func isShipped(r *rules.Rule) bool { return shippedRules()[[2]string{r.Name(), r.Text}] }

// reloader keeps the world of the last configuration that was good.
type reloader struct {
	load func() (*world, error)
	// loadText reads a configuration that is in no file, for a check.
	loadText func(text []byte, running *config.Config) (*world, error)
	accept   func(*config.Config) error    // may refuse a configuration that is not the first
	ended    func(targets int, err error)  // called after each reload; may be nil
	settings func(*config.Config) []string // that take effect with the next start; may be nil
	loaded   func(*world)                  // told of each new world
	logger   *slog.Logger
	current  atomic.Pointer[world]
	refused  atomic.Pointer[refusal] // the last reload; nil if it was not
	told     map[string]bool         // rules without data that were logged

	mu         sync.Mutex // one reload at a time
	successful prometheus.Gauge
	at         prometheus.Gauge
}

func newReloader(load func() (*world, error), loaded func(*world), registry prometheus.Registerer, logger *slog.Logger) *reloader {
	r := &reloader{load: load, loaded: loaded, logger: logger, told: map[string]bool{},
		successful: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trapline_config_last_reload_successful", Help: "1 if the last attempt to read the configuration succeeded."}),
		at:         prometheus.NewGauge(prometheus.GaugeOpts{Name: "trapline_config_last_reload_success_timestamp_seconds", Help: "When the running configuration was read."}),
	}
	registry.MustRegister(r.successful, r.at)
	return r
}

// reload reads the configuration again. One with mistakes changes nothing.
func (r *reloader) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, err := r.load()
	if err == nil {
		err = r.accept(w.config)
	}
	if err != nil {
		r.successful.Set(0)
		r.refused.Store(&refusal{time.Now(), configErrors(err, nil)})
		r.note(0, err)
		return err
	}
	r.adopt(w)
	r.refused.Store(nil)
	if r.settings != nil {
		for _, name := range r.settings(w.config) {
			r.logger.Warn("a setting has changed that takes effect with the next start", "setting", name)
		}
	}
	r.note(len(w.targets), nil)
	r.logger.Info("Loaded config file", "auths", len(w.config.Auths), "modules", len(w.config.Modules), "targets", len(w.targets))
	return nil
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

// warnings are about what may not be meant in a configuration, or is not yet done.
func (r *reloader) warnings(c *config.Config) []string {
	return append([]string{}, slices.Concat(c.Warnings, c.Notifications.Warnings(), r.later(c))...)
}

func (r *reloader) note(targets int, err error) {
	if r.ended != nil {
		r.ended(targets, err)
	}
}

func (r *reloader) adopt(w *world) {
	w.warn(r.logger, r.told)
	r.current.Store(w)
	r.loaded(w)
	r.successful.Set(1)
	r.at.SetToCurrentTime()
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
