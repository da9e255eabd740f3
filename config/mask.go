package config

import (
	"reflect"
	"regexp"
	"strings"

	"trapline/config/document"
	"trapline/internal/access"
	"trapline/internal/notify"
	"trapline/internal/setting"
)

// hidden stands for a secret.
const hidden = "<secret>"

// Masked returns the text of a file with <secret> in place of each value that may be a secret. It keeps the lines.
// The text need not be valid. Within auths, receivers and unknown sections, only values of keys that are known to
// hold no secret are shown; elsewhere, all values but those of keys that hold a secret.
func Masked(text string) string {
	m := masker{section: true}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		line, end := cutEnd(line)
		lines[i] = m.line(line) + end
	}
	return strings.Join(lines, "")
}

func cutEnd(line string) (text, end string) {
	text = strings.TrimRight(line, "\r\n")
	return text, line[len(text):]
}

// secretKeys, openKeys and openCollections are the keys of guarded sections. The values of secret keys are hidden,
// those of open keys are shown, and so are all values within open collections.
var secretKeys, openKeys, openCollections = keysByKind(reflect.TypeFor[access.Auth](), reflect.TypeFor[notify.ReceiverSettings](), reflect.TypeFor[notify.Settings]())

func keysByKind(types ...reflect.Type) (secret, open, collections map[string]bool) {
	secret, open, collections = map[string]bool{"token": true, "secret": true}, map[string]bool{}, map[string]bool{}
	for _, t := range types {
		_, kinds := document.Known(t)
		for key, kind := range kinds {
			switch {
			case kind == reflect.TypeFor[setting.Secret]() || kind == reflect.TypeFor[setting.URL]():
				secret[key] = true
			case kind.Kind() == reflect.Slice || kind.Kind() == reflect.Map:
				collections[key] = true
			default:
				open[key] = true
			}
		}
	}
	return secret, open, collections
}

// openSections are the sections without secrets: those of a configuration but for three, and groups of a rule file.
var openSections = func() map[string]bool {
	open := map[string]bool{"groups": true}
	keys, _ := document.Known(reflect.TypeFor[Config]())
	for _, key := range keys {
		open[key] = key != "auths" && key != "receivers" && key != "notifications"
	}
	return open
}()

// masker masks line by line.
type masker struct {
	section bool // a guarded one
	guarded bool // the line is in a guarded section, and in no open collection of it
	inside  int  // the indentation of a key whose secret may go on in the lines below, plus 1; 0 if none
	open    int  // likewise of one that has an open collection
	quote   byte // of a secret that does not end in its line
}

// keyPattern matches a key and its colon at the beginning of a text.
var keyPattern = regexp.MustCompile("^(\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^']|'')*'|[^\\s\"'{}\\[\\],#&*!|>@`:][^\\s{}\\[\\],:]*)\\s*:")

func (m *masker) line(line string) string {
	indent := len(line) - len(strings.TrimLeft(line, " \t-"))
	text := strings.TrimSpace(line)
	switch {
	case m.quote != 0:
		return m.restOfQuote(line)
	case text == "" || text == "---" || text == "...":
		return line
	case m.inside > 0 && m.goesOn(line, text):
		return line[:indent] + hidden
	}
	m.inside = 0
	if match := keyPattern.FindStringSubmatch(line); match != nil {
		m.section = !openSections[bareKey(match[1])]
	} else if indent == 0 && !strings.ContainsAny(line[:1], "#}]") {
		m.section = true // neither a section nor the end of one
	}
	if m.open > 0 && indent < m.open {
		m.open = 0
	}
	m.guarded = m.section && m.open == 0
	return line[:indent] + m.rest(line[indent:], indent)
}

func bareKey(written string) string { return strings.ToLower(strings.Trim(written, `"'`)) }

// goesOn reports whether a line belongs to the secret of a line above: it is deeper, or no key at all.
func (m *masker) goesOn(line, text string) bool {
	deeper := len(line)-len(strings.TrimLeft(line, " \t")) >= m.inside
	return deeper || text[0] != '#' && !strings.HasPrefix(text, "- ") && !strings.ContainsAny(text[:1], "}]") && !keyPattern.MatchString(text)
}

func (m *masker) restOfQuote(line string) string {
	end := closing(line, m.quote)
	if end < 0 {
		return hidden
	}
	m.quote = 0
	if behind := strings.TrimSpace(line[end:]); behind != "" && !strings.ContainsAny(behind[:1], ",}]#") {
		return hidden
	}
	return hidden + m.rest(line[end:], 0)
}

