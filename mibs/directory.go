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
	"sync"

	"trapline/mibs/smi"
)

// Source is a place that modules come from.
type Source interface {
	// Names returns the names of all modules of the source, sorted.
	Names() []string
	// Mentioning returns the modules that may define a name: only they need to be loaded to look for it.
	Mentioning(name string) []string
	open() reader
}

// reader reads the modules of a Source for one Tree.
type reader interface {
	// read returns nil for a module that the Source has not.
	read(name string) (*smi.Module, []smi.Diagnostic, error)
}

// Directories are MIB files of the user, found by their content: their names do not matter, and one
// file may hold several modules. It is safe for concurrent use.
type Directories struct {
	copies     map[string][]fileCopy // of each module, in the order in which they were found
	names      []string              // of the modules, sorted
	unreadable []smi.Diagnostic

	mu     sync.Mutex
	chosen map[string]choice // of the modules with several copies that were asked for
}

// fileCopy is a file that holds a module.
type fileCopy struct {
	path string
	dir  int // place of its directory among those that were given
}

// OpenDirectories looks for modules in directories and those below them. It leaves out files and directories
// whose names begin with a dot, patches, and the backup files of editors.
//
// Of several copies of a module those without syntax errors come first, then those of the directory that
// was given first, then the newest by LAST-UPDATED, then the file that is named as the module, then the
// first by path.
func OpenDirectories(dirs ...string) (*Directories, error) {
	d := &Directories{copies: map[string][]fileCopy{}, chosen: map[string]choice{}}
	var buffer bytes.Buffer
	for i, name := range dirs {
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
			case hidden || entry.IsDir() || isLeaving(entry.Name()):
				return nil
			}
			d.index(fileCopy{path, i}, &buffer)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("MIB directory %s: %w", name, err)
		}
	}
	d.names = slices.Sorted(maps.Keys(d.copies))
	return d, nil
}

// leavings are the suffixes of patches, and of backup files of editors and of patch.
var leavings = []string{"~", ".diff", ".patch", ".rej", ".orig", ".bak", ".swp", ".swo", ".save", ".tmp"}

func isLeaving(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "#") || slices.ContainsFunc(leavings, func(end string) bool { return strings.HasSuffix(name, end) })
}

// isPatch reports whether a text begins as a unified diff, whatever the file is called.
func isPatch(text []byte) bool {
	text = text[:min(len(text), 4096)]
	_, changes, found := bytes.Cut(text, []byte("\n@@ -"))
	line, _, _ := bytes.Cut(changes, []byte("\n"))
	return found && bytes.Contains(line, []byte(" @@")) && bytes.Contains(text, []byte("+++ "))
}

// index records the modules of a file. It follows symbolic links.
func (d *Directories) index(f fileCopy, buffer *bytes.Buffer) {
	info, err := os.Stat(f.path)
	if err == nil && !info.Mode().IsRegular() {
		return
	}
	if err == nil {
		err = readInto(buffer, f.path)
	}
	if err != nil {
		d.unreadable = append(d.unreadable, smi.Diagnostic{File: f.path, Text: "left out: " + err.Error()})
		return
	}
	if isPatch(buffer.Bytes()) {
		return
	}
	for _, name := range smi.ModuleNames(buffer.Bytes()) {
		if copies := d.copies[name]; len(copies) == 0 || copies[len(copies)-1].path != f.path {
			d.copies[name] = append(copies, f)
		}
	}
}

// maxFile is the longest file that is read, in octets: the largest MIBs have about 10 million.
const maxFile = 64 << 20

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

// Names returns the names of all modules in the directories, sorted.
func (d *Directories) Names() []string { return slices.Clip(d.names) }

// Mentioning returns the modules of all files that contain the name.
func (d *Directories) Mentioning(name string) (modules []string) {
	var buffer bytes.Buffer
	mentioned := map[string]bool{} // by path
	for _, module := range d.Names() {
		for _, f := range d.copies[module] {
			found, known := mentioned[f.path]
			if !known {
				found = readInto(&buffer, f.path) == nil && bytes.Contains(buffer.Bytes(), []byte(name))
				mentioned[f.path] = found
			}
			if found {
				modules = append(modules, module)
				break
			}
		}
	}
	return modules
}

// Diagnostics returns a diagnostic for each copy of a module that is passed over and each file that cannot be read.
func (d *Directories) Diagnostics() []smi.Diagnostic {
	all := slices.Clone(d.unreadable)
	for _, name := range d.Names() {
		all = append(all, d.PassedOver(name)...)
	}
	return all
}

// PassedOver returns a diagnostic for each copy of a module other than the chosen one.
func (d *Directories) PassedOver(module string) []smi.Diagnostic { return d.choose(module).passedOver }

func (d *Directories) open() reader {
	return &directoryReader{directories: d, files: map[string]parsedFile{}}
}

// directoryReader reads each file once.
type directoryReader struct {
	directories *Directories
	files       map[string]parsedFile // by path
	buffer      bytes.Buffer          // of the file being read
	parser      smi.Parser
}

// parsedFile is the content of a file.
type parsedFile struct {
	modules     map[string]*smi.Module
	diagnostics []smi.Diagnostic
}

func (r *directoryReader) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	path := r.directories.choose(name).path
	if path == "" {
		return nil, nil, nil
	}
	file, known := r.files[path]
	if known {
		return file.modules[name], file.diagnostics, nil
	}
	if err := readInto(&r.buffer, path); err != nil {
		return nil, nil, err
	}
	modules, diagnostics := r.parser.Parse(path, r.buffer.String())
	file = parsedFile{map[string]*smi.Module{}, diagnostics}
	for _, m := range modules {
		if file.modules[m.Name] == nil {
			file.modules[m.Name] = m
		}
	}
	r.files[path] = file
	return file.modules[name], diagnostics, nil
}
