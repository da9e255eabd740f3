package smi

import (
	"fmt"
	"slices"
	"strings"
)

// Parser parses MIB files, one after the other. It reuses its buffers.
type Parser struct{ lexer lexer }

// fileParser parses all modules of a file. It never fails: it skips text that it cannot read, up to the
// next known beginning, and reports it.
type fileParser struct {
	file        *Source
	tokens      []token
	i           int // the token to read next
	module      *Module
	modules     []*Module
	enterprise  []Arc // of the TRAP-TYPE being read
	noted       map[string]bool
	diagnostics []Diagnostic
	recoveries  int
}

// MaxDiagnostics is how much is said about one file.
const MaxDiagnostics = 200

// macros are the words that make a definition of the name before them.
var macros = map[string]Kind{
	"OBJECT-TYPE": Scalar, "MODULE-IDENTITY": Identity, "OBJECT-IDENTITY": ObjectIdentity,
	"NOTIFICATION-TYPE": Notification, "TRAP-TYPE": Notification, "OBJECT-GROUP": ObjectGroup,
	"NOTIFICATION-GROUP": NotificationGroup, "MODULE-COMPLIANCE": Compliance, "AGENT-CAPABILITIES": Capabilities,
}

// clauses are the words that parts of a definition begin with.
var clauses = map[string]bool{
	"SYNTAX": true, "MAX-ACCESS": true, "ACCESS": true, "MIN-ACCESS": true, "STATUS": true, "DESCRIPTION": true,
	"REFERENCE": true, "UNITS": true, "DISPLAY-HINT": true, "INDEX": true, "AUGMENTS": true, "DEFVAL": true,
	"OBJECTS": true, "NOTIFICATIONS": true, "VARIABLES": true, "ENTERPRISE": true, "LAST-UPDATED": true,
	"ORGANIZATION": true, "CONTACT-INFO": true, "REVISION": true, "PRODUCT-RELEASE": true, "MODULE": true,
	"MANDATORY-GROUPS": true, "GROUP": true, "OBJECT": true, "WRITE-SYNTAX": true, "SUPPORTS": true,
	"INCLUDES": true, "VARIATION": true, "CREATION-REQUIRES": true,
}

// Parse parses the modules of a text. If a comment that ends before its line does may be the reason for skipped
// parts, it parses the text again with comments that end with their line, and returns the better result.
func (p *Parser) Parse(path, text string) ([]*Module, []Diagnostic) {
	file := &Source{Path: path, text: text}
	l := &p.lexer
	l.text, l.commentsToLineEnd = text, false
	l.run()
	best := parseTokens(file, l)
	if best.recoveries > 0 && l.closedComment {
		l.commentsToLineEnd = true
		l.run()
		if other := parseTokens(file, l); other.recoveries < best.recoveries {
			best = other
			best.noteAt(0, "comments were taken to end with the line only: -- does not end them")
		}
	}
	return best.modules, best.diagnostics
}

// parseTokens parses the tokens of file. The result does not refer to the tokens.
func parseTokens(file *Source, l *lexer) *fileParser {
	p := &fileParser{file: file, tokens: l.tokens}
	for p.kind() != tokenEnd {
		p.statement()
	}
	if l.foreign >= 0 {
		p.noteAt(uint32(l.foreign), "octets that are not ASCII stand outside of texts: taken for blanks")
	}
	for _, start := range l.runaways {
		p.recoveries++
		p.noteAt(uint32(start), "this text has no closing quotation mark: ended before the next line that is no prose")
	}
	return p
}

func (p *fileParser) kind() tokenKind { return p.tokens[p.i].kind }

// at returns token i, or the last one if i is after the end.
func (p *fileParser) at(i int) token { return p.tokens[min(i, len(p.tokens)-1)] }

func (p *fileParser) text(i int) string {
	t := p.at(i)
	return p.file.text[t.start:t.end]
}

// word returns the name that is token i, or "" for any other token.
func (p *fileParser) word(i int) string {
	if p.at(i).kind != tokenName {
		return ""
	}
	return p.text(i)
}

func (p *fileParser) mark() byte { return p.tokens[p.i].mark }

// take goes past a mark if it is the next token.
func (p *fileParser) take(mark byte) bool {
	if p.mark() != mark {
		return false
	}
	p.i++
	return true
}

