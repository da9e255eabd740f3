package api

import (
	"slices"
	"strings"
)

// Fulfills reports whether every word of a query is in one of the texts, and has says so of every key and its value.
func Fulfills(list []Term, has func(key, value string) bool, texts ...string) bool {
	for _, t := range list {
		switch {
		case t.Key != "":
			if has(t.Key, t.Value) == t.Not {
				return false
			}
		case !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), t.Value) }):
			return false
		}
	}
	return true
}

// Term is a condition on a target. Without a key, value is a word that the search text contains.
type Term struct {
	Key, Value string
	Not        bool
	Expression bool // Value is a regular expression, which matches as a whole
}

// MaxTerms bounds the terms of a query.
const MaxTerms = 50

// ParseTerms takes a query apart: words, and the matchers key=value, key!=value, key=~expression and key!~expression.
// Quotation marks keep blanks together.
func ParseTerms(text string) []Term {
	var list []Term
	for _, token := range Tokens(text) {
		if t, ok := parseMatcher(token.Text); ok && !token.Quoted {
			list = append(list, t)
			continue
		}
		list = append(list, Term{Value: strings.ToLower(token.Text)})
	}
	return list
}

func parseMatcher(text string) (t Term, ok bool) {
	i := strings.IndexByte(text, '=')
	if n := strings.Index(text, "!~"); n > 0 && (i < 0 || n < i) {
		return Term{Key: text[:n], Value: text[n+2:], Not: true, Expression: true}, true
	}
	if i <= 0 {
		return Term{}, false
	}
	t.Key, t.Not = strings.CutSuffix(text[:i], "!")
	t.Value, t.Expression = strings.CutPrefix(text[i+1:], "~")
	return t, t.Key != ""
}

// Token is a part of a query. Quoted is one that begins with a quotation mark.
type Token struct {
	Text   string
	Quoted bool
}

// Tokens returns the first MaxTerms parts of a query, without quotation marks, which keep blanks together.
func Tokens(text string) (list []Token) {
	for len(list) < MaxTerms {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			break
		}
		var t Token
		t.Text, t.Quoted, text = cutToken(text)
		list = append(list, t)
	}
	return list
}

// cutToken takes the first token off; quoted says that all of it stood in quotation marks.
func cutToken(text string) (token string, quoted bool, rest string) {
	var b strings.Builder
	quoted = text[0] == '"'
	open := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			open = !open
		case !open && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			return b.String(), quoted, text[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), quoted, ""
}
