package topology

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/cause"
	"trapline/internal/mute"
)

// Tracker follows which devices answer, and computes why alarms about those that do not are muted:
//
//   - settling: the device failed, and those by which it is reached are asked;
//   - cause: another device is down, behind which it lies;
//   - recovery: that one answers again, and the device is asked.
type Tracker struct {
	down mute.Matchers
	hold time.Duration

	mu      sync.Mutex
	graph   *Graph
	roots   []string
	list    []Device
	links   [][2]string
	closed  map[string]string // devices in maintenance, with the name of the window
	known   map[string]Device
	devices map[string]*device // those that do not answer, or did not until lately
	asks    []string           // see Asks
	said    map[string]bool    // devices that alerts say to be down
	last    *cause.Outages

	waiting map[string]waiters // devices that wait for each; some may wait no longer
	changed bool               // since last was computed
	wake    time.Time          // when time alone may change last; zero means never
}

// waiters are names of devices.
type waiters map[string]bool

// device is the knowledge about a device that does not answer.
type device struct {
	failed  time.Time       // when the first poll without an answer ended; zero if it answers
	fresh   bool            // those by which it is reached have not been asked
	suspect time.Time       // until when it counts as down without an alert
	awaited map[string]bool // devices that are asked because it failed
	until   time.Time       // when it stops waiting, for them or for its own poll
	asked   time.Time       // when it recovers, or those awaited have answered: since when its own poll is awaited
	settled settling
	muted   bool // it answers, and its alarm may not have ended yet
}

// settling is how far it is known that a device does not answer by itself. Its poll may have failed by an outage that was
// over when those were asked by which it is reached: it is asked once more after they have answered.
type settling uint8

const (
	unsettled settling = iota
	others             // are asked
	itself             // is asked
	again              // it failed a second time
)

// Poll is a poll of a device that has ended.
type Poll struct {
	Device string
	Began  time.Time
	Up     bool
}

// NewTracker returns a tracker without devices.
func NewTracker() *Tracker {
	return &Tracker{hold: DefaultHold, graph: NewGraph(nil, nil), devices: map[string]*device{}, waiting: map[string]waiters{}}
}

// Asks returns the devices that are to be polled at once, since the call before. A poll that runs does not count.
func (t *Tracker) Asks() (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names, t.asks = t.asks, nil
	return names
}

// Linked reports whether devices are reached by others.
func (t *Tracker) Linked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.graph.links, func(list []int32) bool { return len(list) > 0 })
}

// Configure replaces the devices and the settings, which must have no Problems.
func (t *Tracker) Configure(s *Settings, devices []Device) error {
	down, err := s.Matchers()
	if err != nil {
		return err
	}
	known := make(map[string]Device, len(devices))
	for _, one := range devices {
		known[one.Name] = one
	}
	t.mu.Lock()
	before, links := t.known, t.links // neither map nor list changes
	t.mu.Unlock()
	var gone []string
	for name := range before {
		if known[name].Name == "" {
			gone = append(gone, name)
		}
	}
	graph := NewGraph(s.Roots, devices, links...) // without the lock, which polls wait for
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Equal(links, t.links) {
		graph = NewGraph(s.Roots, devices, t.links...)
	}
	t.down, t.hold, t.known = down, s.hold(), known
	t.roots, t.list, t.graph = s.Roots, devices, graph
	t.forget(gone)
	t.changed = true
	return nil
}

// forget removes devices, and that others wait for them. The mutex must be held.
func (t *Tracker) forget(gone []string) {
	if len(gone) == 0 {
		return
	}
	for _, name := range gone {
		delete(t.devices, name)
	}
	clear(t.waiting)
	for name, d := range t.devices {
		maps.DeleteFunc(d.awaited, func(awaited string, _ bool) bool { return t.known[awaited].Name == "" })
		for awaited := range d.awaited {
			t.wait(name, awaited)
		}
	}
}

// Forget forgets whatever is known of devices that others poll from now on.
func (t *Tracker) Forget(names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(names)
	t.changed = t.changed || len(names) > 0
}

// SetLinks replaces the links between devices, which lead in both directions. They count only if there are roots.
func (t *Tracker) SetLinks(links [][2]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Equal(links, t.links) {
		return
	}
	t.links, t.changed = links, true
	t.graph = NewGraph(t.roots, t.list, t.links...)
}

