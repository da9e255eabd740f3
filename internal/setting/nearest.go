package setting

import "strings"

// maxName is how long a name may be to be misspelt.
const maxName = 100

// Nearest returns the word that name was probably meant to be, or "".
func Nearest(name string, words []string) string {
	if len(name) > maxName {
		return ""
	}
	name = strings.ToLower(name)
	best, least := "", min((len(name)+3)/4, len(name)-1) // of one letter nothing would be left
	for _, w := range words {
		if len(w)-len(name) > least || len(name)-len(w) > least {
			continue // it differs by more than what is left out or added
		}
		if d := distance(name, strings.ToLower(w)); d <= least && (best == "" || d < least) {
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
