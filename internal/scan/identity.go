package scan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Facts are the properties that a device reports at one address.
type Facts struct {
	Name     string    `json:"name,omitempty"`      // sysName
	Descr    string    `json:"descr,omitempty"`     // sysDescr
	ObjectID string    `json:"object_id,omitempty"` // sysObjectID
	Location string    `json:"location,omitempty"`  // sysLocation
	Started  time.Time `json:"started,omitzero"`    // when sysUpTime was 0
	Engine   string    `json:"engine,omitempty"`    // snmpEngineID
	Boots    int64     `json:"boots,omitempty"`     // snmpEngineBoots
	Booted   time.Time `json:"booted,omitzero"`     // when snmpEngineTime was 0
	Serial   string    `json:"serial,omitempty"`    // entPhysicalSerialNum of the chassis
	Chassis  string    `json:"chassis,omitempty"`   // lldpLocChassisId
	MAC      string    `json:"mac,omitempty"`       // the first ifPhysAddress

	Addresses []netip.Addr `json:"addresses,omitempty"` // ipAdEntAddr, sorted
	Loopbacks []netip.Addr `json:"loopbacks,omitempty"` // of software loopbacks
}

// drift is how much the starts of one device may seem to differ.
const drift = 2 * time.Second

// evidence is each value that two addresses of one device share.
func (f *Facts) evidence() (list []string) {
	for _, e := range []struct{ kind, value string }{{"engine ID", f.Engine}, {"serial number", f.Serial}, {"LLDP chassis ID", f.Chassis}, {"MAC address", f.MAC}} {
		if e.value != "" {
			list = append(list, e.kind+" "+e.value)
		}
	}
	if f.Name != "" {
		list = append(list, "sysName "+f.Name+" with sysObjectID "+f.ObjectID)
	}
	return list
}

// sameStart is the proof by time: both were asked, and are as old as each other.
func sameStart(a, b *Facts) bool {
	if a.Engine != "" && a.Engine == b.Engine && !a.Booted.IsZero() && !b.Booted.IsZero() {
		return a.Boots == b.Boots && near(a.Booted, b.Booted)
	}
	if a.Engine != b.Engine && a.Engine != "" && b.Engine != "" {
		return false
	}
	return a.Name != "" && a.Name == b.Name && !a.Started.IsZero() && !b.Started.IsZero() && near(a.Started, b.Started)
}

// contrary reports that the times of two addresses exclude that they are of one device.
func contrary(a, b *Facts) bool {
	if a.Engine != "" && a.Engine == b.Engine && !a.Booted.IsZero() && !b.Booted.IsZero() {
		return a.Boots != b.Boots || !near(a.Booted, b.Booted)
	}
	return a.Engine != b.Engine && a.Engine != "" && b.Engine != ""
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() <= drift }

// Observation is an address and the facts that were read there.
type Observation struct {
	Address netip.Addr
	Facts   *Facts
}

// has reports that the device says to have both addresses. A copy of another's tables has not even its own.
func (o *Observation) has(b netip.Addr) bool {
	_, own := slices.BinarySearchFunc(o.Facts.Addresses, o.Address, netip.Addr.Compare)
	_, other := slices.BinarySearchFunc(o.Facts.Addresses, b, netip.Addr.Compare)
	return own && other
}

// Doubt is evidence that addresses share which are not proved to be of one device.
type Doubt struct {
	Evidence  string
	Addresses []netip.Addr // of different devices, one of each
}

func (d Doubt) String() string {
	var texts []string
	for _, a := range d.Addresses[:min(len(d.Addresses), maxDoubtful)] {
		texts = append(texts, a.String())
	}
	if more := len(d.Addresses) - maxDoubtful; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%s share the %s, and are different devices as far as can be proved", strings.Join(texts, ", "), d.Evidence)
}

// maxDoubtful is how many addresses of a doubt are listed.
const maxDoubtful = 8

// identities are sets of observations (union-find).
type identities struct {
	list   []Observation
	parent []int
}

