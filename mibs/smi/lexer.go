package smi

import "strings"

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenName             // names and keywords: labels may be called as keywords are
	tokenNumber           // decimal, perhaps negative
	tokenText             // "…"
	tokenQuoted           // '…'H or '…'B
	tokenAssign           // ::=
	tokenRange            // ..
	tokenMark             // any other visible character
)

// token is a piece of the text; that of a tokenText leaves the quotation marks out.
type token struct {
	kind       tokenKind
	mark       byte // the character of a tokenMark, else 0
	start, end uint32
}

// lexer cuts a file into tokens. It accepts any octets: outside of texts, octets that are not part of the
// language are blanks.
type lexer struct {
	text string
	// commentsToLineEnd has a comment end with its line only. ASN.1 has it end at the next -- too.
	commentsToLineEnd bool

	tokens        []token
	closedComment bool  // a comment ended before its line did
	foreign       int   // where the first octet stands that was taken for a blank, or -1
	runaways      []int // where texts begin whose closing quotation mark is missing
}

const (
	charBlank = iota + 1
	charName  // letters and _
	charDigit
	charMark
)

// chars has the class of each octet; 0 is foreign.
var chars = func() (class [256]byte) {
	for _, c := range " \t\r\n\f\v" {
		class[c] = charBlank
	}
	for c := '!'; c <= '~'; c++ {
		class[c] = charMark
	}
	for c := 'a'; c <= 'z'; c++ {
		class[c], class[c-'a'+'A'] = charName, charName
	}
	for c := '0'; c <= '9'; c++ {
		class[c] = charDigit
	}
	class['_'] = charName
	return class
}()

func (l *lexer) run() {
	l.tokens, l.runaways, l.foreign, l.closedComment = l.tokens[:0], nil, -1, false
	text := l.text
	for i := 0; i < len(text); {
		switch chars[text[i]] {
		case charBlank:
			i++
		case charName, charDigit:
			i = l.cutWord(i)
		case charMark:
			i = l.cutMark(i)
		default:
			if l.foreign < 0 {
				l.foreign = i
			}
			i++
		}
	}
	l.add(tokenEnd, len(text), len(text))
}

func (l *lexer) add(kind tokenKind, start, end int) {
	l.tokens = append(l.tokens, token{kind: kind, start: uint32(start), end: uint32(end)})
}

// cutWord reads a name or a number. A label may begin with a digit.
func (l *lexer) cutWord(start int) int {
	text, i, digits := l.text, start, true
	for i < len(text) {
		c := text[i]
		if chars[c] == charDigit {
			i++
			continue
		}
		// -- begins a comment, also right behind a name.
		if chars[c] != charName && (c != '-' || digits || i+1 < len(text) && text[i+1] == '-') {
			break
		}
		digits = false
		i++
	}
	kind := tokenName
	if digits {
		kind = tokenNumber
	}
	l.add(kind, start, i)
	return i
}

func (l *lexer) cutMark(i int) int {
	rest := l.text[i:]
	switch {
	case rest[0] == '"':
		return l.cutText(i + 1)
	case strings.HasPrefix(rest, "--"):
		return l.skipComment(i)
	case strings.HasPrefix(rest, "::="):
		l.add(tokenAssign, i, i+3)
		return i + 3
	case strings.HasPrefix(rest, ".."):
		l.add(tokenRange, i, i+2)
		return i + 2
	case rest[0] == '-' && len(rest) > 1 && chars[rest[1]] == charDigit:
		end := i + 2
		for end < len(l.text) && chars[l.text[end]] == charDigit {
			end++
		}
		l.add(tokenNumber, i, end)
		return end
	case rest[0] == '\'':
		if end := quotedEnd(rest); end > 0 {
			l.add(tokenQuoted, i, i+end)
			return i + end
		}
	}
	l.tokens = append(l.tokens, token{kind: tokenMark, mark: rest[0], start: uint32(i), end: uint32(i + 1)})
	return i + 1
}

