package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trapline/collector"
	"trapline/config/document"
	"trapline/internal/modules"
	"trapline/internal/notify"
	"trapline/internal/setting"
)

// compile resolves the names in the modules and reports each error with its line. It reads MIBs only if a
// module has names.
func (u *merged) compile(o Options) {
	u.config.Compiled = map[string]*collector.Settings{}
	var library *modules.Library
	for _, name := range slices.Sorted(maps.Keys(u.config.Modules)) {
		settings := u.config.Modules[name]
		if settings == nil {
			continue
		}
		if library == nil && settings.Named() {
			if library = u.library(o); library == nil {
				return
			}
		}
		u.compileModule(library, name, settings)
	}
	library = u.findProbes(library, o)
	if library == nil && u.tellsByName() {
		library = u.library(o)
	}
	if library != nil {
		u.config.Warnings = append(u.config.Warnings, library.Warnings()...)
	}
}

// findProbes resolves the names of the objects that profiles depend on. It returns the library, opened if there are
// names.
func (u *merged) findProbes(library *modules.Library, o Options) *modules.Library {
	for _, name := range slices.Sorted(maps.Keys(u.config.DeviceProfiles)) {
		p := u.config.DeviceProfiles[name]
		if p == nil {
			continue
		}
		for i, probe := range p.Probe {
			text, named := probe.Named()
			if !named {
				continue
			}
			if library == nil {
				if library = u.library(o); library == nil {
					return nil
				}
			}
			oid, err := library.OID(text)
			if err != nil {
				at := document.Path{"device_profiles", name}
				u.set[at.String()].Report(at.Below(fmt.Sprintf("probe[%d]", i)), nil, err.Error())
				continue
			}
			p.Probe[i] = setting.ParseOID(oid)
		}
	}
	return library
}

// tellsByName reports whether a receiver's notifications are looked up in MIBs of the user.
func (u *merged) tellsByName() bool {
	return len(u.config.MIBs.Dirs) > 0 && slices.ContainsFunc(u.config.Receivers, func(r notify.ReceiverSettings) bool { return r.ByName() })
}

// library opens the directories of the user. If one cannot be read, it reports the error and returns nil.
func (u *merged) library(o Options) *modules.Library {
	if o.builtinMIBs {
		return modules.BuiltinLibrary()
	}
	library, err := modules.NewLibrary(slices.Concat(o.MIBDirs, u.config.MIBs.Dirs))
	if err != nil {
		if len(u.config.MIBs.Problems()) > 0 {
			return nil // reported with their places
		}
		s := u.sources[0]
		if named := u.set["mibs.dirs"]; named != nil {
			s = named
		}
		s.Report(document.Path{"mibs", "dirs"}, nil, err.Error())
		return nil
	}
	if o.AllMIBs {
		library = library.Merged()
	}
	return library
}

func (u *merged) compileModule(library *modules.Library, name string, settings *modules.Settings) {
	at := u.placeOf(name, settings)
	s := u.set[at.String()]
	compiled, problems := library.Compile(settings)
	missing := map[string]bool{}
	for _, m := range problems {
		if p := at.Below(m.Path); !s.Consequence(at, p) && !missing[m.Text] {
			s.Report(p, nil, m.Text)
			missing[m.Text] = strings.HasPrefix(m.Text, "there is no MIB ") // one for all names of the MIB
		}
	}
	u.config.Compiled[name] = compiled.Settings
	for _, m := range compiled.Warnings {
		s.Warn(at.Below(m.Path), m.Text)
	}
}

// inventorySuffix ends the names of the modules that read what identifies the devices of a profile.
const inventorySuffix = "_inventory"

// addInventories makes a module of the inventory of each profile, for its devices only.
func (u *merged) addInventories() {
	for _, name := range slices.Sorted(maps.Keys(u.config.DeviceProfiles)) {
		p := u.config.DeviceProfiles[name]
		if p == nil || p.Inventory.Zero() {
			continue
		}
		module := name + inventorySuffix
		at := document.Path{"modules", module}.String()
		if u.config.Modules[module] != nil && u.set[at] != u.set[document.Path{"device_profiles", name}.String()] {
			continue // one of the user's own takes its place
		}
		if u.config.Modules == nil {
			u.config.Modules = map[string]*modules.Settings{}
		}
		u.config.Modules[module] = &modules.Settings{Inventory: p.Inventory}
		u.set[at] = u.set[document.Path{"device_profiles", name}.String()]
		p.Modules, p.Exclusive = append(slices.Clone(p.Modules), module), append(slices.Clone(p.Exclusive), module)
	}
}

// placeOf is where the settings of a module stand in the files.
func (u *merged) placeOf(module string, s *modules.Settings) document.Path {
	if profile, made := strings.CutSuffix(module, inventorySuffix); made && !s.Inventory.Zero() && u.config.DeviceProfiles[profile] != nil {
		return document.Path{"device_profiles", profile}
	}
	return document.Path{"modules", module}
}
