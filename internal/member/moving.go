package member

import (
	"cmp"
	"context"
	"maps"
	"time"

	"trapline/internal/cluster/desk"
	"trapline/internal/cluster/plan"
	"trapline/internal/transfer"
)

// A target whose zone changes has another shard from then on. The owner of the shard that it had moves its alarms, alerts and
// notifications to the inbox of the other once all members have the same configuration. Until then the rules of the target are not evaluated: its
// alarms would be raised again. So it is with the rows that baselines know of a target that has another name; nothing waits for these.

// moving is about records that are, or may be, in another shard than that of their target. The mutex of the Member guards it.
type moving struct {
	last    *counted // of the configuration, and since when it is
	since   time.Time
	strays  map[string]time.Time // shards that may have records of others, and since when
	held    map[string]time.Time // targets whose records may be in other shards
	watched map[string]time.Time // shards of whose targets others have records
}

func note(times *map[string]time.Time, name string, now time.Time) {
	if *times == nil {
		*times = map[string]time.Time{}
	}
	if _, noted := (*times)[name]; !noted {
		(*times)[name] = now
	}
}

// holds reports whether the records of a target may be in another shard.
func (v *moving) holds(target string) bool {
	_, held := v.held[target]
	return held
}

// configured notes the targets that have another shard than before, and those that have another name.
func (v *moving) configured(c *counted, now time.Time) {
	last := v.last
	if last == c {
		return
	}
	if v.last, v.since = c, now; last == nil {
		return
	}
	moved := func(name string) {
		if was := last.shardOf(name); was != c.shardOf(name) {
			note(&v.strays, was, now)
			note(&v.held, name, now)
		}
	}
	for name, t := range last.named {
		if moved(name); c.renamed(name, t.Spec.Address) != "" {
			note(&v.strays, last.shard[name], now)
		}
	}
	for name := range c.named {
		if last.named[name] == nil { // others may have raised alarms of it
			moved(name)
		}
	}
	maps.DeleteFunc(v.held, func(target string, _ time.Time) bool { return c.named[target] == nil && last.named[target] == nil })
}

// taken notes what is known of a shard that is being taken: whether it may have records of others, and which of its targets wait.
func (v *moving) taken(shard string, strays bool, targets []string, e *elsewhere, now time.Time) {
	if delete(v.watched, shard); strays {
		note(&v.strays, shard, now)
	} else {
		delete(v.strays, shard)
	}
	if len(e.targets) > 0 || e.arriving {
		note(&v.watched, shard, now)
	}
	for _, target := range targets {
		if e.arriving || e.targets[target] {
			note(&v.held, target, now)
		} else {
			delete(v.held, target)
		}
	}
}

// renamed returns the name of the target that has an address now, if there is none of the name before.
func (c *counted) renamed(name, address string) string {
	if t := c.addressed[address]; t != nil && c.named[name] == nil && !c.several[address] {
		return t.Name
	}
	return ""
}

// Holds reports whether the alarms of a target may be in another shard, from which they come before others are raised.
func (m *Member) Holds(target string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moving.holds(target)
}

const (
	moveEvery  = time.Second
	moveAgreed = 2 * time.Second  // how long all members have had the same targets in the same shards when records are moved
	maxWait    = 10 * time.Minute // how long anything waits for that
)

// mayMove reports whether records may be moved that have been in another shard since a time.
func (m *Member) mayMove(since time.Time) bool {
	m.mu.Lock()
	configured := m.moving.since
	m.mu.Unlock()
	agreed := min(m.cluster.HomesAgreed(), time.Since(configured)) // which may be that of the configuration before
	return agreed >= moveAgreed || time.Since(since) >= maxWait
}

// sender moves the records of a shard whose targets have another one: without zones those of targets that have another name.
func (m *Member) sender(shard string, alive time.Time) *transfer.Sender {
	c := m.count(m.options.Running())
	return &transfer.Sender{
		Store: m.cluster, Shard: shard, Homes: transfer.Homes{Target: c.shardOf}, Renamed: c.renamed, Looks: !c.zoned && len(m.cluster.Siblings(shard)) == 0,
		Alive: alive, Now: time.Now(), Logger: m.options.Logger,
	}
}

// settle moves records out of a shard that is being taken, and finds targets of it whose records are in others. It does so once more if
// there is another configuration by then.
func (m *Member) settle(ctx context.Context, shard string, alive time.Time) error {
	if _, ok := plan.Number(shard); !ok {
		return nil
	}
	for settled := false; !settled; {
		m.mu.Lock()
		before, since := m.moving.last, m.moving.strays[shard]
		m.mu.Unlock()
		strays, err := m.moveStrays(ctx, shard, alive, since)
		if err != nil {
			return err
		}
		e, err := m.elsewhere(ctx, shard)
		if err != nil {
			return err
		}
		for _, target := range m.disputed(ctx, shard) {
			e.targets[target] = true
		}
		m.mu.Lock()
		if settled = m.moving.last == before; settled {
			m.moving.taken(shard, strays, m.count(m.options.Running()).having[shard], &e, time.Now())
		}
		m.mu.Unlock()
	}
	return nil
}