// closing finds the end behind the closing quote of a text, or -1.
func closing(text string, quote byte) int {
	for i := 0; i < len(text); i++ {
		switch {
		case quote == '"' && text[i] == '\\', quote == '\'' && strings.HasPrefix(text[i:], "''"):
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

// rest returns the text behind the indentation of a line, masked.
func (m *masker) rest(text string, indent int) string {
	var b strings.Builder
	depth, outer := 0, 0 // of brackets; outside of the open collection
	for text != "" {
		match := keyPattern.FindStringSubmatch(text)
		switch {
		case strings.IndexByte(" \t,{}[]", text[0]) >= 0:
			depth += strings.Count("{[", text[:1]) - strings.Count("}]", text[:1])
			if depth <= outer && strings.Contains("}]", text[:1]) {
				m.guarded = m.section && m.open == 0
			}
			b.WriteByte(text[0])
			text = text[1:]
		case text[0] == '#':
			b.WriteString(m.comment(text))
			return b.String()
		case match != nil && m.isKey(bareKey(match[1]), text[len(match[0]):]):
			b.WriteString(match[0])
			if m.guarded {
				outer = depth
			}
			text = m.value(&b, bareKey(match[1]), text[len(match[0]):], spot{indent, depth})
		default:
			text = m.bare(&b, text, depth)
		}
	}
	return b.String()
}

// isKey distinguishes a key from a text with a colon in it, such as IF-MIB::ifTable.
func (m *masker) isKey(key, behind string) bool {
	return behind == "" || strings.IndexByte(" \t\"'{[", behind[0]) >= 0 || secretKeys[key]
}

// spot is where a key stands.
type spot struct {
	indent int // of its line
	depth  int // of brackets in its line
}

// anchor matches the anchor of a value, to which *name refers.
var anchor = regexp.MustCompile(`^&[\w-]+(\s+|$)`)

// value writes the masked value of a key and returns the text behind it.
func (m *masker) value(b *strings.Builder, key, text string, at spot) (behind string) {
	value := strings.TrimLeft(text, " \t")
	if name := anchor.FindString(value); name != "" && !secretKeys[key] && !openKeys[key] {
		value = value[len(name):]
	}
	b.WriteString(text[:len(text)-len(value)])
	collection := value == "" || strings.ContainsAny(value[:1], "{[#")
	switch secret := secretKeys[key]; {
	case collection && secret && value != "" && value[0] != '#': // which it should not be
		m.inside = at.indent + 1
		b.WriteString(hidden)
		return ""
	case collection && secret:
		m.inside = at.indent + 1
		return value
	case collection && m.guarded && openCollections[key]:
		if value == "" {
			m.open = at.indent + 1
		}
		m.guarded = false
		return value
	case collection, key == "<<" && value[0] == '*':
		if !collection {
			b.WriteString(value)
			return ""
		}
		return value
	case !secret && (!m.guarded || openKeys[key] && !strings.ContainsAny(value[:1], "&*!|>")):
		shown, behind := m.cut(value, at.depth > 0 || m.guarded)
		b.WriteString(spoken.ReplaceAllString(shown, "${1}"+hidden))
		return behind
	}
	m.inside = at.indent + 1
	shown, behind := m.cut(value, at.depth > 0)
	if key == "url" {
		b.WriteString(setting.URL(strings.Trim(shown, ` "'`)).String())
		return behind
	}
	b.WriteString(hidden)
	return behind
}

// cut returns a value and the text behind it. In a flow, the value ends at a comma or a bracket.
func (m *masker) cut(text string, flow bool) (value, behind string) {
	if text[0] == '"' || text[0] == '\'' {
		end := closing(text[1:], text[0])
		if end < 0 {
			m.quote = text[0]
			return text, ""
		}
		return text[:end+1], text[end+1:]
	}
	end := len(text)
	if flow {
		if i := strings.IndexAny(text, ",{}[]"); i >= 0 {
			end = i
		}
	}
	if i := strings.Index(text[:end], " #"); i >= 0 {
		end = i
	}
	return text[:end], text[end:]
}

// bare writes masked text that is no key, such as an item of a list, and returns the text behind it.
func (m *masker) bare(b *strings.Builder, text string, depth int) (behind string) {
	value, behind := m.cut(text, depth > 0 || m.guarded)
	if m.guarded {
		value = hidden
	}
	b.WriteString(spoken.ReplaceAllString(value, "${1}"+hidden))
	return behind
}

// spoken matches a secret in a text.
var spoken = regexp.MustCompile(`(?i)([\w-]*(?:password|passphrase|community|secret|token|_key)"?\s*[:=]\s*)[^\s<].*`)

// comment returns a comment with its secrets masked.
func (m *masker) comment(text string) string {
	if m.guarded {
		return "# …"
	}
	return spoken.ReplaceAllString(text, "${1}"+hidden)
}
