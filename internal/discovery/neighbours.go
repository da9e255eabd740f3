package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	prom "github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"trapline/internal/access"
	"trapline/internal/neighbours"
	"trapline/internal/scan"
	"trapline/internal/setting"
	"trapline/internal/sweep"
)

// Neighbours looks for devices in the tables of those that are polled, beginning at some: each is asked once an hour for
// its neighbours, behind a poll. Addresses in the tables are asked as those of a scan; what answers is polled, and its
// tables are read next.
type Neighbours struct {
	Seeds       []string         `yaml:"seeds"`                        // targets to begin at
	By          []string         `yaml:"by,omitempty"`                 // tables of their neighbours: lldp, cdp, arp; default all
	Within      []string         `yaml:"within"`                       // networks, such as 10.0.0.0/8: nothing is sent to addresses of others
	Exclude     []string         `yaml:"exclude,omitempty"`            // networks and addresses of them that are sent nothing; addresses of targets are not either
	Depth       int              `yaml:"depth,omitempty"`              // how many devices away from a seed at most, from 1 to 64; default 6
	Auths       []string         `yaml:"auths"`                        // entries of auths, in the order in which they are tried
	Every       setting.Duration `yaml:"every,omitempty"`              // how often all addresses are asked again; new ones are asked at once; default 6h
	Rate        int              `yaml:"rate,omitempty"`               // packets a second; default 1000
	SubnetRate  int              `yaml:"subnet_rate,omitempty"`        // of them into one network of 24 bits (IPv6: 120); default 50
	MaxFailures int              `yaml:"max_failures,omitempty"`       // failed logins to a device in a day, and communities to a silent address; default 2
	Prefer      []string         `yaml:"preferred_networks,omitempty"` // of a device with several addresses, one of these is polled; else its loopback's, else the lowest
	Port        int              `yaml:"port,omitempty"`               // UDP port; default 161
	Timeout     setting.Duration `yaml:"timeout,omitempty"`            // of an answer; default 1s
	Retries     *int             `yaml:"retries,omitempty"`            // requests sent again without an answer, unless they would be failed logins; default 1
}

const (
	defaultDepth, maxDepth = 6, 64
	// neighboursKind is the ID of the kind.
	neighboursKind = "neighbours"
	// gathering is how long more readings are waited for after one.
	gathering = time.Second
	// silentSeeds is after which time seeds that have said nothing are reported.
	silentSeeds = 2 * time.Minute
)

var tables = []neighbours.Protocol{neighbours.LLDP, neighbours.CDP, neighbours.ARP}

// probes returns how addresses are asked.
func (s *Neighbours) probes() *Scan {
	return &Scan{
		Networks: s.Within, Exclude: s.Exclude, Auths: s.Auths, Every: s.Every, Rate: s.Rate, SubnetRate: s.SubnetRate, MaxFailures: s.MaxFailures,
		Prefer: s.Prefer, Port: s.Port, Timeout: s.Timeout, Retries: s.Retries,
	}
}

// Problems returns the errors in the settings.
func (s *Neighbours) Problems() []setting.Problem {
	var m setting.Problems
	if len(s.Seeds) == 0 {
		m.Add("seeds", "name at least one target to begin at, such as a core switch")
	}
	if len(s.Within) == 0 {
		m.Add("within", "name at least one network, such as 10.0.0.0/8: nothing is sent to addresses of others")
	}
	for i, name := range s.By {
		if !slices.Contains(tables, neighbours.Protocol(name)) {
			m.Add(fmt.Sprintf("by[%d]", i), "there is no table %q%s: write lldp, cdp or arp", name, setting.DidYouMean(name, []string{"lldp", "cdp", "arp"}))
		}
	}
	if s.Depth < 0 || s.Depth > maxDepth {
		m.Add("depth", "write a number from 1 to %d", maxDepth)
	}
	problemsOfNetworks(&m, map[string][]string{"within": s.Within, "exclude": s.Exclude, "preferred_networks": s.Prefer})
	s.probes().problemsOfProbes(&m)
	return m
}

