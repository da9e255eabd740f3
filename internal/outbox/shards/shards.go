// Package shards says how an outbox shares its records with the other members of a cluster: in which shard each record lies,
// how rows and events are numbered, and which shards the process has. It does no I/O.
package shards

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cluster/plan"
)

// Cluster is the cluster as an outbox knows it. All functions may be called at any time.
type Cluster struct {
	ID      func() string              // of the cluster; the IDs of events begin with it
	Member  string                     // the name of this one
	Of      func(target string) string // the shard of a target
	MaySend func() bool                // whether alarms of shards may be sent now
	// Late reports that a row of a shard may have been sent after the shard had another owner: text is for that owner's
	// Outbox.Repeat. It does not wait.
	Late func(shard, id string, text []byte)
}

// Local is the shard of the records that stay with the process: forwarded notifications, and alarms about itself.
const Local = ""

// The numbers of rows and events are unique in the process, and grow in each shard: the low bits are the index of the shard,
// and the others a counter of the process, which is at least that of each shard that it takes. A member has shards of
// one zone and of none: their indexes differ by the number in the zone, and by whether there is a zone.
const (
	bits        = 12
	zoned       = 1 << (bits - 1)
	globalIndex = plan.Shards
	localIndex  = plan.Shards + 1
)

// Set has the shards of a process. A nil one is of a single process, where all records lie in the shard Local.
type Set struct {
	*Cluster
	names [1 << bits]string // by index, of shards that were taken
	held  map[string]*Shard
}

// Shard is a shard that the process has, with the keys of its alarms and its places.
type Shard struct {
	Alarms map[string]bool
	Places map[alarm.Place]bool
}

// New returns the set of a process that has the shard Local only; nil if there is no cluster.
func New(c *Cluster) *Set {
	if c == nil {
		return nil
	}
	s := &Set{Cluster: c, held: map[string]*Shard{}}
	s.Add(Local)
	return s
}

// index returns the index of a shard.
func index(shard string) int {
	switch shard {
	case plan.Global:
		return globalIndex
	case Local:
		return localIndex
	}
	digits, _, hasZone := strings.Cut(shard, "@")
	n, _ := strconv.Atoi(digits)
	if n &= zoned - 1; hasZone {
		n |= zoned
	}
	return n
}

// Add notes that the process has a shard.
func (s *Set) Add(shard string) {
	s.names[index(shard)] = shard
	s.held[shard] = &Shard{Alarms: map[string]bool{}, Places: map[alarm.Place]bool{}}
}

// Remove removes a shard, and returns it; nil if the process does not have it.
func (s *Set) Remove(shard string) *Shard {
	was := s.held[shard]
	delete(s.held, shard)
	return was
}

// Held returns a shard that the process has, or nil.
func (s *Set) Held(shard string) *Shard {
	if s == nil {
		return nil
	}
	return s.held[shard]
}

// Names returns the shards that the process has, in any order.
func (s *Set) Names() (names []string) {
	if s == nil {
		return []string{Local}
	}
	for name := range s.held {
		names = append(names, name)
	}
	return names
}

// Owns reports whether the process has a shard.
func (s *Set) Owns(shard string) bool { return s == nil || s.held[shard] != nil }

// Global returns the shard of records that are of no target: the one of the cluster.
func (s *Set) Global() string {
	if s == nil {
		return Local
	}
	return plan.Global
}

// Common returns the shard of events that are about no alarm: Global if the process has it.
func (s *Set) Common() string {
	if shard := s.Global(); s.Owns(shard) {
		return shard
	}
	return Local
}

// Home returns the shard of an alarm.
func (s *Set) Home(a *alarm.Alarm) string {
	switch {
	case s == nil || alarm.OfProcess(a.Rule):
		return Local
	case a.Shard != "":
		return a.Shard
	case a.Target == "":
		return plan.Global
	}
	return s.Of(a.Target)
}

// Number returns the number of a row or event.
func (s *Set) Number(counter uint64, shard string) uint64 {
	if s == nil {
		return counter
	}
	return NumberIn(shard, counter)
}

// NumberIn returns the number of a row or event in a shard of a cluster.
func NumberIn(shard string, counter uint64) uint64 { return counter<<bits | uint64(index(shard)) }

// Counter returns the counter of a number.
func (s *Set) Counter(number uint64) uint64 {
	if s == nil {
		return number
	}
	return CounterIn(number)
}

// CounterIn returns the counter of a number in a shard of a cluster.
func CounterIn(number uint64) uint64 { return number >> bits }

// OfNumber returns the shard of a number.
func (s *Set) OfNumber(number uint64) string {
	if s == nil {
		return Local
	}
	return s.names[number&(1<<bits-1)]
}

// EventID returns the ID of an event. Those of a single process, and of the shard Local, begin with a prefix.
func (s *Set) EventID(prefix, shard string, counter uint64) string {
	if s == nil || shard == Local {
		return fmt.Sprintf("%s-%d", prefix, counter)
	}
	return fmt.Sprintf("%s-%s-%d", s.ID(), shard, counter)
}

// Place returns the key of a place: that of the receiver, which may have no target, and the index of the shard. So no two
// shards have alarms in the same place.
func (s *Set) Place(a *alarm.Alarm, key string) string {
	if s == nil {
		return key
	}
	return PlaceIn(s.Home(a), key)
}

// PlaceIn returns the key of a place in a shard of a cluster, from that of the receiver.
func PlaceIn(shard, key string) string { return strconv.Itoa(index(shard)) + "/" + key }

// CutPlace returns the receiver's key of a place in a shard of a cluster.
func CutPlace(place string) string {
	_, key, _ := strings.Cut(place, "/")
	return key
}

// OfPlace returns the shard of a place.
func (s *Set) OfPlace(key string) string {
	if s == nil {
		return Local
	}
	digits, _, _ := strings.Cut(key, "/")
	if n, err := strconv.Atoi(digits); err == nil && n >= 0 && n < len(s.names) {
		return s.names[n]
	}
	return Local
}

// epoch is when the run time of members begins.
var epoch = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

// Run returns the run time of a member. It is the same for all members with the same wall clock, so that rows that move have
// the age that they had. A process reads the wall clock once.
func Run(now time.Time) time.Duration { return max(0, now.Sub(epoch)) }

// LateSend is an event that was sent when its shard may have had another owner.
type LateSend struct {
	Receiver string       `json:"receiver"`
	Key      string       `json:"key"` // of the place
	Event    *alarm.Event `json:"event"`
}

// Text returns the text for Cluster.Late.
func (l *LateSend) Text() []byte {
	text, _ := json.Marshal(l) // encoding an event cannot fail
	return text
}