// Maintain replaces the devices in maintenance, with the names of the windows. Devices that are down and reached over such
// devices alone are in maintenance, too.
func (t *Tracker) Maintain(closed map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !maps.Equal(closed, t.closed) {
		t.closed, t.changed = closed, true
	}
}

// Down returns the matchers of the alarms that say that a device does not answer.
func (t *Tracker) Down() mute.Matchers {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.down
}

// Ended notes a poll. It reports whether the outages are to be computed at once, before alerts are evaluated: the
// device has begun to fail.
func (t *Tracker) Ended(p Poll, now time.Time) (urgent bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[p.Device].Name == "" {
		return false
	}
	t.release(p)
	d := t.devices[p.Device]
	switch {
	case p.Up && d != nil:
		t.answered(d, p, now)
	case !p.Up && d == nil:
		d = &device{}
		t.devices[p.Device] = d
		fallthrough
	case !p.Up && d.failed.IsZero():
		t.failed(d, now)
		return true
	case !p.Up && !d.asked.IsZero() && !p.Began.Before(d.asked):
		twice := d.settled == itself
		if t.failed(d, now); twice {
			d.settled = again
		}
		return true
	}
	return false
}

// wait notes that a device waits for another one.
func (t *Tracker) wait(name, awaited string) {
	if t.waiting[awaited] == nil {
		t.waiting[awaited] = waiters{}
	}
	t.waiting[awaited][name] = true
}

// release notes a poll for the devices that wait for it. Thousands may be down: only those that wait are looked at.
func (t *Tracker) release(p Poll) {
	for name := range t.waiting[p.Device] {
		d := t.devices[name]
		if d != nil && d.awaited[p.Device] && p.Began.Before(d.failed) {
			continue // it is of the time before
		}
		t.changed = true
		if delete(t.waiting[p.Device], name); d != nil {
			delete(d.awaited, p.Device)
		}
	}
	if len(t.waiting[p.Device]) == 0 {
		delete(t.waiting, p.Device)
	}
}

// failed notes that a device does not answer.
func (t *Tracker) failed(d *device, now time.Time) {
	t.changed = true
	*d = device{failed: now, suspect: now.Add(t.hold), fresh: true}
}

// settle has those asked by which a device that has just failed is reached: they may be down, too.
func (t *Tracker) settle(name string, d *device, r *Reach) {
	d.fresh, d.awaited = false, map[string]bool{}
	for _, other := range r.Up(name) {
		d.awaited[other] = true
		t.wait(name, other)
		d.until = later(d.until, d.failed.Add(t.hold+t.known[other].Budget))
		t.asks = append(t.asks, other)
	}
	if len(d.awaited) > 0 && d.settled != again {
		d.settled = others
	}
}

// confirm has a device asked again that is behind none, as those by which it is reached have answered.
func (t *Tracker) confirm(name string, d *device, now time.Time) {
	d.settled, d.asked, d.until = itself, now, now.Add(t.hold+t.known[name].Budget)
	t.asks = append(t.asks, name)
}

