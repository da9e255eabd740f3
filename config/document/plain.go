package document

import (
	"reflect"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// PlainTree reads the part of YAML that generators write: blocks of keys and lists, and scalars that are
// plain or quoted, perhaps over several lines. It makes the nodes that the library makes, in a tenth of
// the time. It returns nil for everything else, valid or not, which is left to the library.
func PlainTree(text string) *yaml.Node {
	r := &plainReader{text: text}
	if !r.split() || len(r.lines) == 0 {
		return nil
	}
	n := r.block(r.lines[0].indent)
	if r.failed || r.at < len(r.lines) || n.Kind != yaml.MappingNode {
		return nil
	}
	return n
}

// plainLine is a line that is neither empty nor a comment, without the blanks around its text.
type plainLine struct {
	number, indent int // from 1; from 0
	text           string
}

type plainReader struct {
	text   string
	lines  []plainLine
	at     int // the line to be read
	failed bool
	slab   []yaml.Node
	stack  []*yaml.Node // children of the blocks being read
}

// fail marks the text as not plain, which ends the reading. It returns an empty node.
func (r *plainReader) fail() *yaml.Node {
	r.failed = true
	return &yaml.Node{}
}

// split finds the lines. It reports whether the text has only characters that mean nothing by themselves,
// and comments only before the first line.
func (r *plainReader) split() bool {
	for i := 0; i < len(r.text); {
		c := r.text[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		// Beyond ASCII, letters suffice: some of the rest end lines.
		x, size := utf8.DecodeRuneInString(r.text[i:])
		if x == utf8.RuneError || x < 0xa0 || x == 0x2028 || x == 0x2029 || x >= 0xd800 {
			return false
		}
		i += size
	}
	r.lines = make([]plainLine, 0, strings.Count(r.text, "\n")+1)
	number := 0
	for line := range strings.SplitSeq(r.text, "\n") {
		number++
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		switch text = strings.TrimRight(text, " "); {
		case text == "":
		case text[0] == '#' && len(r.lines) == 0:
		case text[0] == '#', indent == 0 && (strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...") || text[0] == '%'):
			return false
		default:
			r.lines = append(r.lines, plainLine{number, indent, text})
		}
	}
	return true
}

// node takes a node from a slab.
func (r *plainReader) node(kind yaml.Kind, tag string, line, column int) *yaml.Node {
	if len(r.slab) == 0 {
		r.slab = make([]yaml.Node, 256)
	}
	n := &r.slab[0]
	r.slab = r.slab[1:]
	n.Kind, n.Tag, n.Line, n.Column = kind, tag, line, column+1
	return n
}

// next returns the line to be read if it belongs to a block of that indentation.
func (r *plainReader) next(indent int) (*plainLine, bool) {
	if r.failed || r.at >= len(r.lines) || r.lines[r.at].indent < indent {
		return nil, false
	}
	l := &r.lines[r.at]
	if l.indent > indent {
		r.failed = true
	}
	return l, !r.failed
}

func isItem(text string) bool { return text[0] == '-' && (len(text) == 1 || text[1] == ' ') }

func (r *plainReader) block(indent int) *yaml.Node {
	if isItem(r.lines[r.at].text) {
		return r.list(indent)
	}
	l := &r.lines[r.at]
	n := r.node(yaml.MappingNode, "!!map", l.number, indent)
	first := len(r.stack)
	for l, more := r.next(indent); more && !isItem(l.text); l, more = r.next(indent) {
		key, rest := r.key(l)
		if r.failed {
			break
		}
		value := r.value(l, indent, rest)
		r.stack = append(r.stack, key, value)
	}
	return r.close(n, first)
}

// close moves the nodes of the stack from first on into n, as its children. It returns n.
func (r *plainReader) close(n *yaml.Node, first int) *yaml.Node {
	n.Content = append(make([]*yaml.Node, 0, len(r.stack)-first), r.stack[first:]...)
	r.stack = r.stack[:first]
	return n
}

func (r *plainReader) list(indent int) *yaml.Node {
	l := &r.lines[r.at]
	n := r.node(yaml.SequenceNode, "!!seq", l.number, indent)
	first := len(r.stack)
	for l, more := r.next(indent); more && isItem(l.text); l, more = r.next(indent) {
		text := strings.TrimLeft(l.text[1:], " ")
		if text == "" || isItem(text) {
			return r.fail()
		}
		column := indent + len(l.text) - len(text)
		var item *yaml.Node
		if cutKey(text) > 0 {
			l.indent, l.text = column, text
			item = r.block(column)
		} else {
			item = r.scalar(l, indent, column, text)
		}
		r.stack = append(r.stack, item)
	}
	return r.close(n, first)
}

// cutKey returns where in a text the colon behind a key stands, 0 if it begins with none.
func cutKey(text string) int {
	end := strings.IndexByte(text, ':')
	if end <= 0 || end > 200 || end+1 < len(text) && text[end+1] != ' ' {
		return 0
	}
	key := text[:end]
	if quote := key[0]; quote == '"' || quote == '\'' {
		if len(key) < 2 || key[len(key)-1] != quote || strings.ContainsAny(key[1:len(key)-1], `'"\`) {
			return 0
		}
		return end
	}
	if key[0] == '-' && len(key) > 1 {
		key = key[1:] // a number
	}
	for i := range len(key) {
		if c := key[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && (i == 0 || c != '-' && c != '.' && c != '/') {
			return 0
		}
	}
	return end
}

// key returns the key of a line and the text behind its colon.
func (r *plainReader) key(l *plainLine) (key *yaml.Node, rest string) {
	end := cutKey(l.text)
	if end == 0 {
		return r.fail(), ""
	}
	key = r.node(yaml.ScalarNode, plainTag(l.text[:end]), l.number, l.indent)
	if key.Value = l.text[:end]; key.Value[0] == '"' || key.Value[0] == '\'' {
		key.Tag, key.Style = "!!str", quoteStyles[key.Value[0]]
		key.Value = key.Value[1 : end-1]
	}
	return key, l.text[end+1:]
}

var quoteStyles = map[byte]yaml.Style{'"': yaml.DoubleQuotedStyle, '\'': yaml.SingleQuotedStyle}

// value returns the value of a key in a block of that indentation: the rest of the line or the block below.
func (r *plainReader) value(l *plainLine, indent int, rest string) *yaml.Node {
	text := strings.TrimLeft(rest, " ")
	if text != "" {
		return r.scalar(l, indent, l.indent+len(l.text)-len(text), text)
	}
	r.at++
	switch {
	case r.at >= len(r.lines):
	case r.lines[r.at].indent > indent:
		return r.block(r.lines[r.at].indent)
	case r.lines[r.at].indent == indent && isItem(r.lines[r.at].text):
		return r.list(indent)
	}
	return r.fail() // no value
}

// scalar reads a value that begins in line l, within a block of that indentation.
func (r *plainReader) scalar(l *plainLine, indent, column int, text string) *yaml.Node {
	n := r.node(yaml.ScalarNode, plainTag(text), l.number, column)
	switch c := text[0]; {
	case text == "[]":
		n.Kind, n.Tag, n.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
		r.at++
		return n
	case c == '"' || c == '\'':
		n.Tag, n.Style = "!!str", quoteStyles[c]
		return r.quoted(n, indent, text)
	case strings.IndexByte("?:,[]{}#&*!|>%@`", c) >= 0, isItem(text):
		return r.fail()
	}
	n.Value = text
	for r.at++; ; r.at++ {
		if endsPlain(text) {
			return r.fail()
		}
		if r.at >= len(r.lines) || r.lines[r.at].indent <= indent {
			return n
		}
		text = r.lines[r.at].text
		if r.lines[r.at].number != r.lines[r.at-1].number+1 || len(n.Value) > longest {
			return r.fail() // an empty line means a line break
		}
		n.Value += " " + text
	}
}

// longest is how long a scalar may be that goes on in another line: each line costs the whole.
const longest = 16 << 10

// plainTag returns the tag of a plain scalar that begins so, if it is a string at a glance. The library finds
// out about the others.
func plainTag(text string) string {
	c := text[0]
	letter := c|0x20 >= 'a' && c|0x20 <= 'z' && strings.IndexByte("yntfo", c|0x20) < 0
	if letter || c >= '0' && c <= '9' && strings.Count(text, ".") > 1 {
		return "!!str"
	}
	return ""
}

// endsPlain reports whether something in a line of a plain scalar may not belong to it.
func endsPlain(text string) bool {
	return text[len(text)-1] == ':' || strings.Contains(text, ": ") || strings.Contains(text, " #")
}

// quoted reads a scalar in quotes. Escapes are left to the library.
func (r *plainReader) quoted(n *yaml.Node, indent int, text string) *yaml.Node {
	quote := text[:1]
	joined := text[1:]
	for {
		if quote == `"` && strings.Contains(text, `\`) {
			return r.fail()
		}
		unpaired := strings.ReplaceAll(joined, "''", "")
		if quote == `"` {
			unpaired = joined
		}
		r.at++
		if end := strings.Index(unpaired, quote); end >= 0 {
			if end != len(unpaired)-1 {
				return r.fail()
			}
			break
		}
		if r.at >= len(r.lines) || r.lines[r.at].indent <= indent || r.lines[r.at].number != r.lines[r.at-1].number+1 || len(joined) > longest {
			return r.fail()
		}
		text = r.lines[r.at].text
		joined += " " + text
	}
	n.Value = joined[:len(joined)-1]
	if quote == "'" {
		n.Value = strings.ReplaceAll(n.Value, "''", "'")
	}
	return n
}

// fitting knows the keys of settings.
type fitting map[reflect.Type]map[string]reflect.Type

// fits reports whether a tree has only keys that settings of a type know, and no empty items.
func (f fitting) fits(n *yaml.Node, t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.ScalarNode:
		return true
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, item := range n.Content {
			if item.Kind == yaml.ScalarNode && isNull(item) || !f.fits(item, t.Elem()) {
				return false
			}
		}
		return true
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		for _, value := range Pairs(n) {
			if !f.fits(value, t.Elem()) {
				return false
			}
		}
		return true
	case n.Kind != yaml.MappingNode:
		return false
	}
	keys := f.keys(t)
	for key, value := range Pairs(n) {
		if typ, ok := keys[key.Value]; !ok || !f.fits(value, typ) {
			return false
		}
	}
	return true
}

// keys returns the keys of settings and their types: none if a type has another form in files.
func (f fitting) keys(t reflect.Type) map[string]reflect.Type {
	keys, ok := f[t]
	if !ok && IsSettings(t) && !hasMappingForm(t) {
		_, keys = Known(t)
	}
	f[t] = keys
	return keys
}
