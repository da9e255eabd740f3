package neighbours

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// Forgotten is how long both ends of a link have to answer without it before it goes.
	Forgotten = 24 * time.Hour
	// maxLinks and maxReadings bound the links, and the neighbours in the last readings of all devices.
	maxLinks, maxReadings = 200_000, 500_000
	// maxOwners is how many devices may have a key: one of more says nothing.
	maxOwners = 64
	// maxApart is how far apart two readings may be for the time between them to count: with more, the device was silent.
	maxApart = 2 * time.Hour
)

// Device is a device of the fleet.
type Device struct {
	Name    string
	Address string // of the configuration
}

// Ends are the names of the devices at both ends of a link, sorted.
type Ends [2]string

// EndsOf returns the ends of a link between two devices.
func EndsOf(a, b string) Ends {
	if a > b {
		a, b = b, a
	}
	return Ends{a, b}
}

// Link is a link between two devices.
type Link struct {
	Ends  Ends
	By    []Protocol
	Via   string           // the neighbour between them that is no target; empty if there is none
	Since time.Time        // when it was found
	Gone  [2]time.Duration // for how long each end has answered without it
}

// Book has the last readings of all devices, and the links that follow. A device may lie, or be lied to by anything at
// one of its ports. So a link counts only if both of its ends name each other, or one of them is a root and names the
// other. A neighbour that is no target links the devices that name it with the roots that do. No device is reached by
// the word of others alone; and a device with the ID of another one adds links, and takes away none.
type Book struct {
	mu       sync.Mutex
	roots    []string
	devices  map[string]*device
	owners   map[string][]string // devices by key
	links    map[Ends]*Link
	of       map[string]map[Ends]bool // the links of each device
	changed  map[Ends]bool            // since Changes
	readings int                      // neighbours in them
	unread   int                      // devices without a reading: a neighbour that is nobody else may be one of them
}

// device is a device with its last reading.
type device struct {
	address    string // key of the configured address
	keys       []string
	neighbours []Neighbour
	read       bool
	at         time.Duration // of the last reading
}

// NewBook returns a book without devices.
func NewBook() *Book {
	return &Book{
		devices: map[string]*device{}, owners: map[string][]string{}, links: map[Ends]*Link{}, of: map[string]map[Ends]bool{},
		changed: map[Ends]bool{},
	}
}

// Configure replaces the devices. All that is known of those that are gone is forgotten.
func (b *Book) Configure(roots []string, devices []Device) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roots = roots
	kept := make(map[string]bool, len(devices))
	for i := range devices {
		name := devices[i].Name
		kept[name] = true
		address := ""
		if a, err := netip.ParseAddr(devices[i].Address); err == nil {
			address = addressKey(a.AsSlice())
		}
		d := b.devices[name]
		if d != nil && d.address == address {
			continue
		}
		b.forget(name) // another address may be another device
		b.devices[name] = &device{address: address}
		b.unread++
		b.own(name, add(nil, address))
	}
	for name := range b.devices {
		if !kept[name] {
			b.forget(name)
		}
	}
	for ends := range b.links {
		if !kept[ends[0]] || !kept[ends[1]] {
			b.remove(ends)
		}
	}
}

// forget removes a device with its reading, but not its links.
func (b *Book) forget(name string) {
	if d := b.devices[name]; d != nil {
		b.own(name, nil)
		b.readings -= len(d.neighbours)
		if delete(b.devices, name); !d.read {
			b.unread--
		}
	}
}

// own replaces the keys of a device.
func (b *Book) own(name string, keys []string) {
	d := b.devices[name]
	for _, key := range d.keys {
		if b.owners[key] = slices.DeleteFunc(b.owners[key], func(other string) bool { return other == name }); len(b.owners[key]) == 0 {
			delete(b.owners, key)
		}
	}
	d.keys = keys
	for _, key := range keys {
		b.owners[key] = append(b.owners[key], name)
	}
}

// Answered takes a reading of a device, at a moment of a clock that never goes back. One that is older than the last counts for nothing.
func (b *Book) Answered(name string, r *Reading, now time.Duration, wall time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[name]
	if d == nil || d.read && now < d.at {
		return
	}
	var apart time.Duration
	if d.read && now-d.at <= maxApart && !r.Partial { // where the link may be missing
		apart = now - d.at
	}
	if !d.read {
		b.unread--
	}
	b.readings -= len(d.neighbours)
	d.neighbours = r.Neighbours[:min(len(r.Neighbours), MaxNeighbours, max(maxReadings-b.readings, 0))]
	b.readings += len(d.neighbours)
	d.read, d.at = true, now
	b.own(name, add(slices.Clone(r.Keys), d.address))
	j := judgement{book: b, name: name, says: b.listed(name, ""), unpolled: map[string]map[string]string{}, apart: apart, wall: wall}
	for _, other := range slices.Sorted(maps.Keys(j.candidates())) {
		j.judge(other)
	}
}