// answered notes that a device answers. Until its alerts have been evaluated, that of the poll before included, its alarm
// stays muted.
func (t *Tracker) answered(d *device, p Poll, now time.Time) {
	if d.failed.IsZero() {
		return
	}
	t.changed = true
	_, muted := t.last.Muted(p.Device)
	*d = device{muted: muted, until: now.Add(t.hold)}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Start returns the outages before the first poll. said are the devices that active alarms say to be down: alarms that
// were not sent wait for a poll of their device.
func (t *Tracker) Start(said map[string]bool, now time.Time) *cause.Outages {
	t.mu.Lock()
	t.changed = true
	for name := range said {
		if t.known[name].Name != "" {
			t.devices[name] = &device{failed: now, asked: now, until: now.Add(2 * t.known[name].Interval)}
		}
	}
	t.mu.Unlock()
	o, _ := t.Outages(said, now)
	return o
}

// Outages returns the outages at a moment. said are the devices of which pending or active alerts say that they are
// down. It reports whether they differ from those of the call before.
func (t *Tracker) Outages(said map[string]bool, now time.Time) (o *cause.Outages, changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.changed && t.last != nil && (t.wake.IsZero() || now.Before(t.wake)) && maps.Equal(said, t.said) {
		return t.last, false
	}
	t.changed = false
	down := t.downAt(said, now)
	reach := t.graph.Reach(down)
	for _, name := range slices.Sorted(maps.Keys(t.devices)) {
		if d := t.devices[name]; d.fresh {
			t.settle(name, d, reach)
		}
	}
	behind := reach.Behind()
	o = &cause.Outages{Down: t.down, Of: map[string]cause.Outage{}, Behind: byCause(behind)}
	for name, by := range behind {
		o.Of[name] = cause.Outage{Kind: mute.ByCause, Name: by}
	}
	t.maintain(o, down, reach)
	t.recover(o, said, now)
	for name, d := range t.devices {
		if d.failed.IsZero() && (!d.muted || !now.Before(d.until)) {
			delete(t.devices, name)
			continue
		}
		if _, muted := o.Of[name]; !muted {
			if d.settled == others && len(d.awaited) == 0 {
				t.confirm(name, d, now)
			}
			if one, waits := d.waits(now); waits {
				o.Of[name] = one
			}
		}
	}
	changed = t.last == nil || !maps.Equal(o.Of, t.last.Of) || !maps.EqualFunc(o.Behind, t.last.Behind, slices.Equal[[]string]) || !maps.Equal(said, t.said)
	t.last, t.said = o, maps.Clone(said)
	t.wake = t.nextChange(now)
	return o, changed
}

// nextChange returns when time alone may change the outages.
func (t *Tracker) nextChange(now time.Time) (next time.Time) {
	for _, d := range t.devices {
		for _, at := range []time.Time{d.suspect, d.until} {
			if at.After(now) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// maintain adds the devices that are down and reached over devices in maintenance alone.
func (t *Tracker) maintain(o *cause.Outages, down map[string]bool, r *Reach) {
	if len(t.closed) == 0 || len(down) == 0 {
		return
	}
	around := r.Around(t.closed)
	for name := range down {
		if _, muted := o.Of[name]; muted {
			continue
		}
		if window := t.closed[around.Cause(name)]; window != "" {
			o.Of[name] = cause.Outage{Kind: mute.ByMaintenance, Name: window}
		}
	}
}

// downAt returns the devices that are down at a moment.
func (t *Tracker) downAt(said map[string]bool, now time.Time) map[string]bool {
	down := maps.Clone(said)
	if down == nil {
		down = map[string]bool{}
	}
	for name, d := range t.devices {
		if !d.failed.IsZero() && now.Before(d.suspect) {
			down[name] = true
		}
	}
	return down
}

// recover has the devices asked that are behind no other any more.
func (t *Tracker) recover(o *cause.Outages, said map[string]bool, now time.Time) {
	if t.last == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(t.last.Of)) {
		before := t.last.Of[name]
		d := t.devices[name]
		fails := said[name] || d != nil && !d.failed.IsZero() // its alert may not have been evaluated yet
		if before.Kind != mute.ByCause && before.Kind != mute.ByMaintenance || !fails {
			continue
		}
		if _, muted := o.Of[name]; muted {
			if before.Kind == mute.ByCause && !said[before.Name] { // it may be behind another one, which is asked too
				t.asks = append(t.asks, name)
			}
			continue
		}
		if d == nil {
			d = &device{failed: now} // by an alert of the time before the start
			t.devices[name] = d
		}
		if !d.failed.IsZero() {
			d.asked, d.until = now, now.Add(2*t.known[name].Interval)
			t.asks = append(t.asks, name)
		}
	}
}

// waits returns why an alarm about a device waits at a moment.
func (d *device) waits(now time.Time) (one cause.Outage, waits bool) {
	switch {
	case !now.Before(d.until):
		return one, false
	case len(d.awaited) > 0:
		return cause.Outage{Kind: mute.BySettling, Name: strings.Join(slices.Sorted(maps.Keys(d.awaited)), ", ")}, true
	case d.settled == itself:
		return cause.Outage{Kind: mute.BySettling, Name: "itself"}, true
	case !d.asked.IsZero() || d.muted:
		return cause.Outage{Kind: mute.ByRecovery}, true
	}
	return one, false
}
