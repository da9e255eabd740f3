package mibs

import (
	"slices"
	"strconv"
	"strings"
)

// macro reads the clauses of a definition, in whatever order, and its value.
func (p *fileParser) macro(d definition) {
	skipped, order := false, 0
	p.enterprise = nil
	for p.kind() != tokenAssign {
		if p.isStart(p.i) {
			p.recover("%s has no ::= before %s: left out", d.name, p.shown())
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
		if !skipped && d.kind != Compliance && d.kind != Capabilities {
			skipped = true
			p.recover("%s: %s begins no clause: skipped", d.name, p.shown())
		}
		p.i++
	}
	if d.kind == Scalar && (d.access == NoAccess || d.status == NoStatus || d.syntax.form == formNone) {
		p.note("%s lacks one of SYNTAX, MAX-ACCESS and STATUS", d.name)
	}
	p.i++
	if number := p.tokens[p.i]; p.enterprise != nil && number.kind == tokenNumber {
		d.value = p.trapValue()
	} else {
		d.value = p.value()
	}
	p.add(d)
}

// clauseOrder is the order of the clauses of an OBJECT-TYPE.
var clauseOrder = map[string]int{"SYNTAX": 1, "UNITS": 2, "ACCESS": 3, "MAX-ACCESS": 3, "STATUS": 4, "DESCRIPTION": 5, "REFERENCE": 6, "INDEX": 7, "AUGMENTS": 7, "DEFVAL": 8}

// trapValue makes the OID of a TRAP-TYPE (RFC 3584 section 3.1): enterprise.0.number.
func (p *fileParser) trapValue() []arc {
	number, ok := p.arcNumber()
	p.i++
	if !ok {
		return nil
	}
	value := slices.Clone(p.enterprise)
	return append(value, arc{numbered: true}, arc{number: number, numbered: true})
}

// clause reads one clause. It returns false and stays where it is if none begins here.
func (p *fileParser) clause(d *definition) bool {
	word := p.text(p.i)
	conformance := d.kind == Compliance || d.kind == Capabilities
	if !clauses[word] || conformance && word != "STATUS" && word != "DESCRIPTION" {
		return false
	}
	p.i++
	switch word {
	case "SYNTAX":
		s := p.syntax()
		if d.syntax.form != formNone {
			p.recover("%s has a second SYNTAX: the first one counts", d.name)
			return true
		}
		d.syntax = s
	case "ACCESS", "MAX-ACCESS", "MIN-ACCESS":
		if p.module.v2 != (word == "MAX-ACCESS") {
			p.noteOnce(word + " belongs to the other version of SMI than the module, as its MODULE-IDENTITY shows")
		}
		p.access(d)
	case "STATUS":
		p.status(d)
	case "UNITS":
		d.units = strings.Join(strings.Fields(p.textOf(word)), " ")
	case "DESCRIPTION":
		if text := p.textOf(word); d.description == "" {
			d.description = text
		}
	case "LAST-UPDATED":
		p.module.lastUpdated = p.textOf(word)
	case "INDEX", "AUGMENTS":
		d.parts, d.augments = p.names(word), word == "AUGMENTS"
	case "OBJECTS", "VARIABLES":
		if parts := p.names(word); d.kind == Notification {
			d.parts = parts
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
		p.enterprise = []arc{{name: name}}
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

func (p *fileParser) access(d *definition) {
	access, known := accesses[strings.ToLower(p.word(p.i))]
	switch {
	case known:
		d.access = access
	case clauses[p.word(p.i)] || p.kind() != tokenName:
		p.recover("%s has no access", d.name)
		return
	default:
		p.recover("%s: no access is called %s", d.name, p.shown())
	}
	p.i++
}

func (p *fileParser) status(d *definition) {
	status, known := statuses[strings.ToLower(p.word(p.i))]
	switch {
	case known:
		d.status = status
		if p.module.v2 && (status == Mandatory || status == Optional) {
			p.noteOnce("STATUS " + status.String() + " stands in a module of SMIv2")
		}
	case clauses[p.word(p.i)] || p.kind() != tokenName:
		p.recover("%s has no status", d.name)
		return
	default:
		p.note("%s: no status is called %s", d.name, p.shown())
	}
	p.i++
}

// names reads a list such as INDEX has it. Commas may be missing.
func (p *fileParser) names(clause string) []part {
	var parts []part
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
			parts = append(parts, part{word + " " + p.text(p.i+1), implied})
			p.i++
		case word != "":
			if len(parts) > 0 && p.at(p.i-1).kind == tokenName && p.word(p.i-1) != "IMPLIED" {
				p.note("a comma is missing before %s in %s", word, clause)
			}
			if len(parts) > 0 && parts[len(parts)-1].implied {
				p.note("%s is IMPLIED, and not the last of the index", parts[len(parts)-1].name)
			}
			parts = append(parts, part{word, implied})
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
func (p *fileParser) value() []arc {
	var arcs []arc
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
			arcs = append(arcs, arc{number: number, numbered: true})
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
func (p *fileParser) namedArc() (a arc, ok bool) {
	a.name = p.text(p.i)
	p.i++
	if p.mark() != '(' || p.at(p.i+1).kind != tokenNumber {
		return a, true
	}
	p.i++
	a.number, a.numbered = p.arcNumber()
	p.i++
	if !p.take(')') {
		p.recover("a ) is missing behind %s", a.name)
	}
	return a, a.numbered
}

func (p *fileParser) arcNumber() (uint32, bool) {
	n, err := strconv.ParseUint(p.text(p.i), 10, 32)
	return uint32(n), err == nil
}

// badArc gives an OID up.
func (p *fileParser) badArc() []arc {
	p.recover("%s is no number from 0 to 4294967295", p.shown())
	for !p.isStart(p.i) && !p.take('}') {
		p.i++
	}
	return nil
}
