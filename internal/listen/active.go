package listen

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/relay"
	"trapline/internal/traps"
)

// standing are the active conditions of rules, by target and source. Those of devices that are no target are under "".
type standing struct {
	mu   sync.Mutex
	of   map[string]map[string]condition
	puts int // since the last sweep
	left int // after it

	synced time.Time // when those that are not active were forgotten
}

// condition is an active condition of a trap rule.
type condition struct {
	rule   string // its id
	owner  string // target, or address of the device
	labels map[string]string
	since  time.Time // when its last trap came
	ends   time.Time // when it expires; zero if it does not
}

func (s *standing) put(target, source string, c condition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]map[string]condition{}
	}
	if s.of[target] == nil {
		s.of[target] = map[string]condition{}
	}
	s.of[target][source] = c
	if s.puts++; s.puts > s.left+sweepAfter {
		s.sweep(func(other condition) bool { return !other.ends.IsZero() && c.since.After(other.ends) })
	}
}

// sweepAfter is how many conditions are noted at least before expired ones are looked for.
const sweepAfter = 1000

// sweep forgets the conditions that are over. Its caller holds mu.
func (s *standing) sweep(over func(condition) bool) {
	s.puts, s.left = 0, 0
	for target, conditions := range s.of {
		maps.DeleteFunc(conditions, func(_ string, c condition) bool { return over(c) })
		if s.left += len(conditions); len(conditions) == 0 {
			delete(s.of, target)
		}
	}
}

// keep forgets the conditions of rules that do not exist.
func (s *standing) keep(exists func(rule string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(func(c condition) bool { return !exists(c.rule) })
}

// move puts the conditions of devices that have become targets, or are none any more, where they belong.
func (s *standing) move(exists func(target string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	moved := map[string]map[string]condition{}
	for _, conditions := range s.of {
		for source, c := range conditions {
			target := c.owner
			if !exists(target) {
				target = ""
			}
			if moved[target] == nil {
				moved[target] = map[string]condition{}
			}
			moved[target][source] = c
		}
	}
	s.of = moved
}

func (s *standing) sources() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]bool{}
	for _, conditions := range s.of {
		for source := range conditions {
			all[source] = true
		}
	}
	return all
}

// settled is how long after its trap a condition is stored, if it can be.
const settled = time.Minute

// resync forgets the conditions that ended otherwise, at most every settled.
func (l *Listener) resync(now time.Time) {
	s := &l.standing
	s.mu.Lock()
	due := now.Sub(s.synced) >= settled
	if due {
		s.synced = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	active := map[string]bool{}
	for _, a := range l.options.Conditions() {
		active[a.ID] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conditions := range s.of {
		maps.DeleteFunc(conditions, func(source string, c condition) bool { return !active[source] && now.Sub(c.since) >= settled })
	}
}

// maxConditions bounds the active conditions of a target, and of all devices that are no target: one may send ever new keys.
const maxConditions = 10_000

// admits reports whether a target may have the condition, beside so many that are about to be noted.
func (s *standing) admits(target, source string, more int, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	conditions := s.of[target]
	if _, known := conditions[source]; known || len(conditions)+more < maxConditions {
		return true
	}
	maps.DeleteFunc(conditions, func(_ string, c condition) bool { return !c.ends.IsZero() && now.After(c.ends) })
	return len(conditions)+more < maxConditions
}

func (s *standing) remove(target, source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of[target], source)
	if len(s.of[target]) == 0 {
		delete(s.of, target)
	}
}

// at returns a copy of the conditions of a target.
func (s *standing) at(target string) map[string]condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.of[target])
}

// note notes the active conditions of the rules, and returns the ends of those of rules that do not exist.
func (l *Listener) note(s *setup) (ends []outbox.Transition) {
	known := l.standing.sources()
	for _, a := range l.options.Conditions() {
		if !strings.HasPrefix(a.ID, traps.SourcePrefix) {
			continue
		}
		r := s.ruleOf(a.ID)
		if r == nil {
			ends = append(ends, over(a.ID, "its trap rule was removed"))
		} else if !known[a.ID] { // others are known with the time of their last trap
			l.standing.put(a.Target, a.ID, condition{rule: r.ID(), owner: a.Target, labels: a.Labels, since: a.RaisedAt})
		}
	}
	return ends
}

