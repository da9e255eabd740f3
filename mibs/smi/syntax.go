package smi

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// typeDefinition reads the type after "Name ::=".
func (p *fileParser) typeDefinition(name string, offset uint32) {
	t := TypeDefinition{Name: name, Offset: offset}
	if p.word(p.i) != "TEXTUAL-CONVENTION" {
		t.Syntax = p.syntax()
		p.module.Types = append(p.module.Types, t)
		return
	}
	t.Convention = true
	p.i++
	for p.word(p.i) != "SYNTAX" {
		if p.isStart(p.i) {
			p.recover("%s has no SYNTAX: left out", name)
			return
		}
		word := p.word(p.i)
		p.i++
		switch {
		case word == "DISPLAY-HINT":
			t.Hint = p.textOf(word)
		case word == "STATUS" && p.kind() == tokenName && !clauses[p.text(p.i)], clauses[word] && p.kind() == tokenText:
			p.i++
		case !clauses[word]:
			p.i--
			p.recover("%s: %s begins no clause: skipped", name, p.shown())
			p.i++
		}
	}
	p.i++
	t.Syntax = p.syntax()
	p.module.Types = append(p.module.Types, t)
}

func (p *fileParser) syntax() Syntax {
	s := Syntax{Shape: ShapeName}
	if p.mark() == '[' {
		for !p.isStart(p.i) && !p.take(']') {
			p.i++
		}
	}
	if word := p.word(p.i); word == "IMPLICIT" || word == "EXPLICIT" {
		p.i++
	}
	word := p.word(p.i)
	if word == "" || clauses[word] && word != "OBJECT" || p.isStart(p.i) {
		p.recover("a type is missing before %s", p.shown())
		s.Shape = ShapeOther
		return s
	}
	p.i++
	next := p.word(p.i)
	switch {
	case word == "SEQUENCE" && strings.EqualFold(next, "OF"):
		p.i++
		s.Shape, s.Name = ShapeSequenceOf, p.word(p.i)
		p.i++
		p.i = min(p.i, len(p.tokens)-1)
		return s
	case word == "SEQUENCE" || word == "CHOICE":
		s.Shape = ShapeSequence
		if word == "CHOICE" {
			s.Shape = ShapeOther
		}
		if p.mark() == '{' {
			p.members(word)
		}
		return s
	case (strings.EqualFold(word, "OCTET") || strings.EqualFold(word, "BIT")) && strings.EqualFold(next, "STRING"),
		strings.EqualFold(word, "OBJECT") && strings.EqualFold(next, "IDENTIFIER"):
		p.i++
		word = strings.ToUpper(word + " " + next)
	case p.mark() == '.' && p.at(p.i+1).kind == tokenName:
		word += "." + p.text(p.i+1)
		p.i += 2
	}
	s.Name = word
	for {
		switch p.mark() {
		case '{':
			if base, known := BaseTypes[s.Name]; known && base != Integer && base != Bits {
				p.note("%s has labels: only INTEGER and BITS may", s.Name)
			}
			s.Labels = append(s.Labels, p.labels()...)
		case '(':
			s.Ranges = append(s.Ranges, p.constraint()...)
		default:
			return s
		}
	}
}

// members skips the members of a SEQUENCE: their types are those of the objects.
func (p *fileParser) members(of string) {
	first := p.i
	p.skipBraces()
	for i := first + 2; i < p.i && of == "SEQUENCE"; i++ {
		before := p.at(i - 1)
		switch word := p.word(i); {
		case word != "" && 'a' <= word[0] && word[0] <= 'z' && before.mark != ',' && before.mark != '{' && before.mark != '(':
			p.noteAt(p.at(i).start, "a comma is missing before %s in SEQUENCE", word)
		case p.at(i).mark == '}' && before.mark == ',':
			p.noteAt(p.at(i).start, "a comma stands behind the last of SEQUENCE")
		}
	}
}

// labels reads { name(number), … }. Commas may be missing; a label is the text before (.
func (p *fileParser) labels() []Label {
	var labels []Label
	p.i++
	first := p.i // of the label
	for !p.take('}') {
		switch {
		case p.mark() == '(':
			if label, ok := p.label(first); ok {
				labels = append(labels, label)
			}
			first = p.i
		case p.mark() == ',':
			if p.i > first {
				p.recover("the label %q has no number: left out", p.between(first, p.i))
			}
			p.i++
			first = p.i
			if p.mark() == '}' {
				p.note("a comma stands behind the last label")
			}
		case p.endsLabels():
			p.recover("a } is missing behind the labels")
			return labels
		default:
			p.i++
		}
	}
	if last := p.i - 1; last > first {
		p.recover("the label %q has no number: left out", p.between(first, last))
	}
	return labels
}

