// Package profile chooses modules for a device by what it says it is and what it answers. Who asks for a
// choice, and when, is left to others.
package profile

import (
	"embed"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Builtin holds the files of the built-in profiles.
//
//go:embed builtin/*.yml
var Builtin embed.FS

// Auto is what stands in a target's modules for those that a profile chooses.
const Auto = "auto"

// Default is the profile of devices that no other one is for.
const Default = "any"

// Section is the `profiles` section: where files with more profiles lie.
type Section struct {
	Dirs []string `yaml:"dirs,omitempty"` // directories with files of profiles (*.yml)
}

// Problems reports directories without any profile.
func (s *Section) Problems() []setting.Problem {
	var found setting.Problems
	for i, dir := range s.Dirs {
		if files, err := filepath.Glob(filepath.Join(dir, Files)); err != nil || len(files) == 0 {
			found.Add(fmt.Sprintf("dirs[%d]", i), "%q is no directory with files %s", dir, Files)
		}
	}
	return found
}

// Files are those files of a directory that are read.
const Files = "*.yml"

// Settings is an entry of `device_profiles`: the modules that a kind of devices may have something for.
type Settings struct {
	SysObjectIDs []setting.OID `yaml:"sys_object_ids,omitempty"` // prefixes of sysObjectID
	Extends      []string      `yaml:"extends,omitempty"`        // profiles whose modules it has, too
	Modules      []string      `yaml:"modules,omitempty"`        // modules that the device may have something for
}

// Problems reports names where numbers belong.
func (s *Settings) Problems() []setting.Problem {
	var found setting.Problems
	for i, o := range s.SysObjectIDs {
		for _, m := range o.NotNumeric() {
			found.Add(fmt.Sprintf("sys_object_ids[%d]", i), "%s", m.Text)
		}
	}
	return found
}

// Module is a module that may be chosen. A device has something for it that answers with one of its objects.
type Module struct {
	Name        string
	Settings    *collector.Settings
	walks, gets []snmp.OID // what it reads, but for what it only looks labels up in
}

// Book is a set of profiles. It does not change once made.
type Book struct {
	profiles map[string]*profile
	prefixes []prefix // the longest first
}

type profile struct {
	name    string
	modules []candidate
}

// candidate is a module with the profile that brings it.
type candidate struct {
	*Module
	from string
}

type prefix struct {
	oid snmp.OID
	*profile
}

// NewBook composes profiles, with their modules compiled. Extends and Modules have been checked.
func NewBook(settings map[string]*Settings, modules map[string]*collector.Settings) *Book {
	b := &Book{profiles: map[string]*profile{}}
	known := map[string]*Module{}
	for name, s := range modules {
		known[name] = &Module{Name: name, Settings: s, walks: made(s, s.Walk), gets: made(s, s.Get)}
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		p := &profile{name: name}
		p.add(name, settings, known, map[string]bool{})
		b.profiles[name] = p
		for _, o := range settings[name].SysObjectIDs {
			b.prefixes = append(b.prefixes, prefix{o.OID, p})
		}
	}
	slices.SortStableFunc(b.prefixes, func(x, y prefix) int { return len(y.oid) - len(x.oid) })
	return b
}

// add takes over the modules of a profile and of those that it extends, each once.
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
		if m := known[module]; m != nil && !slices.ContainsFunc(p.modules, func(c candidate) bool { return c.Module == m }) {
			p.modules = append(p.modules, candidate{m, name})
		}
	}
}

// made lists those of roots that metrics are made of.
func made(s *collector.Settings, roots []setting.OID) []snmp.OID {
	var list []snmp.OID
	for _, root := range roots {
		if slices.ContainsFunc(s.Metrics, func(m collector.MetricSettings) bool {
			return m.OID.HasPrefix(root.OID) || root.HasPrefix(m.OID.OID)
		}) {
			list = append(list, root.OID)
		}
	}
	return list
}

// Modules lists all modules of all profiles by name.
func (b *Book) Modules() map[string]*Module {
	all := map[string]*Module{}
	for _, p := range b.profiles {
		for _, c := range p.modules {
			all[c.Name] = c.Module
		}
	}
	return all
}

// match gives the profile with the longest beginning of a sysObjectID, and that beginning; the default
// one if there is none.
func (b *Book) match(sysObjectID snmp.OID) (*profile, snmp.OID) {
	for _, p := range b.prefixes {
		if len(sysObjectID) > 0 && sysObjectID.HasPrefix(p.oid) {
			return p.profile, p.oid
		}
	}
	return b.profiles[Default], nil
}

// Problems tells what some profiles name that is not among all the profiles and modules there are.
func Problems(settings map[string]*Settings, profiles, modules []string) map[string][]setting.Problem {
	found := map[string][]setting.Problem{}
	for name, s := range settings {
		check := func(key string, list, known []string) {
			for i, other := range list {
				if slices.Contains(known, other) {
					continue
				}
				text := fmt.Sprintf("there is no %s %q", map[string]string{"extends": "profile", "modules": "module"}[key], other)
				if question := setting.DidYouMean(other, known); question != "" {
					text += ": " + question
				}
				found[name] = append(found[name], setting.Problem{Path: fmt.Sprintf("%s[%d]", key, i), Text: text})
			}
		}
		if s != nil {
			check("extends", s.Extends, profiles)
			check("modules", s.Modules, modules)
		}
	}
	return found
}