// quotedEnd returns the end of a string such as 'FF'H, or 0: an apostrophe alone is not a quotation mark.
func quotedEnd(s string) int {
	i := 1
	for i < len(s) && (chars[s[i]] == charDigit || 'a' <= s[i]|0x20 && s[i]|0x20 <= 'f' || s[i] == ' ') {
		i++
	}
	if i+1 < len(s) && s[i] == '\'' && strings.IndexByte("hHbB", s[i+1]) >= 0 {
		return i + 2
	}
	return 0
}

// skipComment knows that a line drawn of dashes is a comment as a whole, however many there are.
func (l *lexer) skipComment(i int) int {
	text := l.text
	start := i
	for i < len(text) && text[i] == '-' {
		i++
	}
	drawn := i-start > 2
	for ; i < len(text) && text[i] != '\n' && text[i] != '\r'; i++ {
		if !drawn && !l.commentsToLineEnd && strings.HasPrefix(text[i:], "--") {
			l.closedComment = true
			return i + 2
		}
	}
	return i
}

// cutText reads a text from behind its opening quotation mark.
func (l *lexer) cutText(start int) int {
	rest := l.text[start:]
	end, next := len(rest), len(rest)
	if closing := strings.IndexByte(rest, '"'); closing >= 0 {
		end, next = closing, closing+1
	}
	if next == end || proseFollows(rest[next:]) {
		if cut := definitionIn(rest[:end]); cut >= 0 {
			end, next = cut, cut
			l.runaways = append(l.runaways, start)
		}
	}
	l.add(tokenText, start, start+end)
	return start + next
}

// proseFollows reports whether s, after a closing quotation mark, is prose: then that mark opened a
// text instead, or is part of one.
func proseFollows(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n\f\v")
	if s == "" {
		return false
	}
	switch chars[s[0]] {
	case charName:
		word, rest := cutSourceWord(s)
		if clauses[word] || word == "END" {
			return false
		}
		next, _ := cutSourceWord(strings.TrimLeft(rest, " \t\r\n\f\v"))
		return macros[next] == 0 && next != "OBJECT"
	case charMark:
		return !strings.Contains(`:{},);-"[|`, s[:1])
	}
	return true
}

func cutSourceWord(s string) (word, rest string) {
	i := 0
	for i < len(s) && (chars[s[i]] == charName || chars[s[i]] == charDigit || s[i] == '-') {
		i++
	}
	return s[:i], s[i:]
}

// definitionIn finds the first line of s that is no prose but the rest of a definition, or -1.
func definitionIn(s string) int {
	for i := 0; i < len(s); {
		line := strings.TrimLeft(s[i:], " \t")
		if continuesDefinition(line) {
			return len(s) - len(line)
		}
		end := strings.IndexAny(line, "\r\n")
		if value := strings.Index(line[:max(end, 0)], "::="); value >= 0 && strings.HasPrefix(strings.TrimLeft(line[value+3:], " \t"), "{") {
			return len(s) - len(line) + value
		}
		if end < 0 {
			return -1
		}
		i = len(s) - len(line) + end + 1
	}
	return -1
}

func continuesDefinition(line string) bool {
	if strings.HasPrefix(line, "::=") {
		return true
	}
	word, rest := cutSourceWord(line)
	rest = strings.TrimLeft(rest, " \t\r\n")
	next, _ := cutSourceWord(rest)
	switch word {
	case "":
		return false
	case "INDEX", "AUGMENTS", "DEFVAL", "OBJECTS", "NOTIFICATIONS", "VARIABLES":
		return strings.HasPrefix(rest, "{")
	case "STATUS":
		return statuses[next] != 0
	case "ACCESS", "MAX-ACCESS":
		return accesses[next] != 0
	case "SYNTAX":
		return next != "" && 'A' <= next[0] && next[0] <= 'Z'
	}
	return macros[next] != 0 || next == "OBJECT" && strings.Contains(rest[:min(40, len(rest))], "IDENTIFIER")
}
