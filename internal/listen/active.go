package listen

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/traps"
)

// standing are the active conditions of rules that end by an expression, by target and source.
type standing struct {
	mu   sync.Mutex
	of   map[string]map[string]condition
	puts int // since the last sweep
	left int // after it
}

// condition is an active condition of a trap rule.
type condition struct {
	rule   string // its id
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

func (s *standing) has(target, source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.of[target][source]
	return known
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

// restore notes the active conditions of the rules, and ends those of rules that do not exist.
func (l *Listener) restore(s *setup) {
	var ends []outbox.Transition
	for _, a := range l.options.Conditions() {
		if !strings.HasPrefix(a.ID, traps.SourcePrefix) {
			continue
		}
		r := s.ruleOf(a.ID)
		if r == nil {
			ends = append(ends, over(a.ID, "its trap rule was removed"))
		} else if r.Until != "" && !l.standing.has(a.Target, a.ID) { // which knows when its last trap came
			l.standing.put(a.Target, a.ID, condition{rule: r.ID(), labels: a.Labels, since: a.RaisedAt})
		}
	}
	l.standing.keep(func(rule string) bool {
		return slices.ContainsFunc(s.rules, func(r *traps.Rule) bool { return r.ID() == rule })
	})
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

// Ended takes a poll that has ended: it notes the addresses that the target has, and ends the conditions whose expression has
// become true.
func (l *Listener) Ended(report poller.Report) {
	target := report.Target.Name
	if report.Last != nil && report.Last.Up && report.Last.Refreshed == nil {
		if list, known := addressesOf(report.Last); known {
			l.tables.Set(target, list)
		}
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