// DoubtsOfCommunities returns which networks would see communities, in clear, that are public. Auths are those of the
// configuration.
func (s *Neighbours) DoubtsOfCommunities(auths map[string]*access.Auth) []setting.Problem {
	var m setting.Problems
	name := firstCommunity(s.Auths, auths)
	for i, text := range s.Within {
		if n, err := sweep.ParseNetwork(text); err == nil && name != "" && isPublic(n) {
			m.Add(fmt.Sprintf("within[%d]", i), "%s is public, and the community of auth %s is sent in clear to each address of it that stands in a table: write networks that are yours, or users of SNMPv3", text, name)
		}
	}
	return m
}

// SetDirectory does nothing: there are no names of files.
func (*Neighbours) SetDirectory(string) {}

func (s *Neighbours) open(o prom.DiscovererOptions) (prom.Discoverer, error) {
	return &explorer{settings: s, probes: scanner{settings: s.probes(), name: o.SetName, errors: o.Logger}, budget: budget{by: map[string]int{}}}, nil
}

// OnlyNeighbours reports whether an entry has targets by nothing else.
func (s *Settings) OnlyNeighbours() bool {
	return s.Neighbours != nil && len(s.kinds()) == 1 && len(s.Static) == 0
}

// protocols returns the tables that are read.
func (s *Neighbours) protocols() (list []neighbours.Protocol) {
	for _, p := range tables {
		if len(s.By) == 0 || slices.Contains(s.By, string(p)) {
			list = append(list, p)
		}
	}
	return list
}

// explorer asks the addresses in the tables of targets.
type explorer struct {
	settings *Neighbours
	probes   scanner
	settled  map[netip.Addr]time.Time // when addresses were asked, which are not again before a whole sweep
	whole    time.Time                // when that is due
	budget   budget
	sent     bool
}

func (x *explorer) dependOn(amid func() surroundings) { x.probes.amid = amid }

// Run sends the devices that are known, then those of each sweep.
func (x *explorer) Run(ctx context.Context, up chan<- []*targetgroup.Group) {
	began := time.Now()
	x.restore(ctx, up)
	for {
		c := x.probes.amid()
		changed := c.near.Changed()
		candidates := c.spread(x.settings)
		x.reportSeeds(&c, began)
		devices, err := x.sweep(ctx, &c, candidates)
		if ctx.Err() != nil {
			return
		}
		wait := max(scanPatience, time.Until(x.whole))
		if err != nil {
			x.probes.errors.Error("asking neighbours failed", "err", err)
			wait = scanPatience
		}
		if devices != nil {
			x.sent = true
			x.probes.send(ctx, up, devices)
		}
		if left := time.Until(began.Add(silentSeeds)); left > 0 {
			wait = min(wait, left)
		}
		if !x.await(ctx, changed, wait) {
			return
		}
	}
}

// await waits for another reading, and those that come with it.
func (x *explorer) await(ctx context.Context, changed <-chan struct{}, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	case <-changed:
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(gathering):
		return true
	}
}

// restore sends the devices that the last process has found.
func (x *explorer) restore(ctx context.Context, up chan<- []*targetgroup.Group) {
	c := x.probes.amid()
	run, err := x.scan(&c, nil, true)
	if err != nil {
		return // which the sweep reports
	}
	defer run.Close()
	x.note(run)
	if !run.Ended().IsZero() {
		x.sent = true
		x.probes.send(ctx, up, run.Devices())
	}
}

// note notes which addresses were asked.
func (x *explorer) note(run *scan.Scan) {
	x.settled = run.Settled()
	x.whole = time.Time{}
	if ended := run.Ended(); !ended.IsZero() {
		x.whole = ended.Add(cmp.Or(x.settings.Every.Duration, defaultEvery))
	}
}

// reportSeeds reports seeds that are no targets, or silent.
func (x *explorer) reportSeeds(c *surroundings, began time.Time) {
	var absent []string
	read := false
	for _, name := range x.settings.Seeds {
		if !c.names[name] {
			absent = append(absent, name)
		}
		if _, ok := c.near.Own(name); ok {
			read = true
		}
	}
	switch {
	case len(absent) > 0:
		x.sent = false // which takes the error back when there are targets
		x.probes.errors.Error("no target has the name of a seed", "seeds", strings.Join(absent, ", "))
	case !read && time.Since(began) >= silentSeeds:
		x.sent = false
		x.probes.errors.Error("no seed has said yet who is near", "seeds", strings.Join(x.settings.Seeds, ", "))
	}
}

