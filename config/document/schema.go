package document

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Explain reports the errors of form in a file that could not be decoded: those of its YAML, its keys and
// the kinds of its values. It decodes the valid rest for the checks that follow.
func (s *Source[T]) Explain(raw []byte) {
	if s.Tree.IsZero() {
		var doc yaml.Node
		if err := Decode(yaml.NewDecoder(bytes.NewReader(raw)), &doc); err != nil {
			s.Unread = true
			line, text := syntaxProblem(raw, err)
			s.Report(nil, &yaml.Node{Line: line}, text)
			return
		}
		s.Tree = doc.Content[0]
	}
	if key := s.dialect.Old(s.Tree); key != nil {
		s.Unread, s.Old, s.Tree = true, s.Tree, &yaml.Node{}
		s.Report(nil, key, s.dialect.OldText(s.File))
		return
	}
	f := schemaCheck[T]{source: s, seen: map[visit]bool{}, inside: map[*yaml.Node]bool{}}
	if !f.check(s.Tree, reflect.TypeFor[T]()) {
		s.Tree = standIn(reflect.TypeFor[T](), s.Tree.Line)
	}
	s.Config = *new(T)
	if err := Decode(s.Tree, &s.Config); err != nil {
		s.Unread, s.Config, s.Tree = true, *new(T), &yaml.Node{}
		if len(s.found) == 0 {
			line, text := valueProblem(err)
			s.Report(nil, &yaml.Node{Line: line}, text)
		}
	}
}

// hasEmptyItem reports whether a list in the tree has an item without a value. The decoder drops it.
func hasEmptyItem(n *yaml.Node) bool {
	for _, c := range n.Content {
		if n.Kind == yaml.SequenceNode && isNull(c) || hasEmptyItem(c) {
			return true
		}
	}
	return false
}

// schemaCheck compares a tree with the types that it is to be decoded into. It removes or replaces the nodes
// that it reports, so that the rest can be decoded.
type schemaCheck[T any] struct {
	source *Source[T]
	at     Path
	owner  Path // of the innermost settings on the way
	seen   map[visit]bool
	inside map[*yaml.Node]bool // the blocks on the way
}

// visit keeps a block that many aliases lead to from being checked more than once.
type visit struct {
	n *yaml.Node
	t reflect.Type
}

// check reports whether n has the form of a t. It reports the errors of n to the source.
func (f *schemaCheck[T]) check(n *yaml.Node, t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	block := Target(n)
	if f.inside[block] {
		f.markIncomplete()
		f.source.Report(f.at, n, "this alias stands inside the block that it refers to")
		return false
	}
	v := visit{block, t}
	good, seen := f.seen[v]
	if !seen {
		f.inside[block] = true
		good = f.value(n, block, t)
		f.inside[block] = false
		f.seen[v] = good
	}
	return good
}

func (f *schemaCheck[T]) value(here, n *yaml.Node, t reflect.Type) bool {
	switch {
	case isNull(n):
		return true
	case n.Kind == yaml.ScalarNode && hasTextForm(t):
		if Decode(n, reflect.New(t).Interface()) != nil {
			return f.unfit(here, n, t)
		}
	case t.Implements(reflect.TypeFor[ownForm]()):
		if Decode(n, reflect.New(t).Interface()) != nil {
			return f.unfit(here, n, t)
		}
	case IsSettings(t):
		if n.Kind != yaml.MappingNode {
			return f.unfit(here, n, t)
		}
		outer := f.owner
		f.owner = slices.Clone(f.at)
		f.settings(n, t)
		f.owner = outer
	case t.Kind() == reflect.Map:
		if n.Kind != yaml.MappingNode {
			return f.unfit(here, n, t)
		}
		f.entries(n, t)
	case n.Kind == yaml.MappingNode && hasMappingForm(t):
		f.settings(n, reflect.TypeOf(reflect.Zero(t).Interface().(mappingForm).MappingForm()))
	case t.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return f.unfit(here, n, t)
		}
		f.items(n, t.Elem())
	case n.Kind != yaml.ScalarNode || Decode(n, reflect.New(t).Interface()) != nil:
		return f.unfit(here, n, t)
	}
	return true
}

// mappingForm is a list that may be written as a mapping of known keys too.
type mappingForm interface{ MappingForm() any }

func hasMappingForm(t reflect.Type) bool { return t.Implements(reflect.TypeFor[mappingForm]()) }

// ownForm is settings in a form that their type alone knows.
type ownForm interface{ OwnForm() }

// textForm is settings that may be written as a single value too.
type textForm interface{ TextForm() }

func hasTextForm(t reflect.Type) bool { return t.Implements(reflect.TypeFor[textForm]()) }

// settings checks the keys of a mapping and the values that they hold.
func (f *schemaCheck[T]) settings(n *yaml.Node, t reflect.Type) {
	keys, types := Known(t)
	f.keep(n, func(key, value *yaml.Node) bool {
		typ, ok := types[key.Value]
		switch {
		case isMerge(key):
			return f.merge(value, t)
		case !ok:
			f.markIncomplete()
			advice := f.source.dialect.Unknown(key.Value, value, f.at, keys)
			f.source.Report(nil, key, advice)
			return false
		}
		return f.below(key.Value, value, typ)
	})
}

// entries checks the names and the values of a map. A bad value leaves something in its place, so that
// its name stays known.
func (f *schemaCheck[T]) entries(n *yaml.Node, t reflect.Type) {
	f.keep(n, func(key, value *yaml.Node) bool {
		if isMerge(key) {
			return f.merge(value, t)
		}
		if !f.below(key.Value, key, t.Key()) {
			return false
		}
		if !f.below(key.Value, value, t.Elem()) {
			f.source.Incomplete[append(f.at, key.Value).String()] = true
			*value = *standIn(t.Elem(), value.Line)
		}
		return true
	})
}

