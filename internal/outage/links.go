package outage

import (
	"maps"
	"slices"
	"time"

	"trapline/internal/boottime"
	"trapline/internal/neighbours"
)

// maxReadings bounds the octets of the readings in one report, unless it has one alone.
const maxReadings = 1 << 20

// reading is what a device has answered about its neighbours. Names and keys of devices are octets.
type reading struct {
	Device     string        `json:"device"`
	Age        time.Duration `json:"age"`
	Keys       [][]byte      `json:"keys,omitempty"`
	Neighbours []neighbour   `json:"neighbours,omitempty"`
	Partial    bool          `json:"partial,omitempty"`
}

type neighbour struct {
	Protocol neighbours.Protocol `json:"protocol"`
	Name     []byte              `json:"name,omitempty"`
	Keys     [][]byte            `json:"keys,omitempty"`
}

// heard is the last reading of a device.
type heard struct {
	reading *neighbours.Reading
	at      time.Duration
}

// wire returns the reading as it is sent, and its size in octets.
func (h *heard) wire(device string, now time.Duration) (r reading, size int) {
	octets := func(list []string) (all [][]byte) {
		for _, one := range list {
			all = append(all, []byte(one))
			size += 4 * (len(one) + 4) / 3
		}
		return all
	}
	r = reading{Device: device, Age: now - h.at, Keys: octets(h.reading.Keys), Partial: h.reading.Partial}
	for i := range h.reading.Neighbours {
		n := &h.reading.Neighbours[i]
		r.Neighbours = append(r.Neighbours, neighbour{n.Protocol, []byte(n.Name), octets(n.Keys)})
		size += len(n.Name) + 64
	}
	return r, size + len(device) + 64
}

// local returns the reading as a book takes it.
func (r *reading) local() *neighbours.Reading {
	texts := func(list [][]byte) (all []string) {
		for _, one := range list {
			if len(one) > 0 {
				all = append(all, string(one))
			}
		}
		return all
	}
	local := &neighbours.Reading{Keys: texts(r.Keys), Partial: r.Partial}
	for i := range r.Neighbours {
		n := &r.Neighbours[i]
		if slices.Contains(neighbours.Protocols, n.Protocol) {
			local.Neighbours = append(local.Neighbours, neighbours.Neighbour{Protocol: n.Protocol, Name: string(n.Name), Keys: texts(n.Keys)})
		}
	}
	return local
}

// Read takes the neighbours that a device has answered with. The center decides by those of all devices which are linked.
func (t *Tracker) Read(device string, r *neighbours.Reading) {
	now := boottime.Elapsed()
	if t.Book.Answered(device, r, now, time.Now()); t.members == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rooted { // else no links are followed
		t.heard[device] = &heard{r, now}
		t.unread[device] = true
	}
}

// ApplyLinks has the links of the book count.
func (t *Tracker) ApplyLinks() {
	list := t.Book.Links()
	ends := make([][2]string, 0, len(list))
	for i := range list {
		ends = append(ends, list[i].Ends)
	}
	if t.SetLinks(ends); t.members != nil {
		t.center.share(list, ends)
	}
}

// readings returns those that the center does not know, as many as a report may have. The mutex must be held.
func (t *Tracker) readings(claimed func(device string) bool) (list []reading) {
	now, octets := boottime.Elapsed(), 0
	for _, device := range slices.Sorted(maps.Keys(t.unread)) {
		if !claimed(device) {
			continue
		}
		r, size := t.heard[device].wire(device, now)
		if octets += size; len(list) > 0 && octets > maxReadings {
			break
		}
		list = append(list, r)
		delete(t.unread, device)
	}
	return list
}

// hear takes the readings and the links that a member reports. Links that follow from readings count with the next ApplyLinks.
func (t *Tracker) hear(r *report) {
	now, wall := boottime.Elapsed(), time.Now()
	for i := range r.Readings {
		one := &r.Readings[i]
		age := min(max(one.Age, 0), now)
		t.Book.Answered(one.Device, one.local(), now-age, wall.Add(-age))
	}
	if len(r.Links) > 0 { // before the outages are computed
		t.Book.Add(r.Links)
		t.ApplyLinks()
	}
}

// follow takes the links of the center, and reports whether they have changed. The mutex must be held.
func (t *Tracker) follow(a *answer) bool {
	if a.Since == 0 {
		t.links = map[neighbours.Ends]neighbours.Link{}
	}
	for _, l := range a.Links {
		t.links[l.Ends] = l
	}
	for _, ends := range a.Unlinked {
		delete(t.links, ends)
	}
	if a.Since == 0 || len(a.Links)+len(a.Unlinked) > 0 {
		t.Book.Replace(slices.Collect(maps.Values(t.links)))
		return true
	}
	return false
}

// changedLink is a link since a version; nil if there is none any more.
type changedLink struct {
	*neighbours.Link
	at uint64
}

// share has the center answer with links.
func (c *center) share(list []neighbours.Link, ends [][2]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.linked, c.links = list, ends; c.generation == 0 {
		return
	}
	c.tracker.SetLinks(ends)
	c.relink()
}

// relink notes how the links have changed. The mutex must be held.
func (c *center) relink() {
	next, there := c.version+1, make(map[neighbours.Ends]bool, len(c.linked))
	for i := range c.linked {
		l := &c.linked[i]
		there[l.Ends] = true
		if before := c.linkOf[l.Ends].Link; before == nil || !before.Equal(l) {
			c.linkOf[l.Ends], c.version = changedLink{l, next}, next
		}
	}
	for ends, one := range c.linkOf {
		if one.Link != nil && !there[ends] {
			c.linkOf[ends], c.version = changedLink{nil, next}, next
		}
	}
}

// fillLinks has an answer say which links have changed since a version.
func (c *center) fillLinks(a *answer, known uint64) {
	for ends, one := range c.linkOf {
		switch {
		case one.at <= known:
		case one.Link != nil:
			a.Links = append(a.Links, *one.Link)
		case known > 0:
			a.Unlinked = append(a.Unlinked, ends)
		}
	}
}
