// Package outage has all members of a cluster know which devices do not answer because others do not, whoever polls these.
//
// The member that holds the shard of the whole cluster is the center: it computes the outages as a single process does. The others
// report to it whatever changes about their devices: polls that begin to fail, the first answers after that, polls that it
// asked for, and which devices alerts say to be down. Its answers have the outages of all devices. While no device fails, nothing
// but a few octets every some seconds is sent.
package outage

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/cluster/peer"
	"trapline/internal/mute"
	"trapline/internal/neighbours"
	"trapline/internal/topology"
)

// Members are the members of the cluster, as this one knows them.
type Members interface {
	Name() string                        // of this member
	Holder(target string) peer.Member    // that has the shard of a target; of "", that of the whole cluster
	Peers() []peer.Member                // the others that live
	Owned() []string                     // the shards of this member
	ShardOf() func(target string) string // the shard of each target
	Open(ctx context.Context, q *peer.Request) (*http.Response, error)
}

const (
	// answerWait is how long alerts wait for the answer about a poll that has failed, and reportWait bounds a report.
	answerWait, reportWait = time.Second, 5 * time.Second
	// reportTime is how often a member reports that nothing has changed: a new center knows of it then.
	reportTime = 5 * time.Second
	// patience is how long the outages of the last answer count. Then those of this member's devices alone do.
	patience = 30 * time.Second
)

// Tracker is the tracker of a process, which in a cluster knows of the devices of all members. Without, it is the one of
// topology.
type Tracker struct {
	*topology.Tracker                  // of the devices of this process
	Book              *neighbours.Book // of the readings of this process, and of all others where it is the center
	members           Members          // nil without a cluster
	center            *center
	logger            *slog.Logger
	run               uint64
	kick              chan struct{} // there is something to report
	changed           chan struct{} // see Changed

	number uint64 // of the last report, which Run alone makes

	mu     sync.Mutex
	rooted bool               // links count
	linked map[string]bool    // devices that may be behind others
	owned  []string           // see Look
	up     map[string]bool    // whether the last poll of each device had an answer, since it was taken
	polls  map[string][]ended // that are to be reported
	said   map[string]bool    // devices that alerts say to be down
	queued uint64             // polls that alerts wait for
	done   uint64             // of these, how many have an answer
	answer chan struct{}      // closed at the end of a report

	// What the center knows, and says.
	generation uint64 // 0: it is to be reported everything
	holder     string
	shards     map[string]bool // reported
	reported   map[string]bool // of said
	doubted    map[string]bool // devices of reports without an answer, which the center may have noted; nil if there was none
	last       moment          // of its last answer
	version    uint64
	asked      uint64
	outages    map[string]cause.Outage
	alarms     alarms // about causes
	heard      map[string]*heard
	unread     map[string]bool                     // devices with readings that the center does not know
	links      map[neighbours.Ends]neighbours.Link // its links
	own        alarms                              // those of this member
	ownKnown   alarms                              // of these, those that the center knows
	base       *cause.Outages                      // with these
	awaited    map[string]moment                   // devices that it has asked for, and in which answer
	asks       []string                            // see Asks
	unanswered map[string]bool                     // devices that fail, of which no answer knows
	answers    bool                                // the last report had an answer
	useful     time.Time                           // when the last answer with outages came
	alone      bool                                // for too long none did

	shown     *cause.Outages // see Outages
	shownSaid map[string]bool
}

// moment is when an answer came, by both clocks: that of the center was later by its way.
type moment struct {
	generation uint64
	clock      time.Duration // of the center, when it answered
	at         time.Time     // when that came
}

// of returns a time by the clock of a center: never later than it was, and after the moment if it was.
func (m moment) of(at time.Time, generation uint64) time.Duration {
	if m.generation != generation || generation == 0 {
		return longAgo
	}
	return max(longAgo, m.clock+at.Sub(m.at))
}

// ended is a poll that is to be reported.
type ended struct {
	began time.Time
	up    bool
	by    moment
}

// NewTracker returns a tracker without devices. m is nil without a cluster.
func NewTracker(m Members, logger *slog.Logger) *Tracker {
	t := &Tracker{Tracker: topology.NewTracker(), Book: neighbours.NewBook(), members: m, logger: logger}
	if m != nil {
		t.center, t.run = newCenter(m), 1+rand.Uint64N(1<<53)
		t.kick, t.changed, t.answer = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
		t.heard, t.unread, t.links = map[string]*heard{}, map[string]bool{}, map[neighbours.Ends]neighbours.Link{}
		t.up, t.polls, t.awaited, t.unanswered = map[string]bool{}, map[string][]ended{}, map[string]moment{}, map[string]bool{}
	}
	return t
}

