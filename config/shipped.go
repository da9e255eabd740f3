package config

import (
	"maps"
	"slices"
	"sync"

	"trapline"
	"trapline/collector"
	"trapline/config/document"
	"trapline/internal/profile"
)

// ships are the modules that the program knows by name. They are read once.
var ships struct {
	once    sync.Once
	modules map[string]*collector.Settings
	err     error
}

// shippedModules returns the modules of the snmp.yml that the program ships with, and those of its profiles whose names
// that file does not have. They are not to be changed.
func shippedModules() (map[string]*collector.Settings, error) {
	ships.once.Do(func() { ships.modules, ships.err = readShipped() })
	return ships.modules, ships.err
}

func readShipped() (map[string]*collector.Settings, error) {
	own, m := merge([]*configSource{document.Parse[Config]("snmp.yml", trapline.DefaultConfig, &dialect)}, Options{})
	if len(m) > 0 {
		return nil, m.Sorted()
	}
	profiles, err := builtinProfiles()
	if err != nil {
		return nil, err
	}
	all := maps.Clone(profiles.config.Compiled)
	maps.Copy(all, own.config.Compiled)
	return all, nil
}

// Shipped returns the settings of a module that the program ships with, nil where it has none of that name.
func Shipped(name string) *collector.Settings {
	all, err := shippedModules()
	if err != nil {
		panic(err) // tests load the built-in modules
	}
	return all[name]
}

// ShippedModules returns all modules that the program ships with. They are not to be changed.
func ShippedModules() map[string]*collector.Settings {
	Shipped("")
	all, _ := shippedModules()
	return all
}

// shippedNames lists the modules that the program ships with.
func shippedNames() []string {
	Shipped("")
	all, _ := shippedModules()
	return slices.Sorted(maps.Keys(all))
}

// knowsModule reports whether a target may have a module of that name. Shipped ones take the place of those that no
// File defines.
func (u *merged) knowsModule(name string) bool {
	_, defined := u.config.Modules[name]
	return defined || name == profile.Auto || Shipped(name) != nil
}

// addShipped adds the shipped modules that targets and profiles name and no file defines.
func (u *merged) addShipped() {
	add := func(names []string) {
		for _, name := range names {
			if _, defined := u.config.Modules[name]; defined || name == profile.Auto || u.config.Compiled[name] != nil {
				continue
			}
			if s := Shipped(name); s != nil {
				u.config.Compiled[name] = s
			}
		}
	}
	for i := range u.config.Targets {
		add(u.config.Targets[i].Modules)
	}
	for _, p := range u.config.DeviceProfiles {
		if p != nil {
			add(p.Modules)
		}
	}
}
