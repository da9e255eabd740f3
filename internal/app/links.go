package app

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"trapline/config"
	"trapline/internal/api"
	"trapline/internal/boottime"
	"trapline/internal/discovery"
	"trapline/internal/neighbours"
	"trapline/internal/outage"
	"trapline/internal/poller"
	"trapline/internal/statedir"
)

const (
	// neighbourTime is how often a device is asked for its neighbours, neighbourRetry when it is asked again that did not
	// answer this, and neighbourPatience bounds how long the answer is waited for.
	neighbourTime, neighbourRetry, neighbourPatience = time.Hour, 10 * time.Minute, 30 * time.Second
	// linkTime is how often changes of links are stored.
	linkTime = 5 * time.Second
)

// links are the links between targets that follow from their neighbours.
type links struct {
	book    *neighbours.Book
	tracker *outage.Tracker
	logger  *slog.Logger

	lists *discovery.Discovery // that find devices by the tables of others; nil before they are there

	mu       sync.Mutex
	by       []neighbours.Protocol
	asked    map[string]asked // by target
	updated  time.Duration
	unstored map[neighbours.Ends]*neighbours.Link
}

func newLinks(t *outage.Tracker, logger *slog.Logger) *links {
	return &links{book: t.Book, tracker: t, logger: logger, asked: map[string]asked{}, unstored: map[neighbours.Ends]*neighbours.Link{}}
}

// restore adds the links that the last process stored.
func (l *links) restore(s *statedir.Dir) {
	list, err := neighbours.Load(s)
	if err != nil {
		l.logger.Error("the links between targets cannot be read, and are looked for again", "err", err)
	}
	l.book.Restore(list)
}

// configure applies a configuration.
func (l *links) configure(c *config.Config) {
	var by []neighbours.Protocol
	for _, name := range c.Topology.Protocols() {
		by = append(by, neighbours.Protocol(name))
	}
	var devices []neighbours.Device
	for i := range c.Targets {
		if len(by) > 0 {
			devices = append(devices, neighbours.Device{Name: c.Targets[i].Name, Address: c.Targets[i].Address})
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Configure(c.Topology.Roots, devices)
	if !slices.Equal(by, l.by) {
		clear(l.asked)
	}
	names := make(map[string]bool, len(c.Targets))
	for i := range c.Targets {
		names[c.Targets[i].Name] = true
	}
	maps.DeleteFunc(l.asked, func(name string, _ asked) bool { return !names[name] })
	l.by = by
	l.tracker.ApplyLinks()
}

// answered asks a target that has just answered a poll for its neighbours, if that is due.
func (l *links) answered(ctx context.Context, open poller.Open, t *poller.Target) {
	now := boottime.Elapsed()
	by, wanted := l.wanted(t.Name, now)
	if !wanted {
		return
	}
	session, err := open(t.Spec)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, min(neighbourPatience, t.Interval))
	defer cancel()
	r, err := neighbours.Read(ctx, session, t.EffectiveParams(), by)
	if err != nil {
		l.logger.Debug("a target does not say what its neighbours are", "target", t.Name, "err", err)
		return
	}
	l.lists.Heard(t.Name, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	linking := *r
	linking.Neighbours = slices.DeleteFunc(slices.Clone(r.Neighbours), func(n neighbours.Neighbour) bool { return !slices.Contains(l.by, n.Protocol) })
	l.tracker.Read(t.Name, &linking)
	l.asked[t.Name] = asked{now + neighbourTime, by}
}

// asked is when a target is to be asked again, and by which tables it was.
type asked struct {
	due time.Duration
	by  []neighbours.Protocol
}

// wanted returns by which tables a target is asked for its neighbours, and whether it is now: in time, or because others
// want more tables.
func (l *links) wanted(target string, now time.Duration) ([]neighbours.Protocol, bool) {
	by, wanted := l.lists.Wants(target)
	l.mu.Lock()
	defer l.mu.Unlock()
	by = slices.Clone(by)
	for _, p := range l.by {
		if !slices.Contains(by, p) {
			by = append(by, p)
		}
	}
	last, known := l.asked[target]
	more := slices.ContainsFunc(by, func(p neighbours.Protocol) bool { return !slices.Contains(last.by, p) })
	if !wanted && len(by) == 0 || known && !more && now < last.due {
		return nil, false
	}
	l.asked[target] = asked{now + neighbourRetry, by}
	return by, true
}

// update has changes of links take effect, and stored.
func (l *links) update(s *statedir.Dir) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := boottime.Elapsed()
	if now-l.updated < linkTime {
		return
	}
	l.updated = now
	changes := l.book.Changes()
	if len(changes) > 0 {
		l.tracker.ApplyLinks()
	}
	for ends, one := range changes {
		l.unstored[ends] = one
	}
	if s == nil || len(l.unstored) == 0 {
		return
	}
	if err := neighbours.Store(s, l.unstored); err != nil {
		l.logger.Error("links between targets cannot be stored, which is tried again", "err", err)
		return
	}
	clear(l.unstored)
}

// of returns the neighbours of a target.
func (l *links) of(target string) (list []api.Neighbour) {
	for _, n := range l.book.Of(target) {
		one := api.Neighbour{Name: n.Name, Target: n.Target, Linked: n.Linked, Via: n.Via, Since: n.Since}
		for _, p := range n.By {
			one.By = append(one.By, string(p))
		}
		list = append(list, one)
	}
	return list
}
