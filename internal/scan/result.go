package scan

import (
	"maps"
	"net/netip"
	"slices"
)

// end notes that a sweep is whole.
func (s *Scan) end(plan []question) error {
	now := s.o.Now()
	s.state.mu.Lock()
	h := &s.state.header
	if s.o.Listed {
		s.noteProbed(now)
	}
	for a, r := range s.state.records {
		s.missed(a, r)
	}
	communities := map[*credential]bool{}
	for i := range plan {
		if plan[i].community != nil {
			communities[plan[i].community] = true
		}
	}
	h.Rotation = (h.Rotation + len(communities)) & 0xffff
	if h.Seed = 0; !s.o.Partial {
		h.Ended = now
	}
	s.state.mu.Unlock()
	s.assign()
	return s.state.compact()
}

// missed counts sweeps in which an address was silent. After some its device is gone; its guard stays.
func (s *Scan) missed(a netip.Addr, r *Record) {
	begun := s.state.header.Begun
	if s.o.Listed && s.keeps(a, r) {
		return
	}
	if !s.o.Range.Contains(a) {
		delete(s.state.records, a)
		return
	}
	if r.Auth != "" && r.Seen.Before(begun) && !r.Asked.Before(begun) {
		r.Missed++
	}
	if r.Missed >= MissedSweeps {
		*r = Record{Address: a, Guard: r.Guard}
	}
	now := s.o.Now()
	r.Guard.forget(now)
	if r.Auth == "" && len(r.Guard.Tried)+len(r.Guard.Failed) == 0 && now.After(r.Guard.Until.Add(maxHandsOff)) && now.Sub(r.Heard) > refusalMemory && now.Sub(r.Probed) > refusalMemory {
		delete(s.state.records, a)
	}
}

// assign numbers and names the devices. Both stay once they are there.
func (s *Scan) assign() {
	doubts := s.identify()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts = doubts
}

// identify numbers and names the devices, and returns what proves nothing.
func (s *Scan) identify() []Doubt {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	var list []Observation
	for a, r := range s.state.records {
		if r.Auth != "" && r.Missed == 0 {
			list = append(list, Observation{a, &r.Facts})
		}
	}
	devices, doubts := Identify(list)
	taken := map[int]bool{}
	var nameless [][]*Record
	names := map[string]bool{}
	for _, r := range s.state.records {
		if r.Name != "" {
			names[r.Name] = true
		}
	}
	for _, d := range devices {
		records := make([]*Record, 0, len(d))
		for _, o := range d {
			records = append(records, s.state.records[o.Address])
		}
		s.number(records, taken)
		if records[0].Name == "" {
			nameless = append(nameless, records)
		}
	}
	s.name(nameless, names)
	return doubts
}

// number gives the addresses of a device one number: the lowest that one of them has and no other device took.
func (s *Scan) number(records []*Record, taken map[int]bool) {
	id, name := 0, ""
	for _, r := range records {
		if r.Device != 0 && !taken[r.Device] && (id == 0 || r.Device < id) {
			id, name = r.Device, r.Name
		}
	}
	if id == 0 {
		s.state.header.Devices++
		id = s.state.header.Devices
	}
	taken[id] = true
	for _, r := range records {
		r.Device, r.Name = id, name
	}
}

// name names devices by their sysName if no other has it, else by their address.
func (s *Scan) name(devices [][]*Record, taken map[string]bool) {
	count := map[string]int{}
	for _, d := range devices {
		count[d[0].Facts.Name]++
	}
	for _, d := range devices {
		name := d[0].Facts.Name
		if _, err := netip.ParseAddr(name); err == nil { // which another device may have
			name = ""
		}
		if name == "" || count[name] > 1 || taken[name] || s.o.Usable != nil && !s.o.Usable(name) {
			name = s.addressOf(d).String()
		}
		taken[name] = true
		for _, r := range d {
			r.Name = name
		}
	}
}

func (s *Scan) addressOf(records []*Record) netip.Addr {
	list := make([]Observation, 0, len(records))
	for _, r := range records {
		list = append(list, Observation{r.Address, &r.Facts})
	}
	return address(list, s.o.Prefer)
}

// Devices returns all that are known, by their number. It is not called while Run is under way.
func (s *Scan) Devices() []Device {
	s.assign()
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	byID := map[int][]*Record{}
	for _, r := range s.state.sorted() {
		if r.Auth != "" && r.Device != 0 {
			byID[r.Device] = append(byID[r.Device], r)
		}
	}
	list := make([]Device, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if slices.ContainsFunc(byID[id], s.isTarget) {
			continue
		}
		list = append(list, s.device(id, byID[id]))
	}
	return list
}

// isTarget reports whether an address is of a device that is a target already, perhaps at another of its addresses.
func (s *Scan) isTarget(r *Record) bool {
	if s.o.Taken[r.Address] {
		return true
	}
	own := Observation{r.Address, &r.Facts}
	return slices.ContainsFunc(r.Facts.Addresses, func(a netip.Addr) bool {
		return s.o.Taken[a] && a != localhost && own.has(a)
	})
}

// localhost is an address of every device.
var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// device returns the addresses of a device. Those that are silent do not count while others answer.
func (s *Scan) device(id int, records []*Record) Device {
	least := slices.MinFunc(records, func(a, b *Record) int { return a.Missed - b.Missed }).Missed
	answering := slices.DeleteFunc(slices.Clone(records), func(r *Record) bool { return r.Missed > least })
	at := s.addressOf(answering)
	d := Device{ID: id, Name: answering[0].Name, Address: at, Missed: least}
	for _, r := range records {
		d.Addresses = append(d.Addresses, r.Address)
		if r.Address == at {
			d.Auth, d.Facts, d.Took = r.Auth, r.Facts, r.Took
		}
	}
	return d
}