// endsLabels reports whether labels cannot go on. Any word may be a label if a number follows it.
func (p *fileParser) endsLabels() bool {
	if p.kind() == tokenAssign || p.isStart(p.i) {
		return true
	}
	return clauses[p.word(p.i)] && p.at(p.i+1).mark != '('
}

// label reads (number), for the label of the tokens from first on.
func (p *fileParser) label(first int) (l Label, ok bool) {
	l.Name = p.between(first, p.i)
	p.i++
	number, ok := p.number()
	if ok {
		p.i++
	}
	l.Number = number
	switch {
	case !ok:
		p.recover("the label %q has no number: left out", l.Name)
		for p.mark() != ')' && p.mark() != ',' && p.mark() != '}' && !p.endsLabels() {
			p.i++
		}
	case l.Name == "":
		p.recover("the number %d has no label", number)
		ok = false
	}
	if !p.take(')') && ok {
		p.recover("a ) is missing behind the label %q", l.Name)
	}
	if ok {
		p.checkLabel(l.Name)
	}
	return l, ok
}

func (p *fileParser) checkLabel(name string) {
	if c := name[0]; c < 'a' || c > 'z' || strings.ContainsAny(name, "_ /.") {
		p.note("the label %q is not as the rules have it: taken as it is", name)
	}
	if p.kind() == tokenName || p.kind() == tokenNumber {
		if !p.endsLabels() {
			p.note("a comma is missing behind the label %q", name)
		}
	}
}

// between returns the text of the tokens from first up to, but not including, end. It leaves out the
// comments between them.
func (p *fileParser) between(first, end int) string {
	switch end - first {
	case 0:
		return ""
	case 1:
		return p.text(first)
	}
	var b strings.Builder
	for i := first; i < end; i++ {
		if i > first && p.at(i).start > p.at(i-1).end {
			b.WriteByte(' ')
		}
		b.WriteString(p.text(i))
	}
	return b.String()
}

// number reads the next token as one, and does not go past it.
func (p *fileParser) number() (int64, bool) {
	text := p.text(p.i)
	switch p.kind() {
	case tokenNumber:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil || errors.Is(err, strconv.ErrRange) // limited to 64 bits
	case tokenQuoted:
		digits := strings.ReplaceAll(strings.Trim(text[:len(text)-1], "'"), " ", "")
		base := 16
		if text[len(text)-1]|0x20 == 'b' {
			base = 2
		}
		if digits == "" {
			return 0, true
		}
		n, err := strconv.ParseInt(digits, base, 64)
		return n, err == nil || errors.Is(err, strconv.ErrRange)
	case tokenName:
		switch text {
		case "MIN":
			return math.MinInt64, true
		case "MAX":
			return math.MaxInt64, true
		}
	}
	return 0, false
}

// constraint reads ( … ), the ranges of a number or of a SIZE.
func (p *fileParser) constraint() []Range {
	var ranges []Range
	depth := 0
	upper := false // .. was read
	for {
		n, isNumber := p.number()
		if text := p.text(p.i); isNumber && (text == "MIN" || text == "MAX" || len(text) > 1 && text[0] == '0') {
			p.note("%s stands in a range", text)
		}
		switch {
		case isNumber && upper && len(ranges) > 0:
			ranges[len(ranges)-1].High = n
			upper = false
		case isNumber:
			ranges = append(ranges, Range{n, n})
		case p.kind() == tokenRange:
			upper = true
		case p.mark() == '(':
			depth++
		case p.mark() == ')':
			if depth--; depth == 0 {
				p.i++
				return ranges
			}
		case p.mark() == '|' || p.mark() == ',' || p.word(p.i) == "SIZE":
		case p.isStart(p.i) || p.kind() == tokenAssign || clauses[p.word(p.i)] || p.mark() == '}' || p.mark() == '{':
			p.recover("a ) is missing behind a range")
			return ranges
		default:
			p.recover("%s cannot stand in a range: skipped", p.shown())
		}
		p.i++
	}
}
