// Package profile selects modules for a device by its enterprises, its sysObjectID, and the objects that it
// returns. Its callers decide when.
package profile

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"trapline/internal/measure"
	"trapline/internal/setting"
)

// Auto is the entry of a target's modules that stands for the modules of its profile.
const Auto = "auto"

// Default is the profile of every device.
const Default = "any"

// Section is the `profiles` section.
type Section struct {
	Dirs []string `yaml:"dirs,omitempty"` // directories with files of profiles (*.yml)
}

// AutoSettings is the section `auto`.
type AutoSettings struct {
	Objects string `yaml:"objects,omitempty"` // all or none: whether the module auto makes series of the vendors' objects of which it makes measures; default all
}

// Problems reports another word.
func (s *AutoSettings) Problems() []setting.Problem {
	if s.Objects == "" || s.Objects == "all" || s.Objects == "none" {
		return nil
	}
	return []setting.Problem{{Path: "objects", Text: fmt.Sprintf("%q is neither all nor none", s.Objects)}}
}

// OnlyMeasures reports whether objects of which measures are made have no series of their own.
func (s *AutoSettings) OnlyMeasures() bool { return s.Objects == "none" }

// Problems returns the directories that contain no profile.
func (s *Section) Problems() []setting.Problem {
	var found setting.Problems
	for i, dir := range s.Dirs {
		at := fmt.Sprintf("dirs[%d]", i)
		if text := setting.NoDirectory(dir); text != "" {
			found.Add(at, "%s", text)
		} else if files, err := filepath.Glob(filepath.Join(dir, Files)); err != nil || len(files) == 0 {
			found.Add(at, "the directory %s has no files %s", dir, Files)
		}
	}
	return found
}

// Files is the pattern of the files that are read in a directory.
const Files = "*.yml"

// Settings is an entry of `device_profiles`: the candidate modules of a class of devices. A device is of the class
// if all of SysObjectIDs, SysDescr and Probe that are there hold; without any, only other profiles refer to it.
type Settings struct {
	SysObjectIDs []setting.OID  `yaml:"sys_object_ids,omitempty"` // prefixes of sysObjectID
	SysDescr     setting.Regexp `yaml:"sys_descr,omitempty"`      // expression that matches sysDescr
	Probe        []setting.OID  `yaml:"probe,omitempty"`          // objects that the device must have, all of them
	Extends      []string       `yaml:"extends,omitempty"`        // profiles whose modules it has, too
	Modules      []string       `yaml:"modules,omitempty"`        // modules that the device may have something for
	Exclusive    []string       `yaml:"exclusive,omitempty"`      // those of modules that no other device gets for its enterprises
	Without      []string       `yaml:"without,omitempty"`        // modules that the device does not get, whoever names them

	Inventory measure.Inventory `yaml:"inventory,omitempty"` // what identifies the device: labels of device_info
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

// Problems returns, by profile, the references to unknown profiles and modules, and profiles that extend each other. All
// has also the profiles of other files.
func Problems(settings, all map[string]*Settings, modules []string) map[string][]setting.Problem {
	found := map[string][]setting.Problem{}
	profiles := slices.Collect(maps.Keys(all))
	for name, s := range settings {
		check := func(key string, list, known []string) {
			for i, other := range list {
				if slices.Contains(known, other) {
					continue
				}
				kind := "module"
				if key == "extends" {
					kind = "profile"
				}
				text := fmt.Sprintf("there is no %s %q", kind, other)
				if question := setting.DidYouMean(other, known); question != "" {
					text += ": " + question
				}
				found[name] = append(found[name], setting.Problem{Path: fmt.Sprintf("%s[%d]", key, i), Text: text})
			}
		}
		if s != nil {
			check("extends", s.Extends, profiles)
			for i, other := range s.Extends {
				if extends(other, name, all, map[string]bool{}) {
					found[name] = append(found[name], setting.Problem{Path: fmt.Sprintf("extends[%d]", i), Text: fmt.Sprintf("%q has all of %q already: leave one extends out", other, name)})
				}
			}
			check("modules", s.Modules, modules)
			check("exclusive", s.Exclusive, modules)
			check("without", s.Without, modules)
		}
	}
	return found
}

// extends reports whether a profile is, or extends, another, directly or over others.
func extends(name, other string, all map[string]*Settings, seen map[string]bool) bool {
	s := all[name]
	if name == other || s == nil || seen[name] {
		return name == other
	}
	seen[name] = true
	return slices.ContainsFunc(s.Extends, func(next string) bool { return extends(next, other, all, seen) })
}
