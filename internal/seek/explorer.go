package seek

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/discovery/targetgroup"

	"trapline/internal/neighbours"
	"trapline/internal/scan"
	"trapline/internal/sweep"
)

// explorer asks the addresses in the tables of targets.
type explorer struct {
	settings *Neighbours
	probes   scanner
	settled  map[netip.Addr]time.Time // when addresses were asked, which are not again before a whole sweep
	whole    time.Time                // when that is due
	budget   budget
	sent     bool
}

// DependOn sets what the search depends on.
func (x *explorer) DependOn(amid func() Surroundings) { x.probes.amid = amid }

// Run sends the devices that are known, then those of each sweep.
func (x *explorer) Run(ctx context.Context, up chan<- []*targetgroup.Group) {
	began := time.Now()
	x.restore(ctx, up)
	for x.probes.awaitTargets(ctx, began.Add(targetPatience)) {
		c := x.probes.amid()
		changed := c.Near.Changed()
		candidates := c.Spread(x.settings)
		x.reportSeeds(&c, began)
		devices, more, err := x.sweep(ctx, &c, candidates)
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
		if more && err == nil {
			continue
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
		every := cmp.Or(x.settings.Every.Duration, defaultEvery)
		x.whole = ended.Add(every)
		if latest := time.Now().Add(every); x.whole.After(latest) { // the clock was ahead when it ended
			x.whole = latest
		}
	}
}

// reportSeeds reports seeds that are no targets, or silent.
func (x *explorer) reportSeeds(c *Surroundings, began time.Time) {
	var absent []string
	read := false
	for _, name := range x.settings.Seeds {
		if !c.Names[name] {
			absent = append(absent, name)
		}
		if _, ok := c.Near.Own(name); ok {
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

// sweep asks new addresses, or all when that is due. Devices are nil if there is no address to ask. More says that there
// are new addresses left.
func (x *explorer) sweep(ctx context.Context, c *Surroundings, candidates []neighbours.Candidate) (devices []scan.Device, more bool, err error) {
	partial := time.Now().Before(x.whole)
	addresses := x.fresh(c, candidates)
	more = len(addresses) == maxSweep
	if !partial {
		known, err := x.known(c)
		if err != nil {
			return nil, false, err
		}
		for _, n := range candidates {
			if _, asked := x.settled[n.Address]; asked {
				known = append(known, n.Address)
			}
		}
		addresses = append(addresses, known...)
	}
	if len(addresses) == 0 {
		devices, err = x.settledDevices(c)
		return devices, false, err
	}
	run, err := x.scan(c, addresses, partial)
	if err != nil {
		return nil, false, err
	}
	defer run.Close()
	start := time.Now()
	if err := run.Run(ctx); err != nil {
		return nil, false, err
	}
	x.note(run)
	c.Logger.Info("neighbours were asked", "addresses", len(addresses), "devices", len(run.Devices()), "new", run.Progress().New, "left_alone", run.LeftAlone(), "took", time.Since(start).Round(time.Millisecond))
	return swept(run, c.Logger), more, nil
}

// settledDevices returns the devices once although there is nothing to ask: a seed has been read.
func (x *explorer) settledDevices(c *Surroundings) ([]scan.Device, error) {
	read := slices.ContainsFunc(x.settings.Seeds, func(name string) bool { _, ok := c.Near.Own(name); return ok })
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
func (x *explorer) known(c *Surroundings) (list []netip.Addr, err error) {
	run, err := x.scan(c, nil, false)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	s, err := x.settings.Spread()
	if err != nil {
		return nil, err
	}
	for _, a := range run.Known() {
		if !c.Taken[a] && s.Inside(a) {
			list = append(list, a)
		}
	}
	return list, nil
}

// maxSweep is how many new addresses are asked before the next ones: those that are found are polled meanwhile.
const maxSweep = 10_000

// fresh returns the first addresses that were not asked yet.
func (x *explorer) fresh(c *Surroundings, candidates []neighbours.Candidate) (list []netip.Addr) {
	for _, n := range candidates {
		if _, asked := x.settled[n.Address]; asked {
			continue
		}
		if len(list) == maxSweep {
			break
		}
		if x.budget.take(n.In, time.Now(), c.Logger) {
			list = append(list, n.Address)
		}
	}
	return list
}

// scan opens the scan of some addresses.
func (x *explorer) scan(c *Surroundings, addresses []netip.Addr, partial bool) (*scan.Scan, error) {
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
	if c.StateDir != "" {
		o.File = filepath.Join(c.StateDir, NeighboursKind, x.probes.name+".jsonl")
		o.Others = journals(c.StateDir)
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
