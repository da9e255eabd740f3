package runtimeconfig

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"trapline/config"
	"trapline/internal/access"
	"trapline/internal/discovery"
	"trapline/internal/poller"
	"trapline/internal/rules"
)

// Config is all that came out of the configuration. It is replaced as a whole.
type Config struct {
	Config  *config.Config
	Catalog *poller.Catalog
	Targets []*poller.Target // those of the files, then those of lists

	Findings func() ([]rules.Finding, error) // about the rules
	Hash     func() string                   // of the files
	Shared   func() string                   // hash of all that members of a cluster have in common
	LoadedAt time.Time

	written int                                 // Targets that stand in the files
	listed  map[*discovery.Entry]*poller.Target // the others
	partial bool                                // lists may have had more
}

// seldomCollect has garbage collected less often while little memory is in use, as when the program starts:
// to collect that of loading a big file takes a quarter of the time. It returns the function that ends it.
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

// Load reads and compiles the configuration, as serve does before the first packet.
func Load(files []string, expandEnv bool, sourceAddress string) (*Config, error) {
	defer seldomCollect()()
	files = Files(files)
	c, err := config.Load(files, config.Options{ExpandEnv: expandEnv})
	if err != nil {
		return nil, unreadable(files, err)
	}
	return Compile(c, sourceAddress)
}

// Compile compiles a configuration. The source address is that of requests, unless the configuration has one.
func Compile(c *config.Config, sourceAddress string) (*Config, error) {
	if c.Global.SourceAddress == "" {
		if _, err := access.ParseSource(sourceAddress); err != nil {
			return nil, err
		}
		c.Global.SourceAddress = sourceAddress
	}
	w := &Config{Config: c, Catalog: poller.NewCatalog(c.Auths, c.Compiled, c.Book)}
	w.Catalog.OnlyMeasures = c.Auto.OnlyMeasures()
	if c.ShipsModules {
		w.Catalog.Shipped = config.Shipped
	}
	w.Findings = sync.OnceValues(w.lint)
	w.Hash = sync.OnceValue(func() string { return config.Hash(c.Files) })
	w.Shared = sync.OnceValue(func() string {
		if c.Cluster == nil {
			return config.SharedHash(c.Files, "")
		}
		return config.SharedHash(c.Files, c.Cluster.ZoneLabel)
	})
	w.LoadedAt = time.Now()
	for i := range c.Targets {
		t, err := poller.NewTarget(&c.Targets[i], &c.Global, w.Catalog)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", c.Targets[i].Name, err)
		}
		w.Targets = append(w.Targets, t)
	}
	w.written = len(w.Targets)
	return w, nil
}
