package mibs

import (
	"fmt"

	"trapline/mibs/smi"
)

// Load reads the modules called names, and those that they import, from the first source that has
// each. A missing module of names is an error; missing imports and other faults are in the Tree's
// Diagnostics.
func Load(names []string, sources ...Source) (*Tree, error) { return Open(sources...).Load(names) }

// Opened are sources of which each module is read once for any number of Trees. It keeps what was read, and is not
// safe for concurrent use.
type Opened struct {
	readers []reader
	modules map[string]found
}

// found is a module, nil if there is none, with what was noted about its file.
type found struct {
	module      *smi.Module
	diagnostics []smi.Diagnostic
	later       []reader // of the sources behind the one that has it
}

// Open opens sources.
func Open(sources ...Source) *Opened {
	o := &Opened{modules: map[string]found{}}
	for _, s := range sources {
		o.readers = append(o.readers, s.open())
	}
	return o
}

// Load is the function Load.
func (o *Opened) Load(names []string) (*Tree, error) {
	l, err := gather(names, o)
	if err != nil {
		return nil, err
	}
	return l.resolve(), nil
}

// read returns a module of the first source that has it.
func (o *Opened) read(name string) (found, error) {
	f, known := o.modules[name]
	if known {
		return f, nil
	}
	var err error
	switch {
	case base[name]:
		f.module, _, err = Embedded().read(name)
	default:
		f, err = o.search(name)
	}
	if err == nil {
		o.modules[name] = f
	}
	return f, err
}

func (o *Opened) search(name string) (f found, err error) {
	for i, r := range o.readers {
		m, diagnostics, err := r.read(name)
		if err != nil {
			return f, err
		}
		f.diagnostics = append(f.diagnostics, diagnostics...)
		if m != nil {
			f.module, f.later = m, o.readers[i+1:]
			break
		}
	}
	return f, nil
}

// gather reads the modules called names, and those that they import.
func gather(names []string, from *Opened) (*loader, error) {
	l := &loader{from: from, byName: map[string]*scope{}, reported: map[*smi.Source]int{}, noted: map[*smi.Source]bool{}}
	for _, name := range names {
		m, err := l.load(name)
		if err != nil {
			return nil, fmt.Errorf("MIB module %s: %w", name, err)
		}
		if m == nil {
			return nil, fmt.Errorf("MIB module %s is neither built in nor in the MIB directories", name)
		}
	}
	l.named = len(l.scopes)
	return l, l.loadImports()
}

// LoadAll reads every module of the sources.
func LoadAll(sources ...Source) (*Tree, error) {
	var names []string
	for _, s := range sources {
		names = append(names, s.Names()...)
	}
	return Load(names, sources...)
}

// loader gathers modules in the order in which they are named, then imported.
type loader struct {
	from        *Opened
	scopes      []*scope
	byName      map[string]*scope
	named       int    // scopes that were asked for
	offset      uint32 // of the definition that is being resolved
	depth       int    // of the OID that is being resolved
	octets      []byte // of OIDs, many in one piece
	diagnostics []smi.Diagnostic
	reported    map[*smi.Source]int  // diagnostics of each file
	noted       map[*smi.Source]bool // files whose own diagnostics are among them
}

// load returns the scope of a module, or nil if there is no such module.
func (l *loader) load(name string) (*scope, error) {
	if s, known := l.byName[name]; known {
		return s, nil
	}
	m, err := l.read(name)
	if err != nil {
		return nil, err
	}
	var s *scope
	if m != nil {
		s = newScope(m, len(l.scopes))
		l.scopes = append(l.scopes, s)
	}
	l.byName[name] = s
	return s, nil
}

func (l *loader) read(name string) (*smi.Module, error) {
	f, err := l.from.read(name)
	if err != nil || f.module == nil {
		return nil, err
	}
	if !l.noted[f.module.File] {
		l.noted[f.module.File] = true
		l.diagnostics = append(l.diagnostics, f.diagnostics...)
	}
	l.compare(f.module, f.later)
	return f.module, nil
}

// compare warns where a later source may have the better copy of a module.
func (l *loader) compare(m *smi.Module, later []reader) {
	for _, r := range later {
		if _, builtIn := r.(Facts); !builtIn {
			continue
		}
		other, _, err := r.read(m.Name)
		if other == nil || err != nil {
			continue
		}
		if m.Recoveries > 0 {
			l.add(m, 0, false, "parts of this file were skipped, and it takes the place of the built-in module %s", m.Name)
		}
		if older(m.LastUpdated, other.LastUpdated) {
			l.add(m, 0, false, "this file is of %s, and takes the place of the built-in module %s of %s", m.LastUpdated, m.Name, other.LastUpdated)
		}
	}
}

// older compares two dates of MODULE-IDENTITY; the year has two digits or four.
func older(a, b string) bool {
	return a != "" && b != "" && smi.FullDate(a) < smi.FullDate(b)
}

// loadImports follows the imports of all modules; scopes grows meanwhile.
func (l *loader) loadImports() error {
	for i := 0; i < len(l.scopes); i++ {
		s := l.scopes[i]
		missing := map[string]bool{}
		for _, im := range s.module.Imports {
			from, err := l.loadImport(s, im.Module)
			if err != nil {
				return fmt.Errorf("MIB module %s, imported by %s: %w", im.Module, s.module.Name, err)
			}
			if from == nil {
				if !missing[im.Module] {
					missing[im.Module] = true
					l.report(s.module, 0, "imports %s from %s, a module that is not there", im.Name, im.Module)
				}
				continue
			}
			s.addImport(im.Name, from)
		}
	}
	for _, name := range []string{"SNMPv2-SMI", "SNMPv2-TC"} {
		if _, err := l.load(name); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) loadImport(s *scope, name string) (*scope, error) {
	if from, err := l.load(name); from != nil || err != nil {
		return from, err
	}
	successor := successors[name]
	if successor == "" || successor == s.module.Name {
		return nil, nil
	}
	return l.load(successor)
}

// report adds a Diagnostic about a definition that is left out.
func (l *loader) report(m *smi.Module, offset uint32, format string, args ...any) {
	l.add(m, offset, true, format, args...)
}

// add appends a Diagnostic about m, up to smi.MaxDiagnostics for a file. Offset 0 means the module as a whole.
func (l *loader) add(m *smi.Module, offset uint32, skipped bool, format string, args ...any) {
	if l.reported[m.File]++; l.reported[m.File] > smi.MaxDiagnostics {
		return
	}
	d := smi.Diagnostic{File: m.File.Path, Module: m.Name, Text: fmt.Sprintf(format, args...), Skipped: skipped}
	if offset > 0 {
		d.Line = m.File.Line(offset)
	}
	l.diagnostics = append(l.diagnostics, d)
}
