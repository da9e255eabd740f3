package smi

import (
	"slices"
	"strconv"
	"strings"
)

// macro reads the clauses of a definition, in whatever order, and its value.
func (p *fileParser) macro(d Definition) {
	skipped, order := false, 0
	p.enterprise = nil
	for p.kind() != tokenAssign {
		if p.isStart(p.i) {
			p.recover("%s has no ::= before %s: left out", d.Name, p.shown())
			return
		}
		place := clauseOrder[p.word(p.i)]
		if p.kind() == tokenName && p.clause(&d) {
			if place > 0 && place < order {
				p.noteOnce("clauses stand in another order than the macros have it")
			}
			order = max(order, place)
			continue
		}
		// The variations of conformance statements are of no use here.
		if !skipped && d.Kind != Compliance && d.Kind != Capabilities {
			skipped = true
			p.recover("%s: %s begins no clause: skipped", d.Name, p.shown())
		}
		p.i++
	}
	if d.Kind == Scalar && (d.Access == NoAccess || d.Status == NoStatus || d.Syntax.Shape == ShapeNone) {
		p.note("%s lacks one of SYNTAX, MAX-ACCESS and STATUS", d.Name)
	}
	p.i++
	if number := p.tokens[p.i]; p.enterprise != nil && number.kind == tokenNumber {
		d.Value = p.trapValue()
	} else {
		d.Value = p.value()
	}
	p.add(d)
}

// clauseOrder is the order of the clauses of an OBJECT-TYPE.
var clauseOrder = map[string]int{"SYNTAX": 1, "UNITS": 2, "ACCESS": 3, "MAX-ACCESS": 3, "STATUS": 4, "DESCRIPTION": 5, "REFERENCE": 6, "INDEX": 7, "AUGMENTS": 7, "DEFVAL": 8}

// trapValue makes the OID of a TRAP-TYPE (RFC 3584 section 3.1): enterprise.0.number.
func (p *fileParser) trapValue() []Arc {
	number, ok := p.arcNumber()
	p.i++
	if !ok {
		return nil
	}
	value := slices.Clone(p.enterprise)
	return append(value, Arc{Numbered: true}, Arc{Number: number, Numbered: true})
}

// clause reads one clause. It returns false and stays where it is if none begins here.
func (p *fileParser) clause(d *Definition) bool {
	word := p.text(p.i)
	conformance := d.Kind == Compliance || d.Kind == Capabilities
	if !clauses[word] || conformance && word != "STATUS" && word != "DESCRIPTION" {
		return false
	}
	p.i++
	switch word {
	case "SYNTAX":
		s := p.syntax()
		if d.Syntax.Shape != ShapeNone {
			p.recover("%s has a second SYNTAX: the first one counts", d.Name)
			return true
		}
		d.Syntax = s
	case "ACCESS", "MAX-ACCESS", "MIN-ACCESS":
		if p.module.v2 != (word == "MAX-ACCESS") {
			p.noteOnce(word + " belongs to the other version of SMI than the module, as its MODULE-IDENTITY shows")
		}
		p.access(d)
	case "STATUS":
		p.status(d)
	case "UNITS":
		d.Units = strings.Join(strings.Fields(p.textOf(word)), " ")
	case "DESCRIPTION":
		if text := p.textOf(word); d.Description == "" {
			d.Description = text
		}
	case "LAST-UPDATED":
		p.module.LastUpdated = p.textOf(word)
	case "INDEX", "AUGMENTS":
		d.Parts, d.Augments = p.names(word), word == "AUGMENTS"
	case "OBJECTS", "VARIABLES":
		if parts := p.names(word); d.Kind == Notification {
			d.Parts = parts
		}
	case "NOTIFICATIONS", "DEFVAL":
		if p.mark() == '{' {
			p.skipBraces()
		}
	case "ENTERPRISE":
		p.enterpriseClause()
	default:
		if p.kind() == tokenText {
			p.i++
		}
	}
	return true
}

func (p *fileParser) enterpriseClause() {
	if p.mark() == '{' {
		p.enterprise = p.value()
		return
	}
	if name := p.word(p.i); name != "" {
		p.enterprise = []Arc{{Name: name}}
		p.i++
	}
}

// textOf reads the text of a clause; the next clause may stand there instead.
func (p *fileParser) textOf(clause string) string {
	switch {
	case p.kind() == tokenText:
		p.i++
		return p.text(p.i - 1)
	case p.kind() == tokenName && !clauses[p.text(p.i)] && !p.isStart(p.i):
		p.recover("the text of %s has no quotation marks", clause)
		p.i++
		return p.text(p.i - 1)
	}
	p.recover("%s has no text", clause)
	return ""
}

