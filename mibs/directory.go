package mibs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Source is a place that modules come from.
type Source interface {
	// Names gives the names of all modules in it, sorted.
	Names() []string
	// Mentioning gives the modules that may define a name: only they need to be loaded to look for it.
	Mentioning(name string) []string
	open() reader
}

// reader reads the modules of a Source for one Tree.
type reader interface {
	// read returns nil for a module that the Source has not.
	read(name string) (*module, []Diagnostic, error)
}

// Directories are MIB files of the user, found by what is in them: their names do not matter, and one
// file may hold several modules. A Directories does not change once made.
type Directories struct {
	paths       map[string]string // of the file that holds a module
	diagnostics []Diagnostic
}

// OpenDirectories looks for modules in directories and those below them. Of several modules of one
// name the first counts, in the order of dirs and then of paths. Files and directories whose names
// begin with a dot are left out.
func OpenDirectories(dirs ...string) (*Directories, error) {
	d := &Directories{paths: map[string]string{}}
	var buffer bytes.Buffer
	for _, name := range dirs {
		dir, err := filepath.EvalSymlinks(name)
		if err != nil {
			return nil, fmt.Errorf("MIB directory %s: %w", name, err)
		}
		err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			switch hidden := strings.HasPrefix(entry.Name(), ".") && path != dir; {
			case hidden && entry.IsDir():
				return fs.SkipDir
			case hidden || entry.IsDir():
				return nil
			}
			return d.index(path, &buffer)
		})
		if err != nil {
			return nil, fmt.Errorf("MIB directory %s: %w", name, err)
		}
	}
	return d, nil
}

// index notes the modules of a file. A symbolic link counts as what it leads to.
func (d *Directories) index(path string, buffer *bytes.Buffer) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		if err != nil {
			d.diagnostics = append(d.diagnostics, Diagnostic{File: path, Text: "left out: " + err.Error()})
		}
		return nil
	}
	if err := readInto(buffer, path); err != nil {
		d.diagnostics = append(d.diagnostics, Diagnostic{File: path, Text: "left out: " + err.Error()})
		return nil
	}
	for _, name := range moduleNames(buffer.Bytes()) {
		if first, known := d.paths[name]; known {
			d.diagnostics = append(d.diagnostics, Diagnostic{File: path, Module: name, Text: fmt.Sprintf("module %s is in %s already: that one counts", name, first)})
			continue
		}
		d.paths[name] = path
	}
	return nil
}

func readInto(buffer *bytes.Buffer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buffer.Reset()
	n, err := buffer.ReadFrom(io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		err = errors.New("the file is larger than 64 MB")
	}
	return err
}

var definitionsWord = []byte("DEFINITIONS")

// moduleNames finds "NAME DEFINITIONS ::=". What stands between these words is left to the lexer.
func moduleNames(text []byte) []string {
	const maxMisses = 20 // mentions of such words in comments and texts, before what they stand in is left behind
	var names []string
	start, misses := 0, 0
	for at := 0; ; {
		found := bytes.Index(text[at:], definitionsWord)
		if found < 0 {
			return names
		}
		end := at + found
		at = end + len(definitionsWord)
		if !assignFollows(text[at:]) {
			continue
		}
		l := lexer{text: string(text[start:at]) + "::="}
		l.run()
		p := parser{file: &source{text: l.text}, tokens: l.tokens}
		name := p.headerBefore(len(p.tokens) - 3)
		if misses++; name != "" {
			names = append(names, name)
		}
		if name != "" || misses > maxMisses {
			start, misses = at, 0
		}
	}
}

// assignFollows tells whether ::= is near enough to belong to DEFINITIONS: "IMPLICIT TAGS" and a
// comment may stand between.
func assignFollows(text []byte) bool {
	assign := bytes.Index(text[:min(len(text), 400)], []byte("::="))
	if assign < 0 {
		return false
	}
	for line := range bytes.Lines(text[:assign]) {
		line, _, _ := bytes.Cut(line, []byte("--"))
		if words := len(bytes.Fields(line)); words > 2 {
			return false
		}
	}
	return true
}

// headerBefore gives the name of the module whose DEFINITIONS is token i, or nothing.
func (p *parser) headerBefore(i int) string {
	if p.word(max(i, 0)) != "DEFINITIONS" {
		return ""
	}
	name := i - 1
	for ; name > 0 && name > i-40 && p.at(i-1).mark == '}' && p.at(name+1).mark != '{'; name-- {
	}
	if name < 0 || !p.isHeader(name) {
		return ""
	}
	return p.word(name)
}

// Names gives the names of all modules in the directories, sorted.
func (d *Directories) Names() []string { return slices.Sorted(maps.Keys(d.paths)) }

// Mentioning gives the modules of all files that have the name anywhere.
func (d *Directories) Mentioning(name string) (modules []string) {
	var buffer bytes.Buffer
	mentioned := map[string]bool{} // by path
	for _, module := range d.Names() {
		path := d.paths[module]
		found, known := mentioned[path]
		if !known {
			found = readInto(&buffer, path) == nil && bytes.Contains(buffer.Bytes(), []byte(name))
			mentioned[path] = found
		}
		if found {
			modules = append(modules, module)
		}
	}
	return modules
}

// Diagnostics tells of modules that are there twice and of files that cannot be read.
func (d *Directories) Diagnostics() []Diagnostic { return d.diagnostics }

func (d *Directories) open() reader {
	return &directoryReader{Directories: d, files: map[string]map[string]*module{}}
}

// directoryReader reads each file once.
type directoryReader struct {
	*Directories
	files  map[string]map[string]*module
	buffer bytes.Buffer // of the file being read
	lexer  lexer
}

func (r *directoryReader) read(name string) (*module, []Diagnostic, error) {
	path, known := r.paths[name]
	if !known {
		return nil, nil, nil
	}
	if r.files[path] != nil {
		return r.files[path][name], nil, nil
	}
	if err := readInto(&r.buffer, path); err != nil {
		return nil, nil, err
	}
	modules, diagnostics := r.lexer.parse(&source{path: path, text: r.buffer.String()})
	r.files[path] = map[string]*module{}
	for _, m := range modules {
		if r.files[path][m.name] == nil {
			r.files[path][m.name] = m
		}
	}
	return r.files[path][name], diagnostics, nil
}
