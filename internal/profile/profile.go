// Package profile selects modules for a device by its sysObjectID and the objects that it returns.
// Its callers decide when.
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

// Auto is the entry of a target's modules that stands for the modules of its profile.
const Auto = "auto"

// Default is the profile of devices that no other profile matches.
const Default = "any"

// Section is the `profiles` section.
type Section struct {
	Dirs []string `yaml:"dirs,omitempty"` // directories with files of profiles (*.yml)
}

// Problems returns the directories that contain no profile.
func (s *Section) Problems() []setting.Problem {
	var found setting.Problems
	for i, dir := range s.Dirs {
		if files, err := filepath.Glob(filepath.Join(dir, Files)); err != nil || len(files) == 0 {
			found.Add(fmt.Sprintf("dirs[%d]", i), "%q is no directory with files %s", dir, Files)
		}
	}
	return found
}

// Files is the pattern of the files that are read in a directory.
const Files = "*.yml"

// Settings is an entry of `device_profiles`: the candidate modules of a class of devices.
type Settings struct {
	SysObjectIDs []setting.OID `yaml:"sys_object_ids,omitempty"` // prefixes of sysObjectID
	Extends      []string      `yaml:"extends,omitempty"`        // profiles whose modules it has, too
	Modules      []string      `yaml:"modules,omitempty"`        // modules that the device may have something for
}

// Problems returns names that must be numeric OIDs.
func (s *Settings) Problems() []setting.Problem {
	var found setting.Problems
	for i, o := range s.SysObjectIDs {
		for _, m := range o.NotNumeric() {
			found.Add(fmt.Sprintf("sys_object_ids[%d]", i), "%s", m.Text)
		}
	}
	return found
}

// Module is a candidate module. It is chosen if the device returns one of its objects.
type Module struct {
	Name        string
	Settings    *collector.Settings
	walks, gets []snmp.OID // the objects it reads, without lookups of labels
}

// Registry is an immutable set of profiles.
type Registry struct {
	profiles map[string]*profile
	prefixes []prefix // longest first
}

type profile struct {
	name    string
	modules []candidate
}

// candidate is a module and the profile that contains it.
type candidate struct {
	Module *Module
	from   string
}

type prefix struct {
	oid     snmp.OID
	profile *profile
}

// NewRegistry returns the profiles with their modules compiled. Extends and Modules must have been
// checked.
func NewRegistry(settings map[string]*Settings, modules map[string]*collector.Settings) *Registry {
	b := &Registry{profiles: map[string]*profile{}}
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
		if m := known[module]; m != nil && !slices.ContainsFunc(p.modules, func(c candidate) bool { return c.Module == m }) {
			p.modules = append(p.modules, candidate{m, name})
		}
	}
}

// made returns those of roots from which metrics are made.
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

// Modules returns the modules of all profiles by name.
func (b *Registry) Modules() map[string]*Module {
	all := map[string]*Module{}
	for _, p := range b.profiles {
		for _, c := range p.modules {
			all[c.Module.Name] = c.Module
		}
	}
	return all
}

// match returns the profile with the longest matching prefix of sysObjectID, and the prefix; the
// default profile if none matches.
func (b *Registry) match(sysObjectID snmp.OID) (*profile, snmp.OID) {
	for _, p := range b.prefixes {
		if len(sysObjectID) > 0 && sysObjectID.HasPrefix(p.oid) {
			return p.profile, p.oid
		}
	}
	return b.profiles[Default], nil
}

// Problems returns, by profile, the references to unknown profiles and modules.
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
