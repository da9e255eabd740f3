package config

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

// match lists the files that patterns name, each once. A pattern that matches nothing is worth a
// warning as long as another one matches something.
func match(patterns []string) (files, warnings []string, mistakes Problems) {
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			mistakes = append(mistakes, Problem{File: pattern, Text: "not a file name or a pattern of file names: " + err.Error()})
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
		mistakes = Problems{{Text: "no configuration file was named"}}
	}
	if len(files) > 0 || len(mistakes) > 0 {
		return files, warnings, mistakes
	}
	for _, pattern := range patterns {
		mistakes = append(mistakes, Problem{File: pattern, Text: "no such file"})
	}
	return nil, nil, mistakes
}

// source is one file: what it says, where it says it and what is wrong with it.
type source[T any] struct {
	file       string
	dialect    *Dialect
	raw        []byte
	tree       *yaml.Node // the zero node if the file is empty
	config     T
	unread     bool // the file could not be read to its end
	found      map[finding]path
	warned     map[finding]path
	notes      []string        // about what was converted
	old        *yaml.Node      // the tree of a file that has the form of snmp_exporter before 0.23
	reported   map[string]bool // paths that something was found wrong at
	incomplete map[string]bool // paths of settings that lack something which was written, but not understood
}

// Dialect is all that is specific to a kind of files in their errors.
type Dialect struct {
	// Unknown describes the error of a key that the settings at a path do not know.
	Unknown func(key string, value *yaml.Node, at path, known []string) string
	// Old returns the key that shows that a tree has a form of older versions, or nil.
	Old func(tree *yaml.Node) *yaml.Node
	// OldText describes the error of a file with that form.
	OldText func(file string) string
}

// finding is one mistake. The node keeps it from being told once for each alias that leads to it.
type finding struct {
	node *yaml.Node
	text string
}

// read reads a file into a source, its mistakes of form included.
func read[T any](file string, d *Dialect) *source[T] {
	raw, err := setting.ReadFile(file, setting.MaxFile)
	if err == nil {
		return parse[T](file, raw, d)
	}
	if reason := (*fs.PathError)(nil); errors.As(err, &reason) {
		err = reason.Err
	}
	s := newSource[T](file, d)
	s.unread = true
	s.report(nil, s.tree, "cannot be read: "+err.Error())
	return s
}

func newSource[T any](file string, d *Dialect) *source[T] {
	return &source[T]{file: file, dialect: d, tree: &yaml.Node{}, found: map[finding]path{}, warned: map[finding]path{}, reported: map[string]bool{}, incomplete: map[string]bool{}}
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

// parse makes a source of the text of a file. In the good case, it is decoded once and into its types.
func parse[T any](file string, raw []byte, d *Dialect) *source[T] {
	s := newSource[T](file, d)
	s.raw = raw
	if s.parsePlain(raw) {
		return s
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	doc := document[T]{Config: &s.config}
	err := decode(decoder, &doc)
	if err == io.EOF {
		return s
	}
	if doc.Tree.node != nil {
		s.tree = doc.Tree.node
	}
	if err != nil || hasEmptyItem(s.tree) {
		s.explain(raw)
	}
	if s.unread {
		return s
	}
	var second yaml.Node
	switch err := decode(decoder, &second); {
	case err == nil && !isNull(second.Content[0]):
		s.report(nil, second.Content[0], "a second document starts here and would not be read: put it into a file of its own")
	case err != nil && err != io.EOF:
		line, problem := cutProblem(err.Error())
		s.report(nil, &yaml.Node{Line: line}, inWords(problem))
	}
	return s
}

// parsePlain makes a source of a text if plainTree can read it and nothing is wrong with its form.
func (s *source[T]) parsePlain(raw []byte) bool {
	tree := plainTree(string(raw))
	if tree == nil || !make(fitting).fits(tree, reflect.TypeFor[T]()) {
		return false
	}
	if err := decode(tree, &s.config); err != nil {
		s.config = *new(T)
		return false
	}
	s.tree = tree
	return true
}

// decode guards against input that the library panics on, such as a mapping that is a key beside <<.
func decode(from interface{ Decode(any) error }, to any) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	return from.Decode(to)
}

// report notes a problem at p. Without a node, it is in the line that p leads to.
func (s *source[T]) report(p path, n *yaml.Node, text string) {
	if n == nil {
		_, n = find(s.tree, p)
	}
	f := finding{n, text}
	if _, again := s.found[f]; !again {
		s.found[f] = slices.Clone(p)
		s.reported[p.String()] = true
	}
}

// consequence reports whether a mistake at p, found in the settings at owner, may only come of another
// that was told already: owner then lacks something, and p leads to nothing, or to what was told.
func (s *source[T]) consequence(owner, p path) bool {
	if !s.incomplete[owner.String()] {
		return false
	}
	return len(p) == len(owner) || s.value(p) == nil || s.reported[p.String()]
}

// value gives what the file sets at p, nil if nothing.
func (s *source[T]) value(p path) *yaml.Node {
	value, _ := find(s.tree, p)
	return value
}

// where says to a reader of the file from where in s stands what p leads to.
func (s *source[T]) where(p path, from *source[T]) string {
	_, at := find(s.tree, p)
	if s == from {
		return fmt.Sprintf("in line %d", at.Line)
	}
	return fmt.Sprintf("at %s:%d", s.file, at.Line)
}

// warn notes what is doubtful at p.
func (s *source[T]) warn(p path, text string) {
	_, n := find(s.tree, p)
	if f := (finding{n, text}); s.warned[f] == nil {
		s.warned[f] = slices.Clone(p)
	}
}

func (s *source[T]) problems() Problems { return s.placed(s.found) }

func (s *source[T]) warnings() Problems { return s.placed(s.warned) }

// placed gives findings with their lines.
func (s *source[T]) placed(found map[finding]path) Problems {
	var m Problems
	for f, p := range found {
		text := f.text
		if len(p) > 0 {
			text = p.String() + ": " + text
		}
		m = append(m, Problem{File: s.file, Line: f.node.Line, Text: clip(text)})
	}
	return m
}
