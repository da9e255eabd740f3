package measure

import (
	"bytes"
	"net/netip"
	"strconv"
	"unicode"
	"unicode/utf8"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// addRow writes the labels of a row. It returns false for a series that an earlier measure has made.
func (e *Evaluation) addRow(index []byte, k int) (int32, bool) {
	t := e.table
	start := len(t.Labels)
	if t.Labels == nil {
		t.Ends = make([]uint32, 0, e.expected())
	}
	for i := range e.step.labels {
		l := &e.step.labels[i]
		if l.name == "hw_id" {
			t.Labels = e.appendID(t.Labels, start, e.step.names[i], index)
			continue
		}
		e.text = e.appendLabel(e.text[:0], l, index)
		if len(e.text) > 0 {
			t.Labels = series.AppendLabel(t.Labels, start, e.step.names[i], e.text)
		}
	}
	if e.step.twin {
		if e.seen == nil {
			e.seen = map[string]struct{}{}
		}
		name := e.step.kinds[k].metric.Name + "\x00" + string(t.Labels[start:])
		if _, again := e.seen[name]; again {
			t.Labels = t.Labels[:start]
			return 0, false
		}
		e.seen[name] = struct{}{}
	}
	if t.AddRow(); len(t.Ends) == 1 {
		t.Reserve(e.expected())
	}
	if e.in.Indexes {
		if e.step.aggregate != "" {
			index = nil
		}
		t.Indexes = append(t.Indexes, index...)
		t.IndexEnds = append(t.IndexEnds, uint32(len(t.Indexes)))
	}
	e.spend(len(t.Labels) - start + len(index))
	return int32(len(t.Ends) - 1), true
}

func (e *Evaluation) appendLabel(dst []byte, l *label, index []byte) []byte {
	switch {
	case l.port != none:
		return e.appendPort(dst, l, index)
	case l.column != none:
		if v, ok := e.find(l.column, index); ok {
			if i, ok := l.values.of(v); ok {
				return append(dst, l.types[i]...)
			}
		}
		return dst
	}
	dst = trimmed(e.appendTemplate(dst, l.text, index))
	if len(dst) == 0 && l.name == "hw_name" && e.step.aggregate == "" {
		return e.appendUsualName(dst, index)
	}
	return dst
}

// appendUsualName names a row that has no name: by its index, or a scalar by its object.
func (e *Evaluation) appendUsualName(dst, index []byte) []byte {
	c := &e.step.columns[e.step.first()]
	if !bytes.Equal(index, e.key) {
		return appendIndex(dst, index, c.Index)
	}
	name := c.Name
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == ':' {
			name = name[i+1:]
			break
		}
	}
	return append(dst, name...)
}

// appendID writes hw_id: the first object with the index. Nothing in it needs to be escaped.
func (e *Evaluation) appendID(dst []byte, start int, name string, index []byte) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	dst = append(append(dst, name...), '=', '"')
	dst = append(dst, e.step.columns[e.step.first()].Name...)
	if e.step.aggregate == "" {
		dst = snmp.AppendIndexText(append(dst, '.'), index)
	}
	return append(dst, '"')
}

// appendPort writes the name of the port whose ifIndex the template gives.
func (e *Evaluation) appendPort(dst []byte, l *label, index []byte) []byte {
	e.words = trimmed(e.appendTemplate(e.words[:0], l.text, index))
	number, err := strconv.ParseUint(string(e.words), 10, 32)
	if err != nil {
		return dst
	}
	e.words = snmp.AppendArc(e.words[:0], uint32(number))
	if v, at := e.list(l.port).Find(e.words, e.guess[l.port]); at >= 0 {
		e.guess[l.port] = at + 1
		return appendText(dst, v, nil)
	}
	return dst
}

// maxLabel is how long the text of a label may be.
const maxLabel = 512

func (e *Evaluation) appendTemplate(dst []byte, t template, index []byte) []byte {
	start := len(dst)
	for i := range t {
		dst = append(dst, t[i].literal...)
		for _, r := range t[i].refs {
			before := len(dst)
			if dst = e.appendRef(dst, &r, index); len(dst) > before {
				break
			}
		}
		if len(dst)-start > maxLabel {
			return dst[:start+len(beginning(dst[start:]))]
		}
	}
	return dst
}

// beginning is as much of a text as a label may have, without a part of a character.
func beginning(text []byte) []byte {
	if len(text) <= maxLabel {
		return text
	}
	end := maxLabel
	for end > maxLabel-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func (e *Evaluation) appendRef(dst []byte, r *ref, index []byte) []byte {
	switch {
	case r.name != "":
		v, ok := e.find(r.number, index)
		if !ok {
			return dst
		}
		return appendText(dst, v, e.step.columns[r.number].Enum)
	case r.part == 0:
		return appendIndex(dst, index, e.step.columns[e.step.first()].Index)
	}
	if p, content, ok := partOf(e.step.columns[e.step.first()].Index, index, r.part); ok {
		return p.appendPart(dst, content)
	}
	return dst
}

func trimmed(text []byte) []byte {
	blank := func(c byte) bool { return c == ' ' || c == 0 || c == '\t' || c == '\r' || c == '\n' }
	for len(text) > 0 && blank(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && blank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

// appendText writes a value as the text of a label.
func appendText(dst []byte, v snmp.VarBind, enum map[int]string) []byte {
	switch v.Type {
	case snmp.Integer, snmp.Counter32, snmp.Gauge32, snmp.Uinteger32, snmp.Counter64, snmp.TimeTicks:
		x, err := numberOf(v)
		if err != nil {
			return dst
		}
		if label, ok := enum[int(x)]; ok {
			return append(dst, label...)
		}
		return strconv.AppendFloat(dst, x, 'f', -1, 64)
	case snmp.ObjectIdentifier:
		return snmp.OID(v.Value).AppendText(dst)
	case snmp.IPAddress:
		if a, ok := netip.AddrFromSlice(v.Value); ok {
			return a.AppendTo(dst)
		}
		return dst
	case snmp.Opaque:
		if x, err := v.Float(); err == nil {
			return strconv.AppendFloat(dst, x, 'f', -1, 64)
		}
	}
	return appendOctets(dst, beginning(v.Value))
}

// appendOctets writes text as it is, and other octets as an address has them.
func appendOctets(dst, octets []byte) []byte {
	if text := trimmed(octets); printable(text) {
		return append(dst, text...)
	}
	const hex = "0123456789ABCDEF"
	for i, c := range octets[:min(len(octets), maxLabel/4)] {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hex[c>>4], hex[c&15])
	}
	return dst
}

func printable(text []byte) bool {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 || r != '\n' && r != '\r' && r != '\t' && !unicode.IsPrint(r) {
			return false
		}
		text = text[n:]
	}
	return true
}