func (p *fileParser) access(d *Definition) {
	access, known := accesses[strings.ToLower(p.word(p.i))]
	switch {
	case known:
		d.Access = access
	case clauses[p.word(p.i)] || p.kind() != tokenName:
		p.recover("%s has no access", d.Name)
		return
	default:
		p.recover("%s: no access is called %s", d.Name, p.shown())
	}
	p.i++
}

func (p *fileParser) status(d *Definition) {
	status, known := statuses[strings.ToLower(p.word(p.i))]
	switch {
	case known:
		d.Status = status
		if p.module.v2 && (status == Mandatory || status == Optional) {
			p.noteOnce("STATUS " + status.String() + " stands in a module of SMIv2")
		}
	case clauses[p.word(p.i)] || p.kind() != tokenName:
		p.recover("%s has no status", d.Name)
		return
	default:
		p.note("%s: no status is called %s", d.Name, p.shown())
	}
	p.i++
}

// names reads a list such as INDEX has it. Commas may be missing.
func (p *fileParser) names(clause string) []Part {
	var parts []Part
	if !p.take('{') {
		p.recover("a { is missing behind %s", clause)
	}
	implied := false
	for !p.take('}') {
		word := p.word(p.i)
		switch {
		case word == "IMPLIED":
			implied = true
		case p.isStart(p.i) || p.kind() == tokenAssign || clauses[word] && word != "OBJECT":
			p.recover("a } is missing behind %s", clause)
			return parts
		case (word == "OCTET" || word == "OBJECT") && p.at(p.i+1).kind == tokenName:
			parts = append(parts, Part{word + " " + p.text(p.i+1), implied})
			p.i++
		case word != "":
			if len(parts) > 0 && p.at(p.i-1).kind == tokenName && p.word(p.i-1) != "IMPLIED" {
				p.note("a comma is missing before %s in %s", word, clause)
			}
			if len(parts) > 0 && parts[len(parts)-1].Implied {
				p.note("%s is IMPLIED, and not the last of the index", parts[len(parts)-1].Name)
			}
			parts = append(parts, Part{word, implied})
			implied = false
		case p.mark() == '(':
			p.constraint()
			continue
		case p.mark() == '.' && len(parts) > 0 && p.at(p.i+1).kind == tokenName:
			parts = parts[:len(parts)-1] // Module.name
		case p.mark() != ',':
			p.recover("%s cannot stand in %s: skipped", p.shown(), clause)
		}
		p.i++
	}
	return parts
}

// value reads an OID value.
func (p *fileParser) value() []Arc {
	var arcs []Arc
	if !p.take('{') {
		if p.kind() == tokenNumber || p.kind() == tokenName && !p.isStart(p.i) && !clauses[p.text(p.i)] {
			p.i++
		}
		p.recover("an OID in braces is missing")
		return nil
	}
	for !p.take('}') {
		switch {
		case p.isStart(p.i) || clauses[p.word(p.i)] || p.kind() == tokenAssign:
			p.recover("a } is missing behind an OID")
			return arcs
		case p.kind() == tokenNumber:
			number, ok := p.arcNumber()
			if !ok || len(arcs) >= MaxArcs {
				return p.badArc()
			}
			arcs = append(arcs, Arc{Number: number, Numbered: true})
			p.i++
		case p.kind() == tokenName:
			a, ok := p.namedArc()
			if !ok || len(arcs) >= MaxArcs {
				return p.badArc()
			}
			arcs = append(arcs, a)
		case p.mark() == '.' || p.mark() == ',':
			p.i++
		default:
			p.recover("%s cannot stand in an OID: skipped", p.shown())
			p.i++
		}
	}
	return arcs
}

// namedArc reads name or name(number).
func (p *fileParser) namedArc() (a Arc, ok bool) {
	a.Name = p.text(p.i)
	p.i++
	if p.mark() != '(' || p.at(p.i+1).kind != tokenNumber {
		return a, true
	}
	p.i++
	a.Number, a.Numbered = p.arcNumber()
	p.i++
	if !p.take(')') {
		p.recover("a ) is missing behind %s", a.Name)
	}
	return a, a.Numbered
}

func (p *fileParser) arcNumber() (uint32, bool) {
	n, err := strconv.ParseUint(p.text(p.i), 10, 32)
	return uint32(n), err == nil
}

// badArc reports an invalid number in an OID, and skips the rest of the OID.
func (p *fileParser) badArc() []Arc {
	p.recover("%s is no number from 0 to 4294967295", p.shown())
	for !p.isStart(p.i) && !p.take('}') {
		p.i++
	}
	return nil
}
