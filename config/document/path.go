package document

import (
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Path leads from the top of a file to a value, in the file's own keys. A step into a list is "[3]".
type Path []string

func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		if i > 0 && !isIndex(step) {
			b.WriteByte('.')
		}
		if strings.ContainsFunc(step, func(r rune) bool { return !unicode.IsPrint(r) }) {
			step = strconv.Quote(step) // an error takes one line
		}
		b.WriteString(step)
	}
	return b.String()
}

// Below returns p extended by rel, a path such as "metrics[3].type".
func (p Path) Below(rel string) Path {
	p = p[:len(p):len(p)]
	if rel == "" {
		return p
	}
	return append(p, strings.Split(strings.ReplaceAll(rel, "[", ".["), ".")...)
}

// Index is the step to an item of a list.
func Index(i int) string { return "[" + strconv.Itoa(i) + "]" }

func isIndex(step string) bool { return strings.HasPrefix(step, "[") }

// Find follows p from n as far as the file goes. It returns the value that p leads to, nil if the file
// does not set it, and the node whose line is nearest to the place of that value.
func Find(n *yaml.Node, p Path) (value, at *yaml.Node) {
	value, at = n, n
	for _, step := range p {
		var here *yaml.Node
		here, value = child(value, step)
		if value == nil {
			return nil, at
		}
		at = here
	}
	return value, at
}

// child takes one step. It returns the key or the item at that step, and its value. Keys that << merges in
// come last. The recursion ends, because a tree in which << leads to itself cannot be decoded.
func child(n *yaml.Node, step string) (at, value *yaml.Node) {
	n = Target(n)
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		if i, err := strconv.Atoi(strings.Trim(step, "[]")); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	case n.Kind == yaml.MappingNode:
		for key, value := range Pairs(n) {
			if key.Value == step && !isMerge(key) {
				return key, value
			}
		}
		for _, merged := range merges(n) {
			if at, value := child(merged, step); value != nil {
				return at, value
			}
		}
	}
	return nil, nil
}

// KeysOf lists the keys that a mapping sets, those that it merges in included.
func KeysOf(n *yaml.Node) []string {
	var keys []string
	n = Target(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for key := range Pairs(n) {
		if !isMerge(key) {
			keys = append(keys, key.Value)
		}
	}
	for _, merged := range merges(n) {
		keys = append(keys, KeysOf(merged)...)
	}
	return keys
}

// Pairs ranges over the keys and values of a mapping.
func Pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// Target returns the node that an alias refers to. It returns any other node unchanged.
func Target(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isMerge(key *yaml.Node) bool { return key.Tag == "!!merge" }

// merges lists the mappings that << merges into n.
func merges(n *yaml.Node) (all []*yaml.Node) {
	for key, value := range Pairs(n) {
		if isMerge(key) {
			all = append(all, mergedInto(value)...)
		}
	}
	return all
}

// mergedInto lists the mappings that the value of << stands for.
func mergedInto(value *yaml.Node) []*yaml.Node {
	if value.Kind == yaml.SequenceNode {
		return value.Content
	}
	return []*yaml.Node{value}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
