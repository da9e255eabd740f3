// Package sorted changes sorted lists of which most stays.
package sorted

import "slices"

// Merge returns the elements of a sorted list to keep, with fresh ones, which it sorts. The list stays as it is.
func Merge[T any](list []T, keep func(T) bool, fresh []T, compare func(a, b T) int) []T {
	slices.SortFunc(fresh, compare)
	all := make([]T, 0, len(list)+len(fresh))
	for _, one := range list {
		if !keep(one) {
			continue
		}
		for len(fresh) > 0 && compare(fresh[0], one) < 0 {
			all, fresh = append(all, fresh[0]), fresh[1:]
		}
		all = append(all, one)
	}
	return append(all, fresh...)
}