// Changed is signaled when the outages may have changed, or devices are asked for; nil without a cluster.
func (t *Tracker) Changed() <-chan struct{} { return t.changed }

// Configure replaces the devices and the settings, which must have no Problems.
func (t *Tracker) Configure(s *topology.Settings, devices []topology.Device) error {
	if err := t.Tracker.Configure(s, devices); err != nil || t.members == nil {
		return err
	}
	t.center.configure(s, devices)
	t.mu.Lock()
	defer t.mu.Unlock()
	known := make(map[string]bool, len(devices))
	t.linked, t.rooted = map[string]bool{}, len(s.Roots) > 0
	for i := range devices {
		known[devices[i].Name] = true
		if len(devices[i].Parents) > 0 || len(s.Roots) > 0 && !slices.Contains(s.Roots, devices[i].Name) {
			t.linked[devices[i].Name] = true
		}
	}
	t.forget(func(name string) bool { return !known[name] })
	if t.outages != nil {
		t.rebase()
	}
	return nil
}

// forget forgets the polls of devices. The mutex must be held.
func (t *Tracker) forget(gone func(name string) bool) (names []string) {
	maps.DeleteFunc(t.heard, func(name string, _ *heard) bool { return gone(name) })
	maps.DeleteFunc(t.unread, func(name string, _ bool) bool { return gone(name) })
	for name := range t.up {
		if gone(name) {
			names = append(names, name)
			delete(t.up, name)
			delete(t.polls, name)
			delete(t.awaited, name)
			delete(t.unanswered, name)
		}
	}
	return names
}

// Maintain replaces the devices in maintenance: see topology.Tracker.
func (t *Tracker) Maintain(closed map[string]string) {
	if t.Tracker.Maintain(closed); t.members != nil {
		t.center.maintain(closed)
	}
}

// Linked reports whether devices may be reached by others.
func (t *Tracker) Linked() bool {
	if t.members == nil {
		return t.Tracker.Linked()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.linked) > 0
}

// Start returns the outages before the first poll. In a cluster, alarms about devices that may be behind others wait for the
// first answer of the center.
func (t *Tracker) Start(said map[string]bool, now time.Time) *cause.Outages {
	if t.members == nil {
		return t.Tracker.Start(said, now)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outages = make(map[string]cause.Outage, len(t.linked))
	for name := range t.linked {
		t.outages[name] = cause.Outage{Kind: mute.BySettling, Name: "the other members"}
	}
	t.useful = now
	t.rebase()
	t.shown = t.base
	return t.base
}

// rebase makes base of outages. The mutex must be held.
func (t *Tracker) rebase() {
	t.base = t.outagesOf(t.outages)
}

// Causes returns the devices of this member that others are behind; nil without a cluster.
func (t *Tracker) Causes() map[string]bool {
	if t.members == nil {
		return nil
	}
	shardOf := t.members.ShardOf()
	t.mu.Lock()
	defer t.mu.Unlock()
	causes := map[string]bool{}
	if t.base != nil {
		for name := range t.base.Behind {
			if slices.Contains(t.owned, shardOf(name)) {
				causes[name] = true
			}
		}
	}
	return causes
}

// SetAlarms has the other members know the alarms about the devices of Causes.
func (t *Tracker) SetAlarms(of map[string]*alarm.Alarm) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := make(alarms, len(of))
	for device, a := range of {
		own[device] = bare(a)
	}
	if t.own = own; len(own.changes(t.ownKnown)) > 0 {
		signal(t.kick)
	}
}

// outagesOf returns the outages of devices. The mutex must be held.
func (t *Tracker) outagesOf(of map[string]cause.Outage) *cause.Outages {
	o := &cause.Outages{Down: t.Down(), Of: maps.Clone(of), Behind: map[string][]string{}, Alarms: t.alarms}
	for name, one := range of {
		if one.Kind == mute.ByCause {
			o.Behind[one.Name] = append(o.Behind[one.Name], name)
		}
	}
	for _, list := range o.Behind {
		slices.Sort(list)
	}
	return o
}

