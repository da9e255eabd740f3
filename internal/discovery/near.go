package discovery

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/facts/asker"
	"trapline/internal/neighbours"
	"trapline/internal/poller"
	"trapline/internal/seek"
)

// Wants returns by which tables a target is to be asked for its neighbours; ok is false if it is not to be asked for its
// addresses either.
func (d *Discovery) Wants(target string) (by []neighbours.Protocol, ok bool) {
	return d.wanted.Load().Of(target)
}

// Heard takes what a target has said.
func (d *Discovery) Heard(target string, r *neighbours.Reading) { d.near.Heard(target, r) }

// spreadAll computes anew which targets are asked. The lists are locked.
func (d *Discovery) spreadAll() {
	clear(d.reached)
	for i := range d.current.Lists {
		if s := &d.current.Lists[i]; s.Neighbours != nil {
			d.spread(s.Name, s.Neighbours)
		}
	}
	d.want()
	names := sync.OnceValue(d.names) // of many targets, which often have said nothing
	d.near.Keep(func(name string) bool { return names()[name] })
	d.near.Touch()
}

// spread computes which targets a list of neighbours has come to, and which addresses are to be asked. The lists are locked.
func (d *Discovery) spread(list string, s *seek.Neighbours) []neighbours.Candidate {
	way, err := s.Spread()
	if err != nil {
		return nil // which a check reports
	}
	owners := d.owners(list)
	way.Owner = func(a netip.Addr) string { return owners[a] }
	depths, candidates := d.near.Spread(way)
	d.reached[list] = seek.Reach{By: way.By, Within: way.Depth, Depths: depths}
	d.want()
	return candidates
}

// want computes what targets are asked for.
func (d *Discovery) want() {
	own, stations := false, false
	for i := range d.current.Lists {
		s := &d.current.Lists[i]
		own = own || s.Scan != nil || s.Neighbours != nil
		stations = stations || s.Scan != nil && s.Scan.AliveOnly
	}
	d.wanted.Store(seek.NewWants(own, stations, d.reached))
}

// unread reports whether a target of another list, or of the configuration, has not said yet which addresses it has.
func (d *Discovery) unread(but string) bool {
	read := func(name string) bool { _, ok := d.near.Own(name); return ok }
	for name := range d.current.Targets {
		if !read(name) {
			return true
		}
	}
	return slices.ContainsFunc(d.lists, func(l *list) bool {
		return l.name != but && slices.ContainsFunc(l.entries, func(e *Entry) bool { return !read(e.Target.Name) })
	})
}

func (d *Discovery) names() map[string]bool {
	names := map[string]bool{}
	for name := range d.current.Targets {
		names[name] = true
	}
	for _, l := range d.lists {
		for _, e := range l.entries {
			names[e.Target.Name] = true
		}
	}
	return names
}

// owners returns the targets by their addresses, those of the configuration and those that they say to have first. Of the
// devices of a list of its own, only addresses count where they were found: what these say is not proved.
func (d *Discovery) owners(own string) map[netip.Addr]string {
	owners := map[netip.Addr]string{}
	add := func(a netip.Addr, ok bool, name string) {
		if ok && owners[a] == "" {
			owners[a] = name
		}
	}
	var others []string
	for name, address := range d.current.Targets {
		a, ok := seek.IPOf(address)
		add(a, ok, name)
		others = append(others, name)
	}
	for _, l := range d.lists {
		for _, e := range l.entries {
			if l.name != own {
				others = append(others, e.Target.Name)
			}
			for _, a := range addressesOf(e.raw, e.Target.Address) {
				add(a, true, e.Target.Name)
			}
		}
	}
	slices.Sort(others)
	for _, name := range others {
		list, _ := d.near.Own(name)
		for _, a := range list {
			add(a, true, name)
		}
	}
	return owners
}

// addressesOf returns the addresses of an entry: that of its target, and those where its device was found.
func addressesOf(raw labels.Labels, address string) (list []netip.Addr) {
	if a, ok := seek.IPOf(address); ok {
		list = append(list, a)
	}
	for text := range strings.SplitSeq(raw.Get(seek.AddressesLabel), ",") {
		if a, err := netip.ParseAddr(text); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// taken returns the addresses that a kind of a list that looks for devices leaves alone: those of targets of others. What
// a scan has found, the neighbours of its list leave alone, too.
func (d *Discovery) taken(list, kind string) map[netip.Addr]bool {
	taken := map[netip.Addr]bool{}
	names := map[string]bool{} // of the list
	for _, l := range d.lists {
		for _, e := range l.entries {
			names[e.Target.Name] = names[e.Target.Name] || l.name == list
		}
	}
	for a, name := range d.owners(list) {
		if !names[name] {
			taken[a] = true
		}
	}
	for _, l := range d.lists {
		for key, all := range l.sources {
			for _, raw := range all {
				if l.name == list && kind == seek.NeighboursKind && key.kind != kind {
					for _, a := range addressesOf(raw, raw.Get(model.AddressLabel)) {
						taken[a] = true
					}
				}
			}
		}
	}
	return taken
}

func has(targets map[string]string, name string) bool {
	_, ok := targets[name]
	return ok
}

const (
	// answerTime is how long answers are collected of devices that are new, and changeTime of those that are polled: a
	// device that says something else in each poll disturbs nobody.
	answerTime = 200 * time.Millisecond
	changeTime = 10 * time.Second
)

// askDevices has those devices asked on which assignments depend, and that have not been asked.
func (d *Discovery) askDevices(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current.Ask == nil {
		return
	}
	for _, l := range d.lists {
		var ask []asker.Question
		for _, q := range l.asking {
			if l.maker.book.Ask(q.Key) {
				ask = append(ask, q)
			}
		}
		d.asker.Add(ctx, d.current.Ask, ask)
	}
}

// learn takes the answer of a device, and reports whether it changes the list. One that did not answer is polled under
// its address.
func (d *Discovery) learn(a asker.Answer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.lists, func(l *list) bool { return l.name == a.List })
	if i < 0 {
		return false
	}
	l := d.lists[i]
	changed := false
	if a.Facts != nil {
		changed = l.maker.book.Learn(a.Key, a.Facts)
	} else {
		changed = l.maker.book.Poll(a.Key)
	}
	l.stale = l.stale || changed
	return changed
}

// Identified takes the identity of a target that has answered. It does not wait.
func (d *Discovery) Identified(t *poller.Target, id *poller.Identity) {
	if t.List != "" {
		d.heard.Add(t, id)
	}
}

// hear takes the identities of targets, and reports whether they change lists.
func (d *Discovery) hear() (changed bool) {
	pending := d.heard.Take()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, id := range pending {
		i := slices.IndexFunc(d.lists, func(l *list) bool { return l.name == key.List })
		if i < 0 || !d.lists[i].maker.assign.OfDevice() {
			continue
		}
		l := d.lists[i]
		at, there := slices.BinarySearchFunc(l.entries, key.Name, func(e *Entry, name string) int { return cmp.Compare(e.Target.Name, name) })
		if !there || l.entries[at].Target.Address != key.Address || l.entries[at].Target.Context != key.Context {
			continue
		}
		if l.maker.book.Learn(l.entries[at].key, asker.FactsOf(id)) {
			l.stale, changed = true, true
		}
	}
	return changed
}
