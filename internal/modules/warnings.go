package modules

import (
	"fmt"
	"maps"
	"slices"

	"trapline/mibs"
)

// Warnings returns warnings about the user's MIB files that modules use: files that replace a
// better built-in module, duplicates, and files that were parsed incompletely.
func (l *Library) Warnings() []string {
	var warnings []string
	files := map[string]string{} // by module read
	skipped := map[string]int{}
	for _, key := range slices.Sorted(maps.Keys(l.trees)) {
		t := l.trees[key]
		for _, m := range t.Modules() {
			if m.File == "" || files[m.Name] != "" {
				continue
			}
			files[m.Name] = m.File
			for _, d := range t.Diagnostics() {
				switch {
				case d.File != m.File || d.Module != m.Name:
				case d.Skipped:
					skipped[m.Name]++
				case d.Line == 0:
					warnings = append(warnings, d.String())
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(skipped)) {
		warnings = append(warnings, fmt.Sprintf("%s: parts of MIB %s are left out (%d): trapline mib check lists them", files[name], name, skipped[name]))
	}
	for _, s := range l.sources {
		if d, ok := s.(*mibs.Directories); ok {
			for _, name := range slices.Sorted(maps.Keys(files)) {
				for _, other := range d.PassedOver(name) {
					warnings = append(warnings, other.String())
				}
			}
		}
	}
	return warnings
}
