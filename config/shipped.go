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

// shippedFile are the modules of the snmp.yml that the program ships with. It is read once.
var shippedFile struct {
	once    sync.Once
	modules map[string]*collector.Settings
	err     error
}

func readShipped() (map[string]*collector.Settings, error) {
	own, m := merge([]*configSource{document.Parse[Config]("snmp.yml", trapline.DefaultConfig, &dialect)}, Options{})
	if len(m) > 0 {
		return nil, m.Sorted()
	}
	return own.config.Compiled, nil
}

// shipping returns the modules that the program ships with: those of its snmp.yml, and those of its profiles.
func shipping() (file map[string]*collector.Settings, profiles map[string]*profile.Module) {
	f := &shippedFile
	f.once.Do(func() { f.modules, f.err = readShipped() })
	if f.err != nil {
		panic(f.err) // tests load the built-in modules
	}
	own, err := builtin()
	if err != nil {
		panic(err)
	}
	return f.modules, own.modules
}

// Shipped returns the settings of a module that the program ships with, nil where it has none of that name. They are not
// to be changed.
func Shipped(name string) *collector.Settings {
	file, profiles := shipping()
	if s := file[name]; s != nil || profiles[name] == nil {
		return s
	}
	s, err := profiles[name].Settings()
	if err != nil {
		panic(err)
	}
	return s
}

// ships reports whether the program ships with a module of that name.
func ships(name string) bool {
	if own, err := builtin(); err == nil && own.modules[name] != nil {
		return true
	}
	file, _ := shipping()
	return file[name] != nil
}

// ShippedModules returns all modules that the program ships with. They are not to be changed.
func ShippedModules() map[string]*collector.Settings {
	all := map[string]*collector.Settings{}
	for _, name := range shippedNames() {
		all[name] = Shipped(name)
	}
	return all
}

// shippedNames lists the modules that the program ships with.
func shippedNames() []string {
	file, profiles := shipping()
	names := slices.AppendSeq(slices.Collect(maps.Keys(file)), maps.Keys(profiles))
	slices.Sort(names)
	return slices.Compact(names)
}

// knowsModule reports whether a target may have a module of that name. Shipped ones take the place of those that no
// File defines.
func (c *Config) knowsModule(name string) bool {
	_, defined := c.Modules[name]
	return defined || name == profile.Auto || ships(name)
}

// addShipped adds the shipped modules that targets and profiles name and no file defines.
func (u *merged) addShipped() {
	add := func(names []string, known map[string]*profile.Module) {
		for _, name := range names {
			if _, defined := u.config.Modules[name]; defined || name == profile.Auto || u.config.Compiled[name] != nil || known[name] != nil {
				continue
			}
			if s := Shipped(name); s != nil {
				u.config.Compiled[name] = s
			}
		}
	}
	for i := range u.config.Targets {
		add(u.config.Targets[i].Modules, nil)
	}
	for _, p := range u.config.DeviceProfiles {
		if p != nil {
			_, own := shipping() // which profiles find without compiling them
			add(p.Modules, own)
		}
	}
}
