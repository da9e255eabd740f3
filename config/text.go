package config

import (
	"fmt"
	"slices"

	"trapline/config/document"
)

// LoadText reads a text as Load would if it stood in the first file of a running configuration. Who sends it need
// not be somebody who may read the files of this machine: of others it reads those that the running one names.
func LoadText(text []byte, running *Config, o Options) (*Config, error) {
	name := "text"
	if len(running.Files) > 0 {
		name = running.Files[0].Name
	}
	s := document.Parse[Config](name, text, &dialect)
	rules, dirs := within(s, "rule_files", s.Config.RuleFiles, running.RuleFiles), within(s, "mibs.dirs", s.Config.MIBs.Dirs, running.MIBs.Dirs)
	if !within(s, "profiles.dirs", s.Config.Profiles.Dirs, running.Profiles.Dirs) || !rules || !dirs {
		return nil, s.Problems().Sorted() // and nothing is read, nor fetched
	}
	u, problems := merge([]*configSource{s}, o)
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	if m := u.nothing(); len(m) > 0 {
		return nil, m.Sorted()
	}
	u.config.Warnings = slices.Concat(u.warnings(), u.config.Warnings)
	return u.configuration(o)
}

// within reports whether all of a list of files are among known. Others are errors.
func within(s *configSource, key string, list, known []string) bool {
	all := true
	for i, name := range list {
		if !slices.Contains(known, name) && !slices.Contains(known, beside(s.File, name)) {
			all = false
			s.Report(document.Path(nil).Below(fmt.Sprintf("%s[%d]", key, i)), nil, fmt.Sprintf("%q is not read for a check of a text: the running configuration does not name it; write the file, and check the files", name))
		}
	}
	return all
}
