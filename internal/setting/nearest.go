package setting

import (
	"slices"
	"strings"
)

// maxName is how long a name may be to be misspelled.
const maxName = 100

// Nearest returns the word that name was probably meant to be, or "". Of words that are equally near, one of the same
// letters comes first, then one of the same length.
func Nearest(name string, words []string) string {
	if len(name) > maxName {
		return ""
	}
	name = strings.ToLower(name)
	best, least, likeness := "", min((len(name)+3)/4, len(name)-1), 0 // of one letter nothing would be left
	for _, w := range words {
		if len(w)-len(name) > least || len(name)-len(w) > least {
			continue // the lengths alone differ by too much
		}
		word := strings.ToLower(w)
		d := distance(name, word)
		if d > least {
			continue
		}
		if like := alike(name, word); best == "" || d < least || like > likeness {
			best, least, likeness = w, d, like
		}
	}
	return best
}

// OneOff returns the word that differs from name in one letter, or "". It is for names that are rarely meant to be one of
// the words.
func OneOff(name string, words []string) string {
	if near := Nearest(name, words); near != "" && distance(name, near) == 1 {
		return near
	}
	return ""
}

// DidYouMean returns "did you mean WORD?" for the word that name was probably meant to be, or "" if there is none.
func DidYouMean(name string, words []string) string { return Question(Nearest(name, words)) }

// Question returns "did you mean NAME?", or "" for an empty name.
func Question(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean " + name + "?"
}

// alike compares words that are equally near: 2 if they have the same letters, 1 if they have as many, else 0.
func alike(a, b string) int {
	switch {
	case len(a) != len(b):
		return 0
	case sortedOctets(a) == sortedOctets(b):
		return 2
	}
	return 1
}

func sortedOctets(text string) string {
	octets := []byte(text)
	slices.Sort(octets)
	return string(octets)
}

// distance counts the letters to insert, delete, replace or exchange with the next one to make b of a, none of them
// twice (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