// Ended notes a poll. It reports whether the outages are to be computed at once, before alerts are evaluated.
func (t *Tracker) Ended(p topology.Poll, now time.Time) (urgent bool) {
	urgent = t.Tracker.Ended(p, now)
	if t.members == nil {
		return urgent
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.linked) == 0 {
		return urgent
	}
	up, known := t.up[p.Device]
	asked, awaited := t.awaited[p.Device]
	if t.up[p.Device] = p.Up; known && up == p.Up && !awaited {
		return urgent
	}
	by := t.last
	if awaited {
		by = asked // by a later one, it might have begun before the center asked
	}
	if awaited && !p.Began.Before(asked.at) {
		delete(t.awaited, p.Device)
	}
	t.queue(p.Device, ended{p.Began, p.Up, by})
	if !p.Up {
		t.queued++
		t.unanswered[p.Device] = true
	}
	if !p.Up || known || awaited {
		signal(t.kick)
	}
	return !p.Up || urgent
}

// queue adds polls of a device to those that are to be reported. Of several that have the same result the last counts.
func (t *Tracker) queue(device string, polls ...ended) {
	list := t.polls[device]
	for _, p := range polls {
		if last := len(list) - 1; last >= 0 && list[last].up == p.up {
			list[last] = p
		} else {
			list = append(list, p)
		}
	}
	t.polls[device] = list[max(0, len(list)-maxPolls):]
}

// Look notes which shards are owned. It is called before Outages is with devices that alerts say to be down, and before the
// alerts are looked at: in a shard that is owned before and after that, these are all.
func (t *Tracker) Look() {
	if t.members == nil {
		return
	}
	owned := t.members.Owned()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owned = owned
}

// Asks returns the devices that are to be polled at once, since the call before.
func (t *Tracker) Asks() (names []string) {
	if t.members == nil {
		return t.Tracker.Asks()
	}
	own := t.Tracker.Asks()
	t.mu.Lock()
	defer t.mu.Unlock()
	if names, t.asks = t.asks, nil; t.alone {
		names = append(names, own...)
	}
	return names
}

// Outages returns the outages at a moment: see topology.Tracker. In a cluster, said are devices of this member. After a poll that has
// failed it waits for the answer of the center, for a short time.
func (t *Tracker) Outages(said map[string]bool, now time.Time) (o *cause.Outages, changed bool) {
	if t.members == nil {
		return t.Tracker.Outages(said, now)
	}
	t.say(said)
	t.await()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch o = t.base; {
	case t.alone || o == nil:
		o, _ = t.Tracker.Outages(said, now)
	case len(t.unanswered) > 0:
		of := maps.Clone(t.outages)
		own, _ := t.Tracker.Outages(said, now)
		for name := range t.unanswered {
			if one, muted := own.Muted(name); muted && of[name].Kind == "" {
				of[name] = one
			}
		}
		o = t.outagesOf(of)
	}
	changed = o != t.shown && (t.shown == nil || !maps.Equal(o.Of, t.shown.Of) || !maps.EqualFunc(o.Behind, t.shown.Behind, slices.Equal[[]string]) || !maps.Equal(o.Alarms, t.shown.Alarms)) || !maps.Equal(said, t.shownSaid)
	t.shown, t.shownSaid = o, maps.Clone(said)
	return o, changed
}

// say notes the devices that alerts say to be down, and of which shards these are.
func (t *Tracker) say(said map[string]bool) {
	now := t.members.Owned()
	t.mu.Lock()
	defer t.mu.Unlock()
	before := make(map[string]bool, len(t.owned))
	for _, shard := range t.owned {
		before[shard] = true
	}
	t.owned = slices.DeleteFunc(now, func(shard string) bool { return !before[shard] })
	if !maps.Equal(said, t.said) {
		t.said = maps.Clone(said)
		signal(t.kick)
	}
}

// await waits for the answer to the polls that have failed.
func (t *Tracker) await() {
	enough := time.NewTimer(answerWait)
	defer enough.Stop()
	t.mu.Lock()
	mine := t.queued
	for t.answers && t.done < mine {
		end := t.answer
		t.mu.Unlock()
		select {
		case <-end:
		case <-enough.C:
			t.mu.Lock()
			t.answers = false // until the next answer nobody waits
			t.mu.Unlock()
			return
		}
		t.mu.Lock()
	}
	t.mu.Unlock()
}