// note reports a deviation at the next token that loses nothing.
func (p *fileParser) note(format string, args ...any) { p.noteAt(p.tokens[p.i].start, format, args...) }

// noteOnce reports a deviation that may be frequent in a module, at its first place only.
func (p *fileParser) noteOnce(text string) {
	if !p.noted[text] {
		p.noted[text] = true
		p.note("%s", text)
	}
}

func (p *fileParser) noteAt(offset uint32, format string, args ...any) {
	if len(p.diagnostics) >= MaxDiagnostics {
		return
	}
	d := Diagnostic{File: p.file.Path, Line: p.file.Line(offset), Text: fmt.Sprintf(format, args...)}
	if p.module != nil {
		d.Module = p.module.Name
	}
	p.diagnostics = append(p.diagnostics, d)
}

// recover reports an error at the next token that may lose part of a definition.
func (p *fileParser) recover(format string, args ...any) {
	p.recoveries++
	if p.module != nil {
		p.module.Recoveries++
	}
	reported := len(p.diagnostics)
	p.note(format, args...)
	for i := range p.diagnostics[reported:] {
		p.diagnostics[reported+i].Skipped = true
	}
}

// shown is the next token for a message.
func (p *fileParser) shown() string {
	if p.kind() == tokenEnd {
		return "the end of the file"
	}
	s := p.text(p.i)
	if len(s) > 30 {
		s = s[:30] + "…"
	}
	return fmt.Sprintf("%q", strings.ToValidUTF8(s, "?"))
}

func (p *fileParser) statement() {
	switch word := p.word(p.i); {
	case p.isHeader(p.i):
		p.header()
	case p.module == nil:
		p.skipToHeader()
	case p.isDefinition(p.i):
		p.definition()
	case word == "IMPORTS":
		p.i++
		p.imports()
	case word == "EXPORTS":
		p.skipExports()
	case word == "END":
		p.end()
	default:
		p.recover("%s begins no definition: skipped up to the next one", p.shown())
		for p.i++; !p.isStart(p.i); p.i++ {
		}
	}
}

// isStart reports whether a statement begins at a token.
func (p *fileParser) isStart(i int) bool {
	switch t := p.at(i); t.kind {
	case tokenEnd:
		return true
	case tokenName:
		return p.isDefinition(i) || p.isHeader(i) || p.isEnd(i) || p.text(i) == "IMPORTS" && p.at(i+1).kind == tokenName
	}
	return false
}

// isHeader knows "NAME DEFINITIONS ::=", with or without an OID and tags between.
func (p *fileParser) isHeader(i int) bool {
	if p.at(i).kind != tokenName {
		return false
	}
	next := i + 1
	if p.at(next).mark == '{' {
		for limit := next + 40; p.at(next).mark != '}'; next++ {
			if next == limit || p.at(next).kind == tokenEnd {
				return false
			}
		}
		next++
	}
	if p.word(next) != "DEFINITIONS" || p.text(i) == "DEFINITIONS" {
		return false
	}
	return slices.ContainsFunc([]int{1, 2, 3}, func(behind int) bool { return p.at(next+behind).kind == tokenAssign })
}

// isEnd knows the END of a module from one that stands in the midst of it.
func (p *fileParser) isEnd(i int) bool {
	return p.word(i) == "END" && (p.at(i+1).kind == tokenEnd || p.isHeader(i+1))
}

// isDefinition reports whether a name is defined at a token. The word after the macro distinguishes
// definitions from lists of macros, as IMPORTS are.
func (p *fileParser) isDefinition(i int) bool {
	if p.at(i).kind != tokenName {
		return false
	}
	next, behind := p.at(i+1), p.at(i+2)
	switch next.kind {
	case tokenAssign:
		// "current ::= {" is the end of a definition.
		return behind.kind == tokenName || behind.mark == '['
	case tokenName:
		switch word := p.text(i + 1); {
		case word == "OBJECT":
			return p.word(i+2) == "IDENTIFIER" && (p.at(i+3).kind == tokenAssign || p.at(i+3).mark == '{')
		case word == "MACRO":
			return behind.kind == tokenAssign
		case macros[word] != 0:
			return behind.kind == tokenAssign || clauses[p.word(i+2)]
		}
	}
	return false
}

func (p *fileParser) skipToHeader() {
	if len(p.modules) == 0 || p.kind() != tokenMark {
		p.note("%s stands outside of a module: skipped", p.shown())
	}
	for p.i++; p.kind() != tokenEnd && !p.isHeader(p.i); p.i++ {
	}
}

