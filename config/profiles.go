package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"trapline/collector"
	"trapline/config/document"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/profiles"
)

// wantsProfiles reports whether the files have settings that need profiles.
func (u *merged) wantsProfiles() bool {
	return len(u.config.Profiles.Dirs) > 0 || len(u.config.DeviceProfiles) > 0 ||
		slices.ContainsFunc(u.config.Targets, func(t poller.TargetSettings) bool { return slices.Contains(t.Modules, profile.Auto) })
}

// Profiles reads the built-in profiles and those in directories, for those who have no configuration.
func Profiles(dirs []string, o Options) (*profile.Registry, error) {
	book, _, err := CheckProfiles(dirs, o)
	return book, err
}

// CheckProfiles is Profiles, and returns the warnings about the files in the directories.
func CheckProfiles(dirs []string, o Options) (book *profile.Registry, warnings []string, err error) {
	u := &merged{set: map[string]*configSource{}}
	u.config.Profiles.Dirs = dirs
	book, err = u.book(o)
	return book, u.config.Warnings, err
}

// book reads the profiles: the built-in ones, over these those of the user's directories, and over these
// those of the files themselves. A later profile or module takes the place of one of its name. Modules of the files are
// for the devices of the profiles that name them only; others for each device with an enterprise that they read.
func (u *merged) book(o Options) (*profile.Registry, error) {
	own, err := builtin()
	if err != nil {
		return nil, err
	}
	o.MIBDirs = slices.Concat(o.MIBDirs, u.config.MIBs.Dirs)
	var layers []*merged
	for _, dir := range u.config.Profiles.Dirs {
		layer, err := readAll([]string{filepath.Join(dir, profile.Files)}, o)
		if err != nil {
			return nil, err
		}
		if m := layer.beyondProfiles(); len(m) > 0 {
			return nil, m.Sorted()
		}
		u.config.Warnings = append(u.config.Warnings, layer.config.Warnings...)
		layers = append(layers, layer)
	}
	profiles, candidates := maps.Clone(own.index.Profiles), profile.Candidates{Named: maps.Clone(own.modules), Enterprise: map[string]bool{}}
	for name := range own.modules {
		candidates.Enterprise[name] = true
	}
	layers = append(layers, u)
	for _, layer := range layers {
		maps.Copy(profiles, layer.config.DeviceProfiles)
		for name, s := range layer.config.Compiled {
			candidates.Named[name] = profile.NewModule(name, s)
			candidates.Enterprise[name] = candidates.Enterprise[name] || layer != u
		}
	}
	names := slices.Collect(maps.Keys(candidates.Named))
	for _, layer := range layers {
		if m := layer.checkProfiles(profiles, names); len(m) > 0 {
			return nil, m.Sorted()
		}
	}
	return profile.NewRegistry(profiles, candidates), nil
}

// warnOfReplaced notes modules that take the place of a built-in one which auto selects, unless they are the same.
func (u *merged) warnOfReplaced() {
	own, err := builtin()
	if err != nil || !u.wantsProfiles() && len(u.config.Auths) > 0 {
		return // the modules of files without profiles or auto are those that targets name
	}
	for name, settings := range u.config.Modules {
		s := u.set[document.Path{"modules", name}.String()]
		if settings == nil || s == nil || own.modules[name] == nil {
			continue
		}
		mine := u.config.Compiled[name]
		theirs, err := own.modules[name].Settings()
		if file, _ := shipping(); err == nil && (reflect.DeepEqual(mine, theirs) || reflect.DeepEqual(mine, file[name])) {
			continue
		}
		s.Warn(document.Path{"modules", name}, "it takes the place of the built-in module of that name, for auto, too: under another name devices get both")
	}
}

// profileSections are those that a file of profiles may have.
var profileSections = []string{"version", "modules", "device_profiles"}

// beyondProfiles returns the problems of files of profiles with sections that have no effect there.
func (u *merged) beyondProfiles() document.Problems {
	var found document.Problems
	for _, s := range u.sources {
		for _, f := range document.LayoutOf(reflect.TypeFor[Config]()).Keyed {
			if s.Value(document.Path{f.Key}) != nil && !slices.Contains(profileSections, f.Key) {
				s.Report(document.Path{f.Key}, nil, "a file of profiles has modules and device_profiles: write the rest into the configuration")
			}
		}
		found = append(found, s.Problems()...)
	}
	return found
}

// checkProfiles returns the problems of the profiles in the files, such as names that do not exist.
func (u *merged) checkProfiles(profiles map[string]*profile.Settings, modules []string) document.Problems {
	var found document.Problems
	problems := profile.Problems(u.config.DeviceProfiles, profiles, modules)
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

// builtinBook are the built-in profiles, and their modules, which are compiled when they are first wanted.
type builtinBook struct {
	index   *profile.Index
	modules map[string]*profile.Module
}

// builtins is read once.
var builtins struct {
	once sync.Once
	book *builtinBook
	err  error
}

// builtin returns the built-in profiles.
func builtin() (*builtinBook, error) {
	builtins.once.Do(func() { builtins.book, builtins.err = readBuiltin() })
	return builtins.book, builtins.err
}

func readBuiltin() (*builtinBook, error) {
	text, err := profiles.Read(profiles.Index)
	if err != nil {
		return nil, err
	}
	list, err := profiles.Read(profiles.Modules)
	if err != nil {
		return nil, err
	}
	index, err := profile.DecodeIndex(text, list)
	if err != nil {
		return nil, fmt.Errorf("%s of the built-in profiles: %w", profiles.Index, err)
	}
	b := &builtinBook{index, map[string]*profile.Module{}}
	outputs := sync.OnceValues(func() (map[string][]profile.Outputs, error) {
		text, err := profiles.Read(profiles.Outputs)
		return profile.DecodeOutputs(string(text)), err
	})
	files := map[string]func() (*merged, error){}
	for name, m := range index.Modules {
		if files[m.File] == nil {
			files[m.File] = sync.OnceValues(func() (*merged, error) { return compileBuiltin(m.File) })
		}
		load := files[m.File]
		b.modules[name] = index.Module(name, func() (*collector.Settings, error) {
			file, err := load()
			if err != nil {
				return nil, err
			}
			return file.config.Compiled[name], nil
		}, outputs)
	}
	return b, nil
}

func compileBuiltin(file string) (*merged, error) {
	text, err := profiles.Read(file)
	if err != nil {
		return nil, err
	}
	return compileProfiles(map[string][]byte{file: text})
}

// compileProfiles reads files of profiles with the built-in MIBs only: the MIB files of the user may lack the objects
// that they name.
func compileProfiles(files map[string][]byte) (*merged, error) {
	var sources []*configSource
	for _, file := range slices.Sorted(maps.Keys(files)) {
		sources = append(sources, document.Parse[Config](file, files[file], &dialect))
	}
	u, m := merge(sources, Options{builtinMIBs: true})
	if len(m) > 0 {
		return nil, m.Sorted()
	}
	return u, nil
}

// IndexProfiles returns the index of files of profiles, and the warnings about them.
func IndexProfiles(files map[string][]byte) (*profile.Index, []string, error) {
	u, err := compileProfiles(files)
	if err != nil {
		return nil, nil, err
	}
	if m := u.checkProfiles(u.config.DeviceProfiles, slices.Collect(maps.Keys(u.config.Compiled))); len(m) > 0 {
		return nil, nil, m.Sorted()
	}
	x := profile.NewIndex(u.config.DeviceProfiles)
	in := u.moduleFiles()
	for name, s := range u.config.Compiled {
		x.Add(name, in[name], s)
	}
	return x, u.warnings(), nil
}
