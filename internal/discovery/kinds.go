package discovery

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	prom "github.com/prometheus/prometheus/discovery"

	"trapline/internal/access"
	"trapline/internal/neighbours"
)

// config is the settings of a kind of list.
type config interface {
	SetDirectory(dir string)
}

// kind is one list of an entry of `discovery`.
type kind struct {
	id     string // of its sources, which is the same as long as it is the same list
	config config
	open   func(prom.DiscovererOptions) (prom.Discoverer, error)
}

// kinds returns the lists of an entry.
func (s *Settings) kinds() (list []kind) {
	for _, f := range s.Files {
		list = append(list, kind{"file " + strings.Join(f.Value.Files, ","), &f.Value, foreign(&f.Value)})
	}
	for _, h := range s.HTTP {
		list = append(list, kind{"http " + shownURL(h.Value.URL), &h.Value, func(o prom.DiscovererOptions) (prom.Discoverer, error) { return newHTTP(&h.Value, o) }})
	}
	for _, d := range s.DNS {
		list = append(list, kind{fmt.Sprintf("dns %s %s", d.Value.Type, strings.Join(d.Value.Names, ",")), noFiles{}, foreign(&d.Value)})
	}
	if s.CSV != nil {
		list = append(list, kind{"csv " + strings.Join(s.CSV.Paths, ","), s.CSV, s.CSV.open})
	}
	if s.NetBox != nil {
		list = append(list, kind{"netbox " + shownURL(s.NetBox.URL) + " " + s.NetBox.Query, s.NetBox, s.NetBox.open})
	}
	seen := map[string]int{}
	for i := range list { // of which some may look the same without their secrets
		id := list[i].id
		if seen[id]++; seen[id] > 1 {
			list[i].id += fmt.Sprintf(" (%d)", seen[id])
		}
	}
	if s.Scan != nil {
		list = append(list, kind{"scan", s.Scan, s.Scan.open})
	}
	if s.Neighbours != nil {
		list = append(list, kind{neighboursKind, s.Neighbours, s.Neighbours.open})
	}
	return list
}

// noFiles are settings without names of files.
type noFiles struct{}

func (noFiles) SetDirectory(string) {}

// foreign opens a list of a package of Prometheus.
func foreign(c prom.Config) func(prom.DiscovererOptions) (prom.Discoverer, error) {
	return func(o prom.DiscovererOptions) (prom.Discoverer, error) {
		registry := prometheus.NewRegistry() // its metrics are replaced by those of this package
		o.Metrics = c.NewDiscovererMetrics(registry, prom.NewRefreshMetrics(registry))
		return c.NewDiscoverer(o)
	}
}

// openKind opens a list, with a logger that notes its errors.
func (d *Discovery) openKind(k *kind, name string, note func(text string)) (prom.Discoverer, error) {
	o := prom.DiscovererOptions{SetName: name, Logger: slog.New(&errorNotes{note: note})}
	opened, err := k.open(o)
	if depends, ok := opened.(dependent); ok {
		depends.dependOn(func() surroundings { return d.surroundings(name, k.id) })
	}
	return opened, err
}

// dependent is a list that depends on other parts of the configuration, which may change under way.
type dependent interface{ dependOn(func() surroundings) }

// surroundings are the parts of the configuration that a list may depend on.
type surroundings struct {
	logger   *slog.Logger
	auths    map[string]*access.Auth
	stateDir string
	names    map[string]bool     // of all targets
	taken    map[netip.Addr]bool // addresses of targets of the configuration and of other lists
	near     *neighbours.Nearby
	spread   func(*Neighbours) []neighbours.Candidate
}

func (d *Discovery) surroundings(list, kind string) surroundings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return surroundings{
		logger: d.logger.With("list", list), auths: d.current.Auths, stateDir: d.current.StateDir, names: d.names(), taken: d.taken(list, kind), near: d.near,
		spread: func(s *Neighbours) []neighbours.Candidate {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.spread(list, s)
		},
	}
}
