package config

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"trapline/collector"
	"trapline/config/document"
	"trapline/internal/poller"
	"trapline/internal/profile"
)

// wantsProfiles reports whether the files have settings that need profiles.
func (u *merged) wantsProfiles() bool {
	return len(u.config.Profiles.Dirs) > 0 || len(u.config.DeviceProfiles) > 0 ||
		slices.ContainsFunc(u.config.Targets, func(t poller.TargetSettings) bool { return slices.Contains(t.Modules, profile.Auto) })
}

// Profiles reads the built-in profiles and those in directories, for those who have no configuration.
func Profiles(dirs []string, o Options) (*profile.Registry, error) {
	u := &merged{set: map[string]*configSource{}}
	u.config.Profiles.Dirs = dirs
	return u.book(o)
}

// book reads the profiles: the built-in ones, over these those of the user's directories, and over these
// those of the files themselves. A later profile or module takes the place of one of its name.
func (u *merged) book(o Options) (*profile.Registry, error) {
	builtin, err := builtinProfiles()
	if err != nil {
		return nil, err
	}
	o.MIBDirs = slices.Concat(o.MIBDirs, u.config.MIBs.Dirs)
	layers := []*merged{builtin}
	for _, dir := range u.config.Profiles.Dirs {
		layer, err := readAll([]string{filepath.Join(dir, profile.Files)}, o)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	profiles, modules := map[string]*profile.Settings{}, map[string]*collector.Settings{}
	layers = append(layers, u)
	for _, layer := range layers {
		maps.Copy(profiles, layer.config.DeviceProfiles)
		maps.Copy(modules, layer.config.Compiled)
	}
	for _, layer := range layers {
		if m := layer.checkProfiles(profiles, modules); len(m) > 0 {
			return nil, m.Sorted()
		}
	}
	return profile.NewRegistry(profiles, modules), nil
}

// builtinProfiles returns the built-in profiles, compiled with the built-in MIBs only: the MIB files of the user
// may lack the objects that they name.
func builtinProfiles() (*merged, error) {
	files, err := fs.Glob(profile.Builtin, "builtin/"+profile.Files)
	if err != nil {
		return nil, err
	}
	var sources []*configSource
	for _, file := range files {
		text, err := profile.Builtin.ReadFile(file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, document.Parse[Config](file, text, &dialect))
	}
	u, m := merge(sources, Options{})
	if len(m) > 0 {
		return nil, m.Sorted()
	}
	return u, nil
}

// checkProfiles returns the problems of the profiles in the files, such as names that do not exist.
func (u *merged) checkProfiles(profiles map[string]*profile.Settings, modules map[string]*collector.Settings) document.Problems {
	var found document.Problems
	problems := profile.Problems(u.config.DeviceProfiles, slices.Collect(maps.Keys(profiles)), slices.Collect(maps.Keys(modules)))
	for name, list := range problems {
		at := document.Path{"device_profiles", name}
		for _, m := range list {
			u.set[at.String()].Report(at.Below(m.Path), nil, m.Text)
		}
	}
	if len(problems) > 0 {
		for _, s := range u.sources {
			found = append(found, s.Problems()...)
		}
	}
	return found
}