func (p *fileParser) header() {
	if p.module != nil {
		p.recover("module %s has no END", p.module.Name)
	}
	p.module = &Module{Name: p.text(p.i), File: p.file}
	p.noted = map[string]bool{}
	p.modules = append(p.modules, p.module)
	for p.word(p.i) != "DEFINITIONS" {
		p.i++
	}
	for limit := p.i + 8; p.i < limit && !p.isStart(p.i+1); {
		p.i++
		if p.word(p.i) == "BEGIN" {
			p.i++
			return
		}
	}
	p.i++
	p.recover("BEGIN is missing")
}

func (p *fileParser) end() {
	p.i++
	if p.kind() == tokenEnd || p.isHeader(p.i) {
		p.module = nil
		return
	}
	if p.isStart(p.i) {
		p.recover("END stands in the midst of the module: it goes on")
		return
	}
	p.note("%s stands behind the END of module %s", p.shown(), p.module.Name)
	for !p.isStart(p.i) {
		p.i++
	}
	if p.kind() == tokenEnd || p.isHeader(p.i) {
		p.module = nil
	}
}

func (p *fileParser) imports() {
	first := p.i
	for !p.take(';') {
		switch {
		case p.isStart(p.i) || p.word(p.i) == "END":
			p.recover("IMPORTS has no ; at its end")
			return
		case p.word(p.i) == "FROM":
			p.i++
			p.importsFrom(first)
			first = p.i
		case p.kind() == tokenName || p.mark() == ',':
			p.i++
		default:
			p.recover("%s cannot stand in IMPORTS: skipped", p.shown())
			p.i++
		}
	}
}

// importsFrom reads the name of the module that the names from token first on come from.
func (p *fileParser) importsFrom(first int) {
	from := p.word(p.i)
	if from == "" {
		p.recover("the name of a module is missing behind FROM")
		return
	}
	for i := first; i < p.i-1; i++ {
		if name := p.word(i); name != "" {
			p.module.Imports = append(p.module.Imports, Imported{name, from})
		}
	}
	p.i++
	if p.mark() == '{' {
		p.skipBraces()
	}
}

func (p *fileParser) skipExports() {
	for p.i++; !p.take(';') && !p.isStart(p.i); p.i++ {
	}
}

// skipBraces skips text in braces, but not the start of a definition.
func (p *fileParser) skipBraces() {
	for depth := 0; !p.isStart(p.i); p.i++ {
		switch p.mark() {
		case '{':
			depth++
		case '}':
			if depth--; depth <= 0 {
				p.i++
				return
			}
		}
	}
	p.recover("a } is missing before %s", p.shown())
}

// definition reads the definition that isDefinition found.
func (p *fileParser) definition() {
	name, offset := p.text(p.i), p.tokens[p.i].start
	keyword := p.word(p.i + 1)
	if len(name) > 64 || strings.Contains(name, "_") {
		p.note("%s is no name by the rules: more than 64 characters, or _ in it", name)
	}
	p.i += 2
	switch keyword {
	case "":
		p.typeDefinition(name, offset)
	case "MACRO":
		for p.i++; p.kind() != tokenEnd && p.word(p.i) != "END"; p.i++ {
		}
		p.i++
		p.i = min(p.i, len(p.tokens)-1)
	case "OBJECT":
		d := Definition{Name: name, Offset: offset}
		p.i++
		if p.kind() == tokenAssign {
			p.i++
		} else {
			p.recover("::= is missing")
		}
		d.Value = p.value()
		p.add(d)
	case "TRAP-TYPE":
		if p.module.v2 {
			p.noteOnce("TRAP-TYPE stands in a module of SMIv2")
		}
		p.macro(Definition{Name: name, Kind: Notification, Offset: offset})
	case "MODULE-IDENTITY":
		p.module.v2 = true
		p.macro(Definition{Name: name, Kind: Identity, Offset: offset})
	default:
		p.macro(Definition{Name: name, Kind: macros[keyword], Offset: offset})
	}
}

func (p *fileParser) add(d Definition) {
	if len(d.Value) == 0 {
		p.recover("%s has no OID: left out", d.Name)
		return
	}
	p.module.Definitions = append(p.module.Definitions, d)
}