// listed returns the devices that a device names, with the protocols; only one of them unless only is empty.
func (b *Book) listed(name, only string) map[string]protocols {
	says := map[string]protocols{}
	d := b.devices[name]
	for i := range d.neighbours {
		n := &d.neighbours[i]
		for _, key := range n.Keys {
			for _, owner := range b.having(key) {
				if owner != name && (only == "" || owner == only) {
					says[owner] |= bit(n.Protocol)
				}
			}
		}
	}
	return says
}

// having returns the devices with a key. Names have to be unique.
func (b *Book) having(key string) []string {
	owners := b.owners[key]
	if len(owners) > maxOwners || key[0] == nameKind && len(owners) > 1 {
		return nil
	}
	return owners
}

// unpolled returns the names of the neighbours of a device that are no targets, by the keys that only they have.
func (b *Book) unpolled(name string) map[string]string {
	keys := map[string]string{}
	d := b.devices[name]
	for i := range d.neighbours {
		n := &d.neighbours[i]
		if slices.ContainsFunc(n.Keys, func(key string) bool { return len(b.owners[key]) > 0 }) {
			continue
		}
		for _, key := range n.Keys {
			if exact(key) {
				keys[key] = cmp.Or(n.Name, "?")
			}
		}
	}
	return keys
}

// protocols is a set of protocols.
type protocols uint

func bit(p Protocol) protocols { return 1 << slices.Index(Protocols, p) }

func (s protocols) list() (list []Protocol) {
	for i, p := range Protocols {
		if s&(1<<i) != 0 {
			list = append(list, p)
		}
	}
	return list
}

// judgement decides about the links of a device that has answered.
type judgement struct {
	book     *Book
	name     string
	says     map[string]protocols         // the devices that it names
	unpolled map[string]map[string]string // the neighbours of roots that are no targets
	apart    time.Duration                // since it has answered before
	wall     time.Time
}

// candidates returns the devices to which a link may have begun or ceased.
func (j *judgement) candidates() map[string]bool {
	all := map[string]bool{}
	for other := range j.says {
		all[other] = true
	}
	for ends := range j.book.of[j.name] {
		all[ends[0]], all[ends[1]] = true, true
	}
	for _, root := range j.book.roots {
		if j.book.devices[root] == nil {
			continue
		}
		all[root] = true
		j.unpolled[root] = j.book.unpolled(root)
		for other, d := range j.book.devices {
			if root == j.name && len(j.unpolled[root]) > 0 {
				if by, _ := d.shares(j.unpolled[root]); by != 0 {
					all[other] = true
				}
			}
		}
	}
	delete(all, j.name)
	return all
}

// shares returns the protocols by which a device names one of several neighbours, and the name of that.
func (d *device) shares(keys map[string]string) (by protocols, via string) {
	for i := range d.neighbours {
		for _, key := range d.neighbours[i].Keys {
			if name := keys[key]; name != "" {
				by |= bit(d.neighbours[i].Protocol)
				via = cmp.Or(via, name)
			}
		}
	}
	return by, via
}

// agreed returns the protocols by which the device is linked to another one, and the neighbour between them that is no
// target.
func (j *judgement) agreed(other string) (by protocols, via string) {
	to, from := j.says[other], j.book.listed(other, j.name)[j.name]
	if to != 0 && from != 0 {
		return to | from, ""
	}
	if slices.Contains(j.book.roots, j.name) {
		by |= to
	}
	if slices.Contains(j.book.roots, other) {
		by |= from
	}
	if by != 0 || j.book.unread > 0 {
		return by, ""
	}
	if keys := j.unpolled[other]; len(keys) > 0 {
		by, via = j.book.devices[j.name].shares(keys)
	}
	if keys := j.unpolled[j.name]; by == 0 && len(keys) > 0 {
		by, via = j.book.devices[other].shares(keys)
	}
	return by, via
}

