package web

import (
	"net/url"
	"strings"
)

// query builds the query of a URL of names and values, without the empty ones.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// quoted is a word of a query that holds whatever text is in it.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t\r\n") {
		return `"` + strings.ReplaceAll(word, `"`, "") + `"`
	}
	return word
}