// items checks a list. Bad items leave something in their place, so that the others keep their index.
func (f *schemaCheck[T]) items(n *yaml.Node, t reflect.Type) {
	for i, item := range n.Content {
		if isNull(item) {
			f.markIncomplete()
			f.source.Report(append(f.at, Index(i)), item, "empty: give it a value, or delete it")
		} else if f.below(Index(i), item, t) {
			continue
		}
		f.source.Incomplete[append(f.at, Index(i)).String()] = true
		n.Content[i] = standIn(t, item.Line)
	}
}

// standIn makes a node that can be decoded as a t.
func standIn(t reflect.Type, line int) *yaml.Node {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: line}
	switch {
	case IsSettings(t) || t.Kind() == reflect.Map:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	case t.Kind() == reflect.Slice:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	case isNumber(t):
		n.Tag, n.Value = "!!int", "0"
	case t.Kind() == reflect.Bool:
		n.Tag, n.Value = "!!bool", "false"
	}
	return n
}

// keep drops the pairs of a mapping that are not good, and keys that are there twice.
func (f *schemaCheck[T]) keep(n *yaml.Node, good func(key, value *yaml.Node) bool) {
	kept := n.Content[:0]
	lines := map[string]int{}
	for key, value := range Pairs(n) {
		if key.Kind != yaml.ScalarNode || !isMerge(key) && Decode(key, new(string)) != nil {
			f.markIncomplete()
			f.source.Report(f.at, key, "a key must be plain text: put it in quotes")
			continue
		}
		if first, twice := lines[key.Value]; twice {
			f.markIncomplete()
			f.source.Report(append(f.at, key.Value), key, fmt.Sprintf("already set in line %d", first))
			continue
		}
		lines[key.Value] = key.Line
		if good(key, value) {
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
}

// merge reports whether the value of << is a mapping of keys of t, or a list of such mappings.
func (f *schemaCheck[T]) merge(value *yaml.Node, t reflect.Type) bool {
	for _, merged := range mergedInto(value) {
		if Target(merged).Kind != yaml.MappingNode {
			f.markIncomplete()
			f.source.Report(f.at, value, "<< wants a mapping, or a list of mappings, to merge in")
			return false
		}
		if !f.check(merged, t) {
			return false
		}
	}
	return true
}

func (f *schemaCheck[T]) below(step string, n *yaml.Node, t reflect.Type) bool {
	f.at = append(f.at, step)
	good := f.check(n, t)
	f.at = f.at[:len(f.at)-1]
	return good
}

// markIncomplete notes that the settings being checked lack something that was meant to be there: other
// Problems in them may be mere consequences.
func (f *schemaCheck[T]) markIncomplete() { f.source.Incomplete[f.owner.String()] = true }

// unfit reports that n cannot be read as a t.
func (f *schemaCheck[T]) unfit(here, n *yaml.Node, t reflect.Type) bool {
	f.markIncomplete()
	f.source.Report(f.at, here, fmt.Sprintf("want %s, but this is %s%s", wanted(t), given(n, t), instead(n, t)))
	return false
}

// instead returns advice for a single value or a mapping that is written in place of a list, and for a text in braces that is read as
// a mapping, "" if there is none.
func instead(n *yaml.Node, t reflect.Type) string {
	if t.Kind() == reflect.String && n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 && n.Content[1].Tag == "!!null" && n.Content[1].Value == "" {
		return ": put it in quotes: '{" + n.Content[0].Value + "}'"
	}
	if t.Kind() == reflect.Slice && n.Kind == yaml.MappingNode {
		if n.Style&yaml.FlowStyle != 0 {
			return ": write [{…}]"
		}
		return ": write a - and a space before its first key"
	}
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.String && !hasTextForm(t.Elem()) || n.Kind != yaml.ScalarNode || len(n.Value) > 40 || strings.ContainsAny(n.Value, "\n\r") {
		return ""
	}
	return fmt.Sprintf(": write [%s]", n.Value)
}

// wanter is a value that describes how it is written.
type wanter interface{ Wanted() string }

// wanted returns a description, in the user's words, of how a t is written.
func wanted(t reflect.Type) string {
	if w, ok := reflect.Zero(t).Interface().(wanter); ok {
		return w.Wanted()
	}
	switch {
	case IsSettings(t):
		keys, _ := Known(t)
		return "keys such as " + strings.Join(keys[:min(4, len(keys))], ", ")
	case t.Kind() == reflect.Map:
		return "names, each with its value"
	case t.Kind() == reflect.Slice:
		return "a list"
	}
	switch kind := t.Kind(); {
	case kind == reflect.Bool:
		return "true or false"
	case kind >= reflect.Int && kind <= reflect.Int64:
		return "a whole number"
	case kind >= reflect.Uint && kind <= reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<t.Bits()-1)
	case isNumber(t):
		return "a number"
	}
	return "text"
}

func isNumber(t reflect.Type) bool { return t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 }

// given returns a description of the value that was written instead. It quotes text only where a number or a
// bool belongs, which cannot be a secret.
func given(n *yaml.Node, t reflect.Type) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping of keys"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case t.Kind() == reflect.Bool || isNumber(t):
		return fmt.Sprintf("%.40q", n.Value)
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Sprintf("tagged as %.40q", n.Tag)
	}
	return "a single value"
}
