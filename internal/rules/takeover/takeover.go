// Package takeover says how alerts go on whose shard comes from another member of a cluster, and when alerts without a rule or
// a target may be cleared. It has no alerts itself.
package takeover

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Shards are those whose alerts a process evaluates. Without a cluster there is the one shard "".
type Shards struct {
	Of     func(target string) string // nil without a cluster
	Agreed func() time.Duration       // how long all members have had the configuration of this one; 0 if they have not

	mu    sync.Mutex
	alive map[string]time.Time // of owned shards: up to when their alerts were evaluated
	in    map[string]string    // the shards of targets, as they were when something was known of these
	names map[string]map[string]bool
}

// Many reports whether there are several shards.
func (s *Shards) Many() bool { return s.Of != nil }

// ShardOf returns the shard of a target, and with "" that of rules over several targets.
func (s *Shards) ShardOf(target string) string {
	if s.Of == nil {
		return ""
	}
	return s.Of(target)
}

// Take notes that a shard is owned, whose alerts were evaluated up to a time.
func (s *Shards) Take(shard string, alive time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive == nil {
		s.alive = map[string]time.Time{}
	}
	s.alive[shard] = alive
}

// Drop notes that a shard is not owned.
func (s *Shards) Drop(shard string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.alive, shard)
}

// Owned reports whether a shard is owned. Without a cluster the one shard is.
func (s *Shards) Owned(shard string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, owned := s.alive[shard]
	return owned || s.Of == nil
}

// Put notes that something is known of a target. Without a cluster nothing has to be noted.
func (s *Shards) Put(target, shard string) {
	if s.Of == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, known := s.in[target]; known {
		delete(s.names[was], target)
	}
	if s.in == nil {
		s.in, s.names = map[string]string{}, map[string]map[string]bool{}
	}
	if s.names[shard] == nil {
		s.names[shard] = map[string]bool{}
	}
	s.in[target], s.names[shard][target] = shard, true
}

// Remove forgets a target.
func (s *Shards) Remove(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names[s.in[target]], target)
	delete(s.in, target)
}

// Cut forgets the targets of a shard, and returns them.
func (s *Shards) Cut(shard string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Collect(maps.Keys(s.names[shard]))
	for _, target := range list {
		delete(s.in, target)
	}
	delete(s.names, shard)
	return list
}

// Lists are lists by shard, each of whatever is of that.
type Lists[T interface{ Home() string }] map[string][]T

// Add adds each to the list of its shard.
func (l Lists[T]) Add(more ...T) {
	for _, one := range more {
		l[one.Home()] = append(l[one.Home()], one)
	}
}

// All returns all lists as one.
func (l Lists[T]) All() []T { return slices.Concat(slices.Collect(maps.Values(l))...) }

// Alive returns up to when the alerts of a target were evaluated before its shard was taken.
func (s *Shards) Alive(target string) time.Time {
	shard := s.ShardOf(target)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alive[shard]
}

// An alert is without its rule or target for a while on a member that has another file than the others.
const (
	agreedTime = 30 * time.Second // how long all members have had the same configuration when it is cleared
	maxWait    = 10 * time.Minute // how long it waits for that
)

// Settled reports whether an alert may be cleared that has had no rule or no target since a time. Without a cluster it may at
// once.
func (s *Shards) Settled(since, now time.Time) bool {
	waited := now.Sub(since)
	switch {
	case s.Of == nil || waited >= maxWait:
		return true
	case waited < agreedTime || s.Agreed == nil: // nobody knows this configuration yet
		return false
	}
	return s.Agreed() >= agreedTime
}

// Times are the times of an alert. KeepFiringSince is zero while its condition is true, FiredAt while it is pending.
type Times struct {
	Firing                             bool
	ActiveAt, FiredAt, KeepFiringSince time.Time
}

// Moved returns all times later by a duration.
func (t Times) Moved(by time.Duration) Times {
	t.ActiveAt, t.FiredAt, t.KeepFiringSince = moved(t.ActiveAt, by), moved(t.FiredAt, by), moved(t.KeepFiringSince, by)
	return t
}

func moved(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}

// Taken returns the times with which an alert goes on that was evaluated up to the time alive. The time from then to now
// counts neither for `for` nor for keep_firing_for, by whichever clocks the two were read: the time that had passed at alive
// has passed now. If alive is zero, none has.
func (t Times) Taken(alive, now time.Time) Times {
	by := now.Sub(alive)
	if t.Firing {
		t.KeepFiringSince = notAfter(now, moved(t.KeepFiringSince, by))
		t.ActiveAt, t.FiredAt = notAfter(now, t.ActiveAt), notAfter(now, t.FiredAt)
		return t
	}
	t.ActiveAt = notAfter(now, moved(t.ActiveAt, by))
	return t
}

func notAfter(now, t time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}
