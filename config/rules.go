package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"trapline/internal/rules"
)

// readRules reads the rule files that the files name. Their mistakes are told with those of the files.
func (u *union) readRules() {
	var files []string
	for _, s := range u.sources {
		for i, pattern := range s.config.RuleFiles {
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(s.file), pattern)
			}
			matches, err := filepath.Glob(pattern)
			switch {
			case err != nil:
				s.wrong(path{"rule_files", index(i)}, nil, "not a file name or a pattern of file names: "+err.Error())
			case len(matches) == 0 && strings.ContainsAny(pattern, "*?["):
				u.config.Warnings = append(u.config.Warnings, fmt.Sprintf("rule_files: no file matches %s", pattern))
			case len(matches) == 0:
				s.wrong(path{"rule_files", index(i)}, nil, fmt.Sprintf("there is no file %s", pattern))
			}
			for _, file := range matches {
				if !slices.Contains(files, file) {
					files = append(files, file)
				}
			}
		}
	}
	u.ruleFiles = files
	set, mistakes := rules.Load(files)
	for _, m := range mistakes {
		u.more = append(u.more, Mistake{File: m.File, Line: m.Line, Text: m.Text})
	}
	if groups := u.thresholds(); len(groups) > 0 {
		set = set.With(groups...)
	}
	u.config.Rules = set
}

// thresholds gives the rules that thresholds stand for, by file.
func (u *union) thresholds() (groups []*rules.Group) {
	for _, s := range u.sources {
		line := func(i int) int {
			_, at := find(s.tree, path{"thresholds", index(i)})
			return at.Line
		}
		if list := s.config.Thresholds; len(list) > 0 {
			groups = append(groups, rules.ThresholdGroup(s.file, list, line))
		}
	}
	return groups
}
