package discovery

import (
	"path/filepath"
	"regexp"
	"slices"

	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/model/labels"
)

// adopt hands the sources of files that other settings have read to the kind that reads these files.
func (l *list) adopt(s *Settings) {
	for key, raw := range l.sources {
		if l.kinds[key.kind] != nil {
			continue
		}
		for _, k := range s.kinds() {
			if now := (sourceKey{k.id, key.source}); k.reads(key.source) && l.sources[now] == nil {
				l.sources[now] = raw
				delete(l.sources, key)
				l.adopted = append(l.adopted, k.id)
			}
		}
	}
}

// fill adds sources that the list lacks. What others have lost is for the guard.
func (l *list) fill(read map[sourceKey][]labels.Labels) {
	for key, raw := range read {
		if l.sources[key] == nil {
			l.sources[key] = raw
		}
	}
}

// reads reports whether a kind reads a file.
func (k *kind) reads(name string) bool {
	var patterns []string
	switch c := k.config.(type) {
	case *file.SDConfig:
		patterns = c.Files
	case *CSV:
		patterns = c.Paths
	}
	return slices.ContainsFunc(patterns, func(p string) bool { same, _ := filepath.Match(p, name); return same || p == name })
}

// groupNumber is what an earlier version has added to the name of a file.
var groupNumber = regexp.MustCompile(`:\d+$`)

func fileOf(source string) string { return groupNumber.ReplaceAllString(source, "") }
