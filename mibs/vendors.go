package mibs

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"trapline/mibs/smi"
)

// VendorFacts are a Source of those parts of vendors' modules that the built-in profiles read: tables and groups of
// scalars, whole. They have the format of Facts. A module is decompressed when it is wanted.
type VendorFacts struct{}

//go:embed vendors.zip
var vendorArchive []byte

// Vendors returns the facts about vendors' modules. In a list of sources they come last: each other one may have the
// whole of a module.
func Vendors() VendorFacts { return VendorFacts{} }

// vendorFiles are the entries of the archive by the names of their modules.
var vendorFiles = sync.OnceValue(func() map[string]*zip.File {
	files := map[string]*zip.File{}
	r, err := zip.NewReader(bytes.NewReader(vendorArchive), int64(len(vendorArchive)))
	if err != nil {
		return files // a test reads it
	}
	for _, f := range r.File {
		files[strings.TrimSuffix(f.Name, ".tsv")] = f
	}
	return files
})

// vendorTexts are all of them, for those who look for a name.
var vendorTexts = sync.OnceValue(func() map[string][]byte {
	texts := map[string][]byte{}
	for name := range vendorFiles() {
		texts[name], _ = vendorText(name)
	}
	return texts
})

func vendorText(name string) ([]byte, error) {
	f := vendorFiles()[name]
	if f == nil {
		return nil, nil
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Names returns the names of all modules of the facts, sorted.
func (VendorFacts) Names() []string { return vendorNames() }

var vendorNames = sync.OnceValue(func() []string { return slices.Sorted(maps.Keys(vendorFiles())) })

// Mentioning returns the modules that have a line about the name, or about an OID directly below it.
func (f VendorFacts) Mentioning(name string) (modules []string) {
	field := []byte("\t" + name + "\t")
	for _, module := range f.Names() {
		if bytes.Contains(vendorTexts()[module], field) {
			modules = append(modules, module)
		}
	}
	return modules
}

func (f VendorFacts) open() reader { return f }

func (VendorFacts) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	text, err := vendorText(name)
	if text == nil || err != nil {
		return nil, nil, err
	}
	m, err := readFacts(string(text))
	return m, nil, err
}

// Parsed are modules in memory, as a Source.
type Parsed map[string]*smi.Module

// Names returns the names of the modules, sorted.
func (p Parsed) Names() []string { return slices.Sorted(maps.Keys(p)) }

// Mentioning returns all modules.
func (p Parsed) Mentioning(string) []string { return p.Names() }

func (p Parsed) open() reader { return p }

func (p Parsed) read(name string) (*smi.Module, []smi.Diagnostic, error) { return p[name], nil, nil }
