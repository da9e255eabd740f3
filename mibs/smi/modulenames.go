package smi

import "bytes"

var definitionsWord = []byte("DEFINITIONS")

// ModuleNames returns the names before "DEFINITIONS ::=". The lexer handles the text between these words.
func ModuleNames(text []byte) []string {
	const maxMisses = 20 // mentions of DEFINITIONS without a header, after which the text before them is skipped
	var names []string
	start, misses := 0, 0
	for at := 0; ; {
		found := bytes.Index(text[at:], definitionsWord)
		if found < 0 {
			return names
		}
		end := at + found
		at = end + len(definitionsWord)
		if !assignFollows(text[at:]) {
			continue
		}
		l := lexer{text: string(text[start:at]) + "::="}
		l.run()
		p := fileParser{file: &Source{text: l.text}, tokens: l.tokens}
		name := p.headerBefore(len(p.tokens) - 3)
		if misses++; name != "" {
			names = append(names, name)
		}
		if name != "" || misses > maxMisses {
			start, misses = at, 0
		}
	}
}

// assignFollows reports whether ::= is near enough to belong to DEFINITIONS: "IMPLICIT TAGS" and a
// comment may stand between.
func assignFollows(text []byte) bool {
	assign := bytes.Index(text[:min(len(text), 400)], []byte("::="))
	if assign < 0 {
		return false
	}
	for line := range bytes.Lines(text[:assign]) {
		line, _, _ := bytes.Cut(line, []byte("--"))
		if words := len(bytes.Fields(line)); words > 2 {
			return false
		}
	}
	return true
}

// headerBefore returns the name of the module whose DEFINITIONS is token i, or "".
func (p *fileParser) headerBefore(i int) string {
	if p.word(max(i, 0)) != "DEFINITIONS" {
		return ""
	}
	name := i - 1
	for ; name > 0 && name > i-40 && p.at(i-1).mark == '}' && p.at(name+1).mark != '{'; name-- {
	}
	if name < 0 || !p.isHeader(name) {
		return ""
	}
	return p.word(name)
}
