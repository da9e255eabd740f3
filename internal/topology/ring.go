package topology

import (
	"maps"
	"slices"
)

// Ring returns the devices of a ring of parents that no device without parents reaches, nil if there is none. parents
// are those of each device.
func Ring(parents map[string][]string) []string {
	children, reached := map[string][]string{}, map[string]bool{}
	var next []string
	for name, list := range parents {
		if len(list) == 0 {
			reached[name], next = true, append(next, name)
		}
		for _, p := range list {
			children[p] = append(children[p], name)
		}
	}
	for len(next) > 0 {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		for _, child := range children[at] {
			if !reached[child] {
				reached[child], next = true, append(next, child)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parents)) {
		var way []string
		for at := name; at != "" && !reached[at]; at = firstKnown(parents[at], parents) {
			if i := slices.Index(way, at); i >= 0 {
				return slices.Sorted(slices.Values(way[i:]))
			}
			way = append(way, at)
		}
		for _, one := range way {
			reached[one] = true // it leads to an unknown device
		}
	}
	return nil
}

func firstKnown(names []string, of map[string][]string) string {
	for _, name := range names {
		if _, known := of[name]; known {
			return name
		}
	}
	return ""
}
