package config

import (
	"fmt"
	"strings"
)

// unknownKey says that there is no such key, and which one may be meant.
func unknownKey(key string, in path, known []string) string {
	place := "in " + in.String()
	if len(in) == 0 {
		place = "at the top of the file"
	}
	text := fmt.Sprintf("unknown key %.40q %s: ", key, place)
	if near := nearest(key, known); near != "" {
		return text + fmt.Sprintf("did you mean %q?", near)
	}
	return text + "the keys there are " + strings.Join(known, ", ")
}

// nearest gives the word that name was probably meant to be, or "".
func nearest(name string, words []string) string {
	best, least := "", (len(name)+3)/4
	for _, w := range words {
		if d := distance(strings.ToLower(name), strings.ToLower(w)); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