// Identify returns the observations of each device, in the order of the addresses, and evidence that proves nothing.
func Identify(list []Observation) (devices [][]Observation, doubts []Doubt) {
	slices.SortFunc(list, func(a, b Observation) int { return compareAddresses(a.Address, b.Address) })
	s := identities{list: list}
	shared := map[string][]int{}
	at := map[netip.Addr]int{}
	for i := range list {
		s.parent = append(s.parent, i)
		at[list[i].Address] = i
		for _, e := range list[i].Facts.evidence() {
			shared[e] = append(shared[e], i)
		}
	}
	for i := range list {
		s.joinListed(i, at)
	}
	for _, all := range shared {
		s.joinEqual(all)
	}
	return s.sets(), s.doubts(shared)
}

// joinListed joins the addresses that a device says to have (ipAdEntAddr), if they share evidence.
func (s *identities) joinListed(i int, at map[netip.Addr]int) {
	o := &s.list[i]
	for _, b := range o.Facts.Addresses {
		if j, ok := at[b]; ok && j != i && o.has(b) && candidates(o.Facts, s.list[j].Facts) && !contrary(o.Facts, s.list[j].Facts) {
			s.join(i, j)
		}
	}
}

func candidates(a, b *Facts) bool {
	others := b.evidence()
	return slices.ContainsFunc(a.evidence(), func(e string) bool { return slices.Contains(others, e) })
}

// maxNeighbours bounds how many that began at the same time are compared with one.
const maxNeighbours = 1000

// joinEqual joins those that began at the same time. Sorted by time, these are neighbours.
func (s *identities) joinEqual(all []int) {
	for _, start := range []func(*Facts) time.Time{func(f *Facts) time.Time { return f.Booted }, func(f *Facts) time.Time { return f.Started }} {
		sorted := slices.DeleteFunc(slices.Clone(all), func(i int) bool { return start(s.list[i].Facts).IsZero() })
		slices.SortStableFunc(sorted, func(i, j int) int { return start(s.list[i].Facts).Compare(start(s.list[j].Facts)) })
		for i := range sorted {
			for j := i + 1; j < min(len(sorted), i+maxNeighbours) && near(start(s.list[sorted[i]].Facts), start(s.list[sorted[j]].Facts)); j++ {
				if sameStart(s.list[sorted[i]].Facts, s.list[sorted[j]].Facts) {
					s.join(sorted[i], sorted[j])
					break
				}
			}
		}
	}
}

func (s *identities) root(i int) int {
	for s.parent[i] != i {
		s.parent[i] = s.parent[s.parent[i]]
		i = s.parent[i]
	}
	return i
}

func (s *identities) join(i, j int) {
	a, b := s.root(i), s.root(j)
	s.parent[max(a, b)] = min(a, b)
}

func (s *identities) sets() (devices [][]Observation) {
	place := map[int]int{}
	for i := range s.list {
		root := s.root(i)
		at, ok := place[root]
		if !ok {
			at = len(devices)
			place[root] = at
			devices = append(devices, nil)
		}
		devices[at] = append(devices[at], s.list[i])
	}
	return devices
}

// doubts returns evidence that different devices share. A name alone is no cause for doubt: it is shared on purpose.
func (s *identities) doubts(shared map[string][]int) (list []Doubt) {
	for e, all := range shared {
		d := Doubt{Evidence: e}
		seen := map[int]bool{}
		for _, i := range all {
			if root := s.root(i); !seen[root] {
				seen[root] = true
				d.Addresses = append(d.Addresses, s.list[i].Address)
			}
		}
		if len(d.Addresses) > 1 && !strings.HasPrefix(e, "sysName ") {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Doubt) int { return cmp.Compare(a.Evidence, b.Evidence) })
	return list
}

// address returns the address to poll a device at: one of the preferred networks in their order, its software loopback's,
// or the lowest.
func address(of []Observation, prefer []netip.Prefix) netip.Addr {
	for _, p := range prefer {
		for _, o := range of {
			if p.Contains(o.Address) {
				return o.Address
			}
		}
	}
	for _, o := range of {
		if slices.ContainsFunc(of, func(other Observation) bool { return slices.Contains(other.Facts.Loopbacks, o.Address) }) {
			return o.Address
		}
	}
	return of[0].Address
}

func compareAddresses(a, b netip.Addr) int {
	return cmp.Or(cmp.Compare(a.BitLen(), b.BitLen()), a.Compare(b))
}
