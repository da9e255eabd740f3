package profile

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"trapline/internal/snmp"
)

// Registry is an immutable set of profiles.
type Registry struct {
	profiles    []*profile // that devices are compared with, by name
	basic       *profile   // of every device
	modules     map[string]*Module
	enterprises map[uint32][]*Module // candidates of devices that have the enterprise, by name
}

type profile struct {
	name     string
	prefixes []snmp.OID // longest first
	sysDescr func() *regexp.Regexp
	probe    []snmp.OID
	modules  []candidate
	without  []string
}

// candidate is a module and the profile that contains it, or the enterprise that it reads objects of.
type candidate struct {
	module     *Module
	from       string
	enterprise uint32
}

// Candidates are modules that profiles refer to, and those of them that a device gets for its enterprises, too.
type Candidates struct {
	Named      map[string]*Module
	Enterprise map[string]bool // names of those that are for each device with their enterprise
}

// NewRegistry returns the profiles with their modules. Extends, Modules and Without must have been checked.
func NewRegistry(settings map[string]*Settings, c Candidates) *Registry {
	b := &Registry{modules: map[string]*Module{}, enterprises: map[uint32][]*Module{}}
	exclusive := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		s := settings[name]
		if s == nil {
			continue
		}
		p := newProfile(name, settings, c.Named)
		for _, m := range p.modules {
			b.modules[m.module.Name] = m.module
		}
		for _, module := range s.Exclusive {
			exclusive[module] = true
		}
		if name == Default {
			b.basic = p
		} else if len(p.prefixes) > 0 || p.sysDescr != nil || len(p.probe) > 0 {
			b.profiles = append(b.profiles, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Enterprise)) {
		m := c.Named[name]
		if m == nil || exclusive[name] {
			continue
		}
		for _, e := range m.enterprises() {
			b.enterprises[e] = append(b.enterprises[e], m)
			b.modules[name] = m
		}
	}
	return b
}

func newProfile(name string, settings map[string]*Settings, known map[string]*Module) *profile {
	s := settings[name]
	p := &profile{name: name}
	for _, o := range s.SysObjectIDs {
		p.prefixes = append(p.prefixes, o.OID)
	}
	slices.SortStableFunc(p.prefixes, func(x, y snmp.OID) int { return len(y) - len(x) })
	if !s.SysDescr.IsZero() {
		p.sysDescr = sync.OnceValue(s.SysDescr.Compiled)
	}
	for _, o := range s.Probe {
		p.probe = append(p.probe, objectOf(o.OID))
	}
	p.add(name, settings, known, map[string]bool{})
	return p
}

// objectOf returns the scalar of an OID that ends with the instance 0, and other OIDs as they are.
func objectOf(oid snmp.OID) snmp.OID {
	if parent, last := oid.CutLast(); last == 0 && len(parent) > 0 {
		return parent
	}
	return oid
}

// add adds the modules of a profile and of those that it extends, each once.
func (p *profile) add(name string, settings map[string]*Settings, known map[string]*Module, seen map[string]bool) {
	s := settings[name]
	if s == nil || seen[name] {
		return
	}
	seen[name] = true
	for _, other := range s.Extends {
		p.add(other, settings, known, seen)
	}
	for _, module := range s.Modules {
		if m := known[module]; m != nil && !slices.ContainsFunc(p.modules, func(c candidate) bool { return c.module == m }) {
			p.modules = append(p.modules, candidate{module: m, from: name})
		}
	}
	p.without = append(p.without, s.Without...)
}

// Modules returns by name the modules that may be chosen for a device.
func (b *Registry) Modules() map[string]*Module { return b.modules }

// Match is a profile that a device is of, and why.
type Match struct {
	Profile  string
	Prefix   snmp.OID // of sysObjectID; nil if the profile has none
	SysDescr string   // expression that matches sysDescr; empty if the profile has none
	Probe    []snmp.OID
	of       *profile
}

// match reports whether a device is of the profile if its probes hold.
func (p *profile) match(d *device) (*Match, bool) {
	m := &Match{Profile: p.name, Probe: p.probe, of: p}
	if len(p.prefixes) > 0 {
		i := slices.IndexFunc(p.prefixes, func(prefix snmp.OID) bool { return len(d.sysObjectID) > 0 && d.sysObjectID.HasPrefix(prefix) })
		if i < 0 {
			return nil, false
		}
		m.Prefix = p.prefixes[i]
	}
	if p.sysDescr != nil {
		x := p.sysDescr()
		if !x.MatchString(d.sysDescr) {
			return nil, false
		}
		m.SysDescr = x.String()
	}
	return m, true
}

// matches returns the profiles that the device is of if their probes hold.
func (b *Registry) matches(d *device) (list []*Match) {
	for _, p := range b.profiles {
		if m, holds := p.match(d); holds {
			list = append(list, m)
		}
	}
	return list
}

// Of returns the names of the profiles of a device, as far as sysObjectID and sysDescr decide, the most specific first;
// Default if there is none.
func (b *Registry) Of(sysObjectID snmp.OID, sysDescr string) (names []string) {
	matches := b.matches(&device{sysObjectID: sysObjectID, sysDescr: sysDescr})
	slices.SortFunc(matches, moreSpecific)
	for _, m := range matches {
		if len(m.Probe) == 0 {
			names = append(names, m.Profile)
		}
	}
	if len(matches) == 0 {
		names = []string{Default}
	}
	return names
}

// moreSpecific orders profiles of a device: those with the longest prefix first, of these those with further conditions.
func moreSpecific(x, y *Match) int {
	conditions := func(m *Match) int { return min(len(m.SysDescr), 1) + len(m.Probe) }
	if d := len(y.Prefix) - len(x.Prefix); d != 0 {
		return d
	}
	if d := conditions(y) - conditions(x); d != 0 {
		return d
	}
	return strings.Compare(x.Profile, y.Profile)
}

// candidates returns the modules of a device, each once.
func (b *Registry) candidates(d *device, profiles []*Match) (list []candidate) {
	seen := map[*Module]bool{}
	add := func(c candidate) {
		if !seen[c.module] {
			seen[c.module] = true
			list = append(list, c)
		}
	}
	if b.basic != nil {
		for _, c := range b.basic.modules {
			add(c)
		}
	}
	for _, m := range profiles {
		for _, c := range m.of.modules {
			add(c)
		}
	}
	for _, e := range d.enterprises {
		for _, m := range b.enterprises[e] {
			add(candidate{module: m, enterprise: e})
		}
	}
	return list
}
