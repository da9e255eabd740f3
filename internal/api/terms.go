package api

import (
	"slices"
	"strings"
)

// fulfils reports whether every word of a query is in one of the texts, and has says so of every key and its value.
func fulfils(list []term, has func(key, value string) bool, texts ...string) bool {
	for _, t := range list {
		switch {
		case t.key != "":
			if has(t.key, t.value) == t.not {
				return false
			}
		case !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), t.value) }):
			return false
		}
	}
	return true
}
