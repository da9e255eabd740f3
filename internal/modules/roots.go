package modules

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"trapline/collector"
	"trapline/internal/setting"
)

// Root is an entry of walk or get.
type Root struct {
	Name  string           `yaml:"name"`            // table, column, group, scalar or instance, by name or OID
	Every setting.Duration `yaml:"every,omitempty"` // how often it is read; default in every poll, or as interval of the module says
}

// TextForm marks that the name alone may be written.
func (Root) TextForm() {}

// UnmarshalYAML decodes either form.
func (r *Root) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&r.Name) == nil {
		return nil
	}
	type plain Root
	return unmarshal((*plain)(r))
}

// MarshalYAML writes the name alone where it says all.
func (r Root) MarshalYAML() (any, error) {
	if r.Every.Duration == 0 {
		return r.Name, nil
	}
	type plain Root
	return plain(r), nil
}

// Problems reports an entry without a name.
func (r *Root) Problems() []setting.Problem {
	if r.Name == "" {
		return []setting.Problem{{Path: "name", Text: "an entry needs the name or the OID of what is read"}}
	}
	return nil
}

// Roots are the entries of walk or get.
type Roots []Root

// Named returns entries that are read in every poll.
func Named(names ...string) (list Roots) {
	for _, name := range names {
		list = append(list, Root{Name: name})
	}
	return list
}

// Names returns the names of all entries.
func (r Roots) Names() []string {
	names := make([]string, 0, len(r))
	for i := range r {
		names = append(names, r[i].Name)
	}
	return names
}

// clock notes how often an entry is read that has an OID.
func (c *compilation) clock(key string, i int, r *Root, oid setting.OID) {
	if r.Every.Duration > 0 && !oid.IsZero() {
		c.out.Every = append(c.out.Every, collector.RootSettings{OID: oid, Every: r.Every, At: fmt.Sprintf("%s[%d].every", key, i)})
	}
}

// Clocks returns how often parts of the module are to be read, by the place of the setting.
func (s *Settings) Clocks() iter.Seq2[string, time.Duration] {
	return func(yield func(string, time.Duration) bool) {
		all := map[string]time.Duration{"interval": s.Interval.Duration}
		for key, roots := range map[string]Roots{"walk": s.Walk, "get": s.Get} {
			for i := range roots {
				all[fmt.Sprintf("%s[%d].every", key, i)] = roots[i].Every.Duration
			}
		}
		for i := range s.Lookups {
			all[fmt.Sprintf("lookups[%d].every", i)] = s.Lookups[i].Every.Duration
		}
		for i := range s.Metrics {
			for j := range s.Metrics[i].Lookups {
				all[fmt.Sprintf("metrics[%d].lookups[%d].every", i, j)] = s.Metrics[i].Lookups[j].Every.Duration
			}
		}
		for i := range s.Filters {
			all[s.Filters[i].at+".every"] = s.Filters[i].Every.Duration
		}
		for _, path := range slices.Sorted(maps.Keys(all)) {
			if !yield(path, all[path]) {
				return
			}
		}
	}
}