// judge decides about the link to another device.
func (j *judgement) judge(other string) {
	b, ends := j.book, EndsOf(j.name, other)
	by, via := j.agreed(other)
	before := b.links[ends]
	switch {
	case by == 0 && (before == nil || before.Via != "" && b.unread > 0):
	case by == 0:
		next := *before
		next.Gone[slices.Index(ends[:], j.name)] += j.apart
		if next.Gone[0] >= Forgotten && next.Gone[1] >= Forgotten {
			b.remove(ends)
		} else if next.Gone != before.Gone {
			b.put(&next)
		}
	case before == nil:
		if len(b.links) < maxLinks && len(b.of[j.name]) < MaxNeighbours && len(b.of[other]) < MaxNeighbours {
			b.put(&Link{Ends: ends, By: by.list(), Via: via, Since: j.wall.UTC().Truncate(time.Second)})
		}
	default:
		next := *before
		next.By, next.Via, next.Gone = by.list(), via, [2]time.Duration{}
		if !slices.Equal(next.By, before.By) || next.Via != before.Via || next.Gone != before.Gone {
			b.put(&next)
		}
	}
}

func (b *Book) put(l *Link) {
	b.links[l.Ends] = l
	b.changed[l.Ends] = true
	for _, name := range l.Ends {
		if b.of[name] == nil {
			b.of[name] = map[Ends]bool{}
		}
		b.of[name][l.Ends] = true
	}
}

func (b *Book) remove(ends Ends) {
	delete(b.links, ends)
	b.changed[ends] = true
	for _, name := range ends {
		if delete(b.of[name], ends); len(b.of[name]) == 0 {
			delete(b.of, name)
		}
	}
}

// Links returns the links, sorted by their ends.
func (b *Book) Links() []Link {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Link, 0, len(b.links))
	for _, l := range b.links {
		list = append(list, *l)
	}
	slices.SortFunc(list, func(x, y Link) int { return slices.Compare(x.Ends[:], y.Ends[:]) })
	return list
}

// Restore adds links that were stored.
func (b *Book) Restore(links []Link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range links[:min(len(links), maxLinks)] {
		b.put(&links[i])
		delete(b.changed, links[i].Ends)
	}
}

// Add adds links that another book has and this one does not.
func (b *Book) Add(links []Link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range links {
		if ends := links[i].Ends; b.links[ends] == nil && len(b.links) < maxLinks && b.devices[ends[0]] != nil && b.devices[ends[1]] != nil {
			b.put(&links[i])
		}
	}
}

// Replace replaces the links by those of another book.
func (b *Book) Replace(links []Link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := make(map[Ends]bool, len(links))
	for i := range links[:min(len(links), maxLinks)] {
		l := &links[i]
		kept[l.Ends] = true
		if before := b.links[l.Ends]; before == nil || !before.Equal(l) {
			b.put(l)
		}
	}
	for ends := range b.links {
		if !kept[ends] {
			b.remove(ends)
		}
	}
}

// Equal reports whether two links are the same, with all that is known of them.
func (l *Link) Equal(other *Link) bool {
	return l.Ends == other.Ends && slices.Equal(l.By, other.By) && l.Via == other.Via && l.Since.Equal(other.Since) && l.Gone == other.Gone
}

// Changes returns the links that have changed since the call before, nil for those that are gone.
func (b *Book) Changes() map[Ends]*Link {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make(map[Ends]*Link, len(b.changed))
	for ends := range b.changed {
		list[ends] = b.links[ends]
	}
	clear(b.changed)
	return list
}

// Seen is a neighbour of a device, as it is shown.
type Seen struct {
	Name   string // of the target, or as the device names it
	Target bool
	Linked bool // see Book
	By     []Protocol
	Via    string
	Since  time.Time // of the link
}

// Of returns the neighbours of a device, sorted by name: its links, and those that it names beside.
func (b *Book) Of(name string) (list []Seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[string]bool{}
	for ends := range b.of[name] {
		l, other := b.links[ends], ends[0]
		if other == name {
			other = ends[1]
		}
		seen[other], seen[l.Via] = true, true
		list = append(list, Seen{Name: other, Target: true, Linked: true, By: l.By, Via: l.Via, Since: l.Since})
	}
	if d := b.devices[name]; d != nil {
		list = append(list, b.beside(name, d, seen)...)
	}
	slices.SortFunc(list, func(x, y Seen) int { return strings.Compare(x.Name, y.Name) })
	return list
}

// beside returns the neighbours that a device names and has no link to.
func (b *Book) beside(name string, d *device, seen map[string]bool) (list []Seen) {
	by, target := map[string]protocols{}, map[string]bool{}
	for i := range d.neighbours {
		n := &d.neighbours[i]
		found := false
		for _, key := range n.Keys {
			for _, owner := range b.having(key) {
				if found = true; owner != name {
					by[owner] |= bit(n.Protocol)
					target[owner] = true
				}
			}
		}
		if !found {
			by[n.Name] |= bit(n.Protocol)
		}
	}
	for other := range by {
		if !seen[other] {
			list = append(list, Seen{Name: other, Target: target[other], By: by[other].list()})
		}
	}
	return list
}
