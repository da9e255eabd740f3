package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"trapline/internal/rules"
)

// readRules reads the rule files that the files name. Their mistakes are told with those of the files.
func (u *merged) readRules() {
	var files []string
	for _, s := range u.sources {
		for i, pattern := range s.config.RuleFiles {
			at, shown := path{"rule_files", index(i)}, pattern
			if !filepath.IsAbs(pattern) {
				shown = relativeTo(pattern, s.file)
				pattern = filepath.Join(filepath.Dir(s.file), pattern)
			}
			matches, err := filepath.Glob(pattern)
			switch {
			case err != nil:
				s.report(at, nil, "not a file name or a pattern of file names: "+err.Error())
			case len(matches) == 0 && strings.ContainsAny(pattern, "*?["):
				s.warn(at, "no file matches "+shown)
			case len(matches) == 0:
				s.report(at, nil, "there is no file "+shown)
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
		u.more = append(u.more, Problem{File: m.File, Line: m.Line, Text: m.Text})
	}
	if groups := u.thresholds(); len(groups) > 0 {
		set = set.With(groups...)
	}
	u.config.Rules = set
}

// relativeTo says of a file or a pattern that it is looked for beside another file.
func relativeTo(pattern, file string) string {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		dir = filepath.Dir(file)
	}
	return fmt.Sprintf("%s (relative to %s)", pattern, dir)
}

// checkSeverities warns of receivers that no rule can reach.
func (u *merged) checkSeverities() {
	words := u.config.Rules.Severities()
	for _, s := range u.sources {
		for i := range s.config.Receivers {
			for _, m := range s.config.Receivers[i].Unreached(words) {
				s.warn(path{"receivers", index(i), m.Path}, m.Text)
			}
		}
	}
}

// thresholds gives the rules that thresholds stand for, by file.
func (u *merged) thresholds() (groups []*rules.Group) {
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