// moveStrays moves the records of others out of a shard, and reports whether there may be some that stay: they have been noted since a time,
// or if it is zero are looked for later unless there are zones.
func (m *Member) moveStrays(ctx context.Context, shard string, alive, since time.Time) (left bool, err error) {
	s := m.sender(shard, alive)
	if s.Looks && since.IsZero() {
		return true, nil
	}
	left, err = s.Any(ctx)
	if left && m.mayMove(cmp.Or(since, time.Now())) {
		return false, s.Send(ctx)
	}
	return left, err
}

// elsewhere are the records of the targets of a shard that are not there.
type elsewhere struct {
	targets  map[string]bool // in other shards
	shards   map[string]bool // which
	arriving bool            // some are on their way
}

func (m *Member) elsewhere(ctx context.Context, shard string) (elsewhere, error) {
	e := elsewhere{targets: map[string]bool{}, shards: map[string]bool{}}
	siblings := m.cluster.Siblings(shard)
	if len(siblings) == 0 {
		return e, nil
	}
	var err error
	e.arriving, err = desk.Peek(ctx, m.cluster, siblings, shard, func(other, key string, text []byte) {
		for _, target := range transfer.TargetsOf(key, text) {
			if target != "" && m.shardOf(target) == shard {
				e.targets[target], e.shards[other] = true, true
			}
		}
	})
	return e, err
}

// move has records follow their targets until ctx is canceled.
func (m *Member) move(ctx context.Context) error {
	tick := time.NewTicker(moveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		m.moveOut(ctx)
		m.moveIn(ctx)
	}
}

// moveOut has owned shards taken again that have records of others, which moves these.
func (m *Member) moveOut(ctx context.Context) {
	m.mu.Lock()
	before, strays := m.moving.last, maps.Clone(m.moving.strays)
	maps.DeleteFunc(strays, func(shard string, _ time.Time) bool { return !m.owned[shard] })
	m.mu.Unlock()
	for shard, since := range strays {
		if !m.mayMove(since) {
			continue
		}
		switch found, err := m.sender(shard, since).Any(ctx); {
		case err != nil: // all are tried again
			return
		case found:
			m.cluster.Retake(shard)
		default:
			m.mu.Lock()
			if m.moving.last == before {
				delete(m.moving.strays, shard)
			}
			m.mu.Unlock()
		}
	}
}

// moveIn has the rules of targets evaluated whose records have come, and moves those that no other member will.
func (m *Member) moveIn(ctx context.Context) {
	configured, waiting := m.waiting()
	come := map[string]elsewhere{}
	for shard, h := range waiting {
		if !m.mayMove(h.since) {
			continue
		}
		e, err := m.elsewhere(ctx, shard)
		if err != nil {
			continue
		}
		for other := range e.shards {
			if !m.cluster.Planned(other) {
				m.adopt(ctx, other)
			}
		}
		if time.Since(h.since) >= maxWait && len(h.targets) > 0 {
			m.options.Logger.Warn("alarms of targets are in the shard of another zone, which no member moves, and are raised again", "shard", shard, "targets", len(h.targets))
			e = elsewhere{}
		}
		come[shard] = e
	}
	m.apply(func() bool {
		if m.moving.last != configured {
			return false
		}
		before := len(m.moving.held)
		for shard, e := range come {
			if len(e.targets) == 0 && !e.arriving {
				delete(m.moving.watched, shard)
			}
			for _, target := range waiting[shard].targets {
				if !e.arriving && !e.targets[target] {
					delete(m.moving.held, target)
				}
			}
		}
		return len(m.moving.held) < before
	})
}

// held are the targets of a shard that wait, if any do.
type held struct {
	targets []string
	since   time.Time
}

// waiting returns the owned shards of whose targets others may have records, and in which configuration.
func (m *Member) waiting() (c *counted, all map[string]*held) {
	all = map[string]*held{}
	at := func(shard string, since time.Time) *held {
		if all[shard] == nil {
			all[shard] = &held{since: since}
		}
		if since.Before(all[shard].since) {
			all[shard].since = since
		}
		return all[shard]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard, since := range m.moving.watched {
		at(shard, since)
	}
	for target, since := range m.moving.held {
		h := at(m.shardOf(target), since)
		h.targets = append(h.targets, target)
	}
	maps.DeleteFunc(all, func(shard string, _ *held) bool { return !m.owned[shard] })
	return m.moving.last, all
}

// adopt moves the records of a shard that no member owns, nor will.
func (m *Member) adopt(ctx context.Context, shard string) {
	err := m.cluster.Borrow(ctx, shard, func(ctx context.Context, alive time.Time) error {
		return m.sender(shard, alive).Send(ctx)
	})
	if err != nil && ctx.Err() == nil {
		m.options.Logger.Warn("the records of a shard without a member cannot be moved yet", "shard", shard, "err", err)
	}
}
