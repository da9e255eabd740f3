package discovery

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	prom "github.com/prometheus/prometheus/discovery"

	"trapline/internal/errlog"
	"trapline/internal/neighbours"
	"trapline/internal/redact"
	"trapline/internal/seek"
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
	files  func(*slog.Logger) *files // instead of open, of a list that stands in files
}

// kinds returns the lists of an entry.
func (s *Settings) kinds() (list []kind) {
	for _, f := range s.Files {
		list = append(list, kind{id: "file " + strings.Join(f.Value.Files, ","), config: &f.Value, files: func(logger *slog.Logger) *files { return newFiles(&f.Value, logger) }})
	}
	for _, h := range s.HTTP {
		list = append(list, kind{id: "http " + redact.URL(h.Value.URL), config: &h.Value, open: func(o prom.DiscovererOptions) (prom.Discoverer, error) { return newHTTP(&h.Value, o) }})
	}
	for _, d := range s.DNS {
		list = append(list, kind{id: fmt.Sprintf("dns %s %s", d.Value.Type, strings.Join(d.Value.Names, ",")), config: noFiles{}, open: foreign(&d.Value)})
	}
	if s.CSV != nil {
		list = append(list, kind{id: "csv " + strings.Join(s.CSV.Paths, ","), config: s.CSV, files: s.CSV.open})
	}
	if s.NetBox != nil {
		list = append(list, kind{id: "netbox " + redact.URL(s.NetBox.URL) + " " + s.NetBox.Query, config: s.NetBox, open: s.NetBox.open})
	}
	seen := map[string]int{}
	for i := range list { // of which some may look the same without their secrets
		id := list[i].id
		if seen[id]++; seen[id] > 1 {
			list[i].id += fmt.Sprintf(" (%d)", seen[id])
		}
	}
	if s.Scan != nil {
		list = append(list, kind{id: "scan", config: s.Scan, open: s.Scan.Open})
	}
	if s.Neighbours != nil {
		list = append(list, kind{id: seek.NeighboursKind, config: s.Neighbours, open: s.Neighbours.Open})
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
	o := prom.DiscovererOptions{SetName: name, Logger: slog.New(&errlog.Handler{Note: note})}
	opened, err := k.open(o)
	if depends, ok := opened.(seek.Dependent); ok {
		depends.DependOn(func() seek.Surroundings { return d.surroundings(name, k.id) })
	}
	return opened, err
}

func (d *Discovery) surroundings(list, kind string) seek.Surroundings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return seek.Surroundings{
		Logger: d.logger.With("list", list), Auths: d.current.Auths, StateDir: d.current.StateDir, Names: d.names(), Unread: d.unread(list), Taken: d.taken(list, kind), Near: d.near,
		Spread: func(s *seek.Neighbours) []neighbours.Candidate {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.spread(list, s)
		},
	}
}