// restore notes the active conditions of the rules, and ends those of rules that do not exist.
func (l *Listener) restore(s *setup) {
	ends := l.note(s)
	l.standing.keep(func(rule string) bool {
		return slices.ContainsFunc(s.rules, func(r *traps.Rule) bool { return r.ID() == rule })
	})
	l.standing.move(s.owners.Exists)
	if len(ends) > 0 {
		if err := l.options.Apply(ends, time.Now()); err != nil {
			l.options.Logger.Error("alarms of trap rules that were removed cannot be ended", "err", err)
		}
	}
}

// ruleOf returns the rule of a source, or nil.
func (s *setup) ruleOf(source string) *traps.Rule {
	for _, r := range s.rules {
		if strings.HasPrefix(source, r.ID()) {
			return r
		}
	}
	return nil
}

// over ends a condition.
func over(source, reason string) outbox.Transition {
	return outbox.Transition{Alarm: alarm.Alarm{ID: source, Reason: reason}}
}

// share has other members know how the device of a target may be known.
func (l *Listener) share(t *poller.Target) {
	if l.options.Relay == nil {
		return
	}
	d := relay.Device{Target: t.Name, Addresses: l.tables.Of(t.Name)}
	if l.options.Engine != nil {
		d.Engine = []byte(l.options.Engine(t))
	}
	l.options.Relay.Polled(d)
}

// Learn notes how devices may be known that other members poll.
func (l *Listener) Learn(list []relay.Device) {
	for _, d := range list {
		l.tables.Set(d.Target, slices.Clone(d.Addresses))
		l.tables.SetEngine(d.Target, d.Engine)
	}
}

// Ended takes a poll that has ended: it notes the addresses that the target has, and ends the conditions whose expression has
// become true.
func (l *Listener) Ended(report poller.Report) {
	target := report.Target.Name
	if report.Last != nil && report.Last.Up && report.Last.Refreshed == nil {
		if list, known := addressesOf(report.Last); known {
			l.tables.Set(target, list)
		}
		l.share(report.Target)
	}
	conditions := l.standing.at(target)
	s := l.current.Load()
	if len(conditions) == 0 || s == nil || report.Last == nil || !report.Last.Up {
		return
	}
	if report.Last.Refreshed != nil { // the rest is as old as the last poll
		pass := *report.Last
		pass.Sets = pass.Refreshed
		report.Last = &pass
	}
	var ends []outbox.Transition
	for _, r := range s.rules {
		if r.Until != "" {
			ends = append(ends, l.ended(r, conditions, &report)...)
		}
	}
	if len(ends) == 0 {
		return
	}
	if err := l.options.Apply(ends, time.Now()); err != nil {
		l.options.Logger.Error("the end of alarms cannot be stored, the next poll tries again", "target", target, "err", err)
		return
	}
	for i := range ends {
		l.standing.remove(target, ends[i].Alarm.ID)
	}
}

// ended returns the ends of the conditions of a rule.
func (l *Listener) ended(r *traps.Rule, conditions map[string]condition, report *poller.Report) (ends []outbox.Transition) {
	var holds []map[string]string
	asked := false
	for source, c := range conditions {
		if c.rule != r.ID() || !report.Last.Start.After(c.since) {
			continue
		}
		if !asked {
			asked = true
			var err error
			if holds, err = l.options.Holds(r.Until, *report); err != nil {
				l.options.Logger.Warn("until of a trap rule cannot be evaluated", "alert", r.Alert, "err", err)
				return nil
			}
		}
		for _, labels := range holds {
			if agree(labels, c.labels) {
				ends = append(ends, over(source, r.Until))
				break
			}
		}
	}
	return ends
}

// agree reports whether no label has two values.
func agree(a, b map[string]string) bool {
	for name, value := range a {
		if other, both := b[name]; both && other != value {
			return false
		}
	}
	return true
}

// adoptTime is the time between two looks at the alarms that other members had.
const adoptTime = time.Second

// Moved has the conditions of alarms known that other members of the cluster had until now: they end by polls here.
func (l *Listener) Moved() {
	select {
	case l.moved <- struct{}{}:
	default:
	}
}

// adopt notes the conditions of all alarms, those of other members that are ours by now among them.
func (l *Listener) adopt(ctx context.Context) {
	if s := l.current.Load(); s != nil {
		l.note(s)
		l.standing.move(s.owners.Exists)
	}
	select { // shards move many at once
	case <-time.After(adoptTime):
	case <-ctx.Done():
	}
}
