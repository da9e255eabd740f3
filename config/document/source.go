package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"

	"trapline/internal/setting"
)

// Match lists the files that patterns name, each once. A pattern that matches nothing is worth a
// warning as long as another one matches something.
func Match(patterns []string) (files, warnings []string, problems Problems) {
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			problems = append(problems, Problem{File: pattern, Text: "not a file name or a pattern of file names: " + err.Error()})
			continue
		}
		if len(matches) == 0 {
			warnings = append(warnings, fmt.Sprintf("no file matches %s", pattern))
		}
		for _, file := range matches {
			if file = filepath.Clean(file); !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	if len(patterns) == 0 {
		problems = Problems{{Text: "no configuration file was named"}}
	}
	if len(files) > 0 || len(problems) > 0 {
		return files, warnings, problems
	}
	for _, pattern := range patterns {
		problems = append(problems, Problem{File: pattern, Text: "no such file"})
	}
	return nil, nil, problems
}

// Source is one file: its settings, their places and its problems.
type Source[T any] struct {
	File       string
	dialect    *Dialect
	Raw        []byte
	Tree       *yaml.Node // the zero node if the file is empty
	Config     T
	Unread     bool // the file could not be read to its end
	found      map[finding]Path
	warned     map[finding]Path
	Notes      []string        // about converted settings
	Old        *yaml.Node      // the tree of a file that has the form of snmp_exporter before 0.23
	reported   map[string]bool // paths that something was found wrong at
	Incomplete map[string]bool // paths of settings that lack something which was written, but not understood
}

// Dialect is all that is specific to a kind of files in their errors.
type Dialect struct {
	// Unknown describes the error of a key that the settings at a path do not know.
	Unknown func(key string, value *yaml.Node, at Path, known []string) string
	// Old returns the key that shows that a tree has a form of older versions, or nil.
	Old func(tree *yaml.Node) *yaml.Node
	// OldText describes the error of a file with that form.
	OldText func(file string) string
}

// finding is one problem. Keyed by its node, it is reported once even if many aliases lead to it.
type finding struct {
	node *yaml.Node
	text string
}

// Read returns the source of a file, with its errors of form.
func Read[T any](file string, d *Dialect) *Source[T] {
	raw, err := setting.ReadFile(file, setting.MaxFile)
	if err == nil {
		return Parse[T](file, raw, d)
	}
	if reason := (*fs.PathError)(nil); errors.As(err, &reason) {
		err = reason.Err
	}
	s := NewSource[T](file, d)
	s.Unread = true
	s.Report(nil, s.Tree, "cannot be read: "+err.Error())
	return s
}

// NewSource returns an empty source.
func NewSource[T any](file string, d *Dialect) *Source[T] {
	return &Source[T]{File: file, dialect: d, Tree: &yaml.Node{}, found: map[finding]Path{}, warned: map[finding]Path{}, reported: map[string]bool{}, Incomplete: map[string]bool{}}
}

// document is decoded from the top of a file: the settings, and beside them the tree that they were
// decoded from, which knows the lines.
type document[T any] struct {
	Tree   tree `yaml:",inline"`
	Config *T   `yaml:",inline"`
}

type tree struct{ node *yaml.Node }

// UnmarshalYAML keeps the tree. The settings beside it are decoded strictly all the same.
func (t *tree) UnmarshalYAML(n *yaml.Node) error {
	t.node = n
	return nil
}

// Parse makes a source of the text of a file. In the good case, it is decoded once and into its types.
func Parse[T any](file string, raw []byte, d *Dialect) *Source[T] {
	s := NewSource[T](file, d)
	s.Raw = raw
	if s.ParsePlain(raw) {
		return s
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	doc := document[T]{Config: &s.Config}
	err := Decode(decoder, &doc)
	if err == io.EOF {
		return s
	}
	if doc.Tree.node != nil {
		s.Tree = doc.Tree.node
	}
	if err != nil || hasEmptyItem(s.Tree) {
		s.Explain(raw)
	}
	if s.Unread {
		return s
	}
	var second yaml.Node
	switch err := Decode(decoder, &second); {
	case err == nil && !isNull(second.Content[0]):
		s.Report(nil, second.Content[0], "a second document starts here and would not be read: put it into a file of its own")
	case err != nil && err != io.EOF:
		line, problem := cutProblem(err.Error())
		s.Report(nil, &yaml.Node{Line: line}, inWords(problem))
	}
	return s
}

// ParsePlain makes a source of a text if PlainTree can read it and nothing is wrong with its form.
func (s *Source[T]) ParsePlain(raw []byte) bool {
	tree := PlainTree(string(raw))
	if tree == nil || !make(fitting).fits(tree, reflect.TypeFor[T]()) {
		return false
	}
	if err := Decode(tree, &s.Config); err != nil {
		s.Config = *new(T)
		return false
	}
	s.Tree = tree
	return true
}

// Decode guards against input that the library panics on, such as a mapping that is a key beside <<.
func Decode(from interface{ Decode(any) error }, to any) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	return from.Decode(to)
}

// Report notes a problem at p. Without a node, it is in the line that p leads to.
func (s *Source[T]) Report(p Path, n *yaml.Node, text string) {
	if n == nil {
		_, n = Find(s.Tree, p)
	}
	f := finding{n, text}
	if _, again := s.found[f]; !again {
		s.found[f] = slices.Clone(p)
		s.reported[p.String()] = true
	}
}

// Consequence reports whether a problem at p, found in the settings at owner, may be a consequence of one
// already reported: owner then is incomplete, and p has no value or a problem of its own.
func (s *Source[T]) Consequence(owner, p Path) bool {
	if !s.Incomplete[owner.String()] {
		return false
	}
	return len(p) == len(owner) || s.Value(p) == nil || s.reported[p.String()]
}

// Value returns the value that the file sets at p, nil if none.
func (s *Source[T]) Value(p Path) *yaml.Node {
	value, _ := Find(s.Tree, p)
	return value
}

// Where returns a description of the place of p in s, for a reader of the file from.
func (s *Source[T]) Where(p Path, from *Source[T]) string {
	_, at := Find(s.Tree, p)
	if s == from {
		return fmt.Sprintf("in line %d", at.Line)
	}
	return fmt.Sprintf("at %s:%d", s.File, at.Line)
}

// Warn adds a warning about the value at p.
func (s *Source[T]) Warn(p Path, text string) {
	_, n := Find(s.Tree, p)
	if f := (finding{n, text}); s.warned[f] == nil {
		s.warned[f] = slices.Clone(p)
	}
}

// Problems returns the problems found, with their lines.
func (s *Source[T]) Problems() Problems { return s.placed(s.found) }

// Warnings returns the doubts noted, with their lines.
func (s *Source[T]) Warnings() Problems { return s.placed(s.warned) }

// placed returns the findings as problems with their lines.
func (s *Source[T]) placed(found map[finding]Path) Problems {
	var m Problems
	for f, p := range found {
		text := f.text
		if len(p) > 0 {
			text = p.String() + ": " + text
		}
		m = append(m, Problem{File: s.File, Line: f.node.Line, Text: clip(text)})
	}
	return m
}