// sweep asks new addresses, or all when that is due. Devices are nil if there is no address to ask.
func (x *explorer) sweep(ctx context.Context, c *surroundings, candidates []neighbours.Candidate) ([]scan.Device, error) {
	partial := time.Now().Before(x.whole)
	addresses := x.fresh(c, candidates)
	if !partial {
		known, err := x.known(c)
		if err != nil {
			return nil, err
		}
		for _, n := range candidates {
			if _, asked := x.settled[n.Address]; asked {
				known = append(known, n.Address)
			}
		}
		addresses = append(addresses, known...)
	}
	if len(addresses) == 0 {
		return x.settledDevices(c)
	}
	run, err := x.scan(c, addresses, partial)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	start := time.Now()
	if err := run.Run(ctx); err != nil {
		return nil, err
	}
	x.note(run)
	logger := c.logger.With("addresses", len(addresses), "took", time.Since(start).Round(time.Millisecond))
	return swept(run, logger, "neighbours were asked"), nil
}

// settledDevices returns the devices once although there is nothing to ask: a seed has been read.
func (x *explorer) settledDevices(c *surroundings) ([]scan.Device, error) {
	read := slices.ContainsFunc(x.settings.Seeds, func(name string) bool { _, ok := c.near.Own(name); return ok })
	if x.sent || !read {
		return nil, nil
	}
	run, err := x.scan(c, nil, true)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	return run.Devices(), nil
}

// known returns the addresses of devices that were found, and that may be asked still.
func (x *explorer) known(c *surroundings) (list []netip.Addr, err error) {
	run, err := x.scan(c, nil, false)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	s, err := x.settings.spread()
	if err != nil {
		return nil, err
	}
	for _, a := range run.Known() {
		if !c.taken[a] && s.Inside(a) {
			list = append(list, a)
		}
	}
	return list, nil
}

// fresh returns the addresses that were not asked yet.
func (x *explorer) fresh(c *surroundings, candidates []neighbours.Candidate) (list []netip.Addr) {
	for _, n := range candidates {
		if _, asked := x.settled[n.Address]; asked {
			continue
		}
		if x.budget.take(n.In, time.Now(), c.logger) {
			list = append(list, n.Address)
		}
	}
	return list
}

// scan opens the scan of some addresses.
func (x *explorer) scan(c *surroundings, addresses []netip.Addr, partial bool) (*scan.Scan, error) {
	o, err := x.probes.options(c)
	if err != nil {
		return nil, err
	}
	o.Listed, o.Partial = true, partial
	list := make([]netip.Prefix, 0, len(addresses))
	seen := map[netip.Addr]bool{}
	for _, a := range addresses {
		if !seen[a] {
			seen[a] = true
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	o.Range = &sweep.Range{}
	if len(list) > 0 {
		if o.Range, err = sweep.NewRange(list, nil); err != nil {
			return nil, err
		}
	}
	if c.stateDir != "" {
		o.File = filepath.Join(c.stateDir, neighboursKind, x.probes.name+".jsonl")
	}
	return scan.Open(o)
}

// The bounds of new addresses in a day: a table may be another one each time.
const maxFreshOfOne, maxFresh = 20_000, neighbours.MaxCandidates

// budget counts the new addresses of a day, by the target whose tables have them.
type budget struct {
	began time.Time
	all   int
	by    map[string]int
}

func (b *budget) take(from string, now time.Time, logger *slog.Logger) bool {
	if now.Sub(b.began) >= 24*time.Hour {
		b.began, b.all, b.by = now, 0, map[string]int{}
	}
	if b.all >= maxFresh || b.by[from] >= maxFreshOfOne {
		if b.by[from] == maxFreshOfOne {
			b.by[from]++
			logger.Warn("the tables of a target have more new addresses than are asked in a day", "target", from, "asked", maxFreshOfOne)
		}
		return false
	}
	b.all++
	b.by[from]++
	return true
}

// spread returns the way from the seeds, without the owners of addresses.
func (s *Neighbours) spread() (*neighbours.Spread, error) {
	within, errWithin := sweep.ParseNetworks(s.Within)
	exclude, errExclude := sweep.ParseNetworks(s.Exclude)
	return &neighbours.Spread{Seeds: s.Seeds, By: s.protocols(), Within: within, Exclude: exclude, Depth: cmp.Or(s.Depth, defaultDepth)}, errors.Join(errWithin, errExclude)
}
