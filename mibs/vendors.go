package mibs

import (
	_ "embed"
	"maps"
	"slices"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// VendorFacts are a Source of those parts of vendors' modules that the built-in profiles read: tables and groups of
// scalars, whole. They have the format of Facts. A module is decompressed when it is wanted.
type VendorFacts struct{}

//go:embed vendors.zst
var vendorFiles []byte

var vendors = archived(vendorFiles)

// Vendors returns the facts about vendors' modules. In a list of sources they come last: each other one may have the
// whole of a module.
func Vendors() VendorFacts { return VendorFacts{} }

// Names returns the names of all modules of the facts, sorted.
func (VendorFacts) Names() []string { return vendors().Names() }

// Mentioning returns the modules that define the name.
func (VendorFacts) Mentioning(name string) []string { return vendors().mentioning(name) }

// Around returns the modules that may define an object in the subtree of an OID, or one of which it is an instance.
func (VendorFacts) Around(oid snmp.OID) []string { return vendors().around(oid) }

// Defined returns the names of all nodes.
func (VendorFacts) Defined() (names []string) {
	for _, text := range vendors().all() {
		for kind, name := range definedNames(text) {
			if kind != 't' {
				names = append(names, string(name))
			}
		}
	}
	return names
}

func (f VendorFacts) open() reader { return f }

func (VendorFacts) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	return vendors().read(name)
}

// Parsed are modules in memory, as a Source.
type Parsed map[string]*smi.Module

// Names returns the names of the modules, sorted.
func (p Parsed) Names() []string { return slices.Sorted(maps.Keys(p)) }

// Mentioning returns all modules.
func (p Parsed) Mentioning(string) []string { return p.Names() }

func (p Parsed) open() reader { return p }

func (p Parsed) read(name string) (*smi.Module, []smi.Diagnostic, error) { return p[name], nil, nil }
