package modules

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Library resolves names. It caches the trees that it has read, so it should be dropped once all
// modules are compiled.
type Library struct {
	sources []mibs.Source
	remotes []*mibs.Remote
	failed  map[string]error // errors of modules that could not be fetched
	dirs    []string         // directories of Net-SNMP that are not opened yet
	vendors []mibs.Source    // what is built in of vendors' MIBs; after all others
	merged  bool             // resolve every name in all MIBs, as snmp_exporter's generator does
	opened  *mibs.Opened     // the sources; nil if they have changed
	trees   map[string]*mibs.Tree
	all     *mibs.Tree
	nodes   []string // the names of all nodes, once they were wanted
}

// NewLibrary opens the user's directories, whose files take precedence over the built-in MIBs.
// Without any, it uses the existing directories of Net-SNMP for modules that are not built in.
// Modules found nowhere are fetched from the URLs among dirs.
func NewLibrary(dirs []string) (*Library, error) {
	l := BuiltinLibrary()
	if !slices.ContainsFunc(dirs, func(dir string) bool { return !mibs.IsURL(dir) }) {
		l.dirs = netSNMPDirs()
	}
	var err error
	l.sources, l.remotes, err = mibs.OpenAll(dirs...)
	return l, err
}

// BuiltinLibrary returns a library of the built-in MIBs only.
func BuiltinLibrary() *Library {
	return &Library{sources: []mibs.Source{mibs.Embedded()}, vendors: []mibs.Source{mibs.Vendors()},
		trees: map[string]*mibs.Tree{}, failed: map[string]error{}}
}

// AllMIBs parses every MIB that NewLibrary finds with those directories.
func AllMIBs(dirs []string) (*mibs.Tree, error) {
	l, err := NewLibrary(dirs)
	if err != nil {
		return nil, err
	}
	return l.everything()
}

// moduleName matches the module of an object that is named in a text.
var moduleName = regexp.MustCompile(`([A-Za-z][\w-]*)::`)

// MIBsFor is AllMIBs without the parts of vendors' modules that are built in, unless one of these texts names them.
func MIBsFor(dirs []string, texts ...string) (*mibs.Tree, error) {
	l, err := NewLibrary(dirs)
	if err != nil {
		return nil, err
	}
	l.openRest()
	names := namesOf(l.sources)
	for _, text := range texts {
		for _, m := range moduleName.FindAllStringSubmatch(text, -1) {
			if _, known := slices.BinarySearch(mibs.Vendors().Names(), m[1]); known && !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
	}
	return l.tree(names)
}

// Merged returns a library that resolves names in all MIBs, as snmp_exporter's generator does. Of
// several objects with the same name it returns that of a built-in MIB, else the last by OID.
func (l *Library) Merged() *Library {
	merged := *l
	merged.merged, merged.vendors = true, nil
	return &merged
}

// netSNMPDirs returns the directories where Net-SNMP searches for MIB files.
func netSNMPDirs() []string {
	dirs := []string{"/usr/share/snmp/mibs", "/usr/local/share/snmp/mibs"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append([]string{filepath.Join(home, ".snmp", "mibs")}, dirs...)
	}
	return slices.DeleteFunc(dirs, func(dir string) bool {
		info, err := os.Stat(dir)
		return err != nil || !info.IsDir()
	})
}

// openRest opens the directories of Net-SNMP. It ignores unreadable ones, because they are not
// configured.
func (l *Library) openRest() {
	for _, dir := range l.dirs {
		if d, err := mibs.OpenDirectories(dir); err == nil {
			l.sources = append(l.sources, d)
			l.opened = nil
		}
	}
	l.dirs = nil
}

// has reports whether a MIB of that name exists.
func (l *Library) has(module string) bool {
	known := func(sources []mibs.Source) bool {
		return slices.ContainsFunc(sources, func(s mibs.Source) bool {
			_, found := slices.BinarySearch(s.Names(), module)
			return found
		})
	}
	if !known(l.sources) {
		l.openRest()
	}
	return known(l.sources) || l.fetch(module) || known(l.vendors)
}

// fetch fetches a module that was found nowhere else from the servers, once.
func (l *Library) fetch(module string) bool {
	if _, tried := l.failed[module]; tried {
		return false
	}
	for _, r := range l.remotes {
		found, err := r.Fetch(module, l.sources...)
		if found && err == nil {
			l.all, l.opened, l.nodes = nil, nil, nil
			return true
		}
		l.failed[module] = cmp.Or(err, l.failed[module])
	}
	return false
}

// every returns all sources.
func (l *Library) every() []mibs.Source { return slices.Concat(l.sources, l.vendors) }

// names returns the names of all MIBs.
func (l *Library) names() []string {
	l.openRest()
	return namesOf(l.every())
}

// tree parses existing MIBs and their imports.
func (l *Library) tree(names []string) (*mibs.Tree, error) {
	if l.merged {
		return l.everything()
	}
	key := strings.Join(names, " ")
	if l.trees[key] == nil {
		if l.opened == nil {
			l.opened = mibs.Open(l.every()...)
		}
		t, err := l.opened.Load(names)
		if err != nil {
			return nil, err
		}
		l.trees[key] = t
	}
	return l.trees[key], nil
}

// everything parses all MIBs.
func (l *Library) everything() (*mibs.Tree, error) {
	l.openRest()
	if l.all == nil {
		t, err := mibs.LoadAll(l.every()...)
		if err != nil {
			return nil, err
		}
		l.all = t
	}
	return l.all, nil
}

// mentioning parses the MIBs that may define a name.
func (l *Library) mentioning(name string) (*mibs.Tree, error) {
	l.openRest()
	if l.all != nil {
		return l.all, nil
	}
	names := mentioned(l.sources, name)
	if len(names) == 0 {
		names = mentioned(l.vendors, name)
	}
	return l.tree(names)
}

// found is a resolved name or OID.
type found struct {
	node  *mibs.Node
	index []byte // after node
	tree  *mibs.Tree
}

// oid returns the whole OID.
func (f found) oid() string { return mibs.Instance{Node: f.node, Index: f.index}.OID().String() }

// OID resolves a name to an OID in dotted decimal.
func (l *Library) OID(text string) (string, error) {
	var named []string
	if module, _ := mibs.CutModule(text); module != "" && l.has(module) {
		named = append(named, module)
	}
	t, err := l.tree(named)
	if err != nil {
		return "", err
	}
	f, err := l.find(t, text)
	if err != nil {
		return "", err
	}
	return f.oid(), nil
}

// find resolves a name, first in the MIBs that the module names, then in all.
func (l *Library) find(named *mibs.Tree, text string) (found, error) {
	if isNumeric(text) {
		if m := setting.ParseOID(text).Problems(); len(m) > 0 {
			return found{}, errors.New(m[0].Text)
		}
		return l.findOID(named, snmp.MustParseOID(text))
	}
	module, name, rest := cutNames(text)
	switch {
	case module != "" && !l.has(module) && l.failed[module] != nil:
		return found{}, l.failed[module]
	case module != "" && !l.has(module):
		return found{}, fmt.Errorf("there is no MIB %s%s", module, cmp.Or(suggestion(module, l.names()), ": mibs.dirs or --mibs-dir names the directory of its file"))
	case module == "" && l.merged:
		if nodes := named.Named(name); len(nodes) > 1 {
			text = slices.MaxFunc(nodes, byStanding).Module + "::" + rest
		}
	case module == "" && len(named.Named(name)) == 0:
		var err error
		if named, err = l.mentioning(name); err != nil {
			return found{}, err
		}
	}
	i, err := named.Resolve(text)
	if err != nil {
		return found{}, fmt.Errorf("%w%s", err, l.advice(named, module, name))
	}
	return found{i.Node, i.Index, named}, nil
}

// mentioned returns the MIBs that may define a name.
func mentioned(sources []mibs.Source, name string) (modules []string) {
	for _, s := range sources {
		modules = append(modules, s.Mentioning(name)...)
	}
	return modules
}

func namesOf(sources []mibs.Source) (names []string) {
	for _, s := range sources {
		names = append(names, s.Names()...)
	}
	return names
}

// byStanding sorts objects with the same name: those of built-in MIBs last, each kind by OID.
func byStanding(a, b *mibs.Node) int {
	builtIn := mibs.Embedded().Names()
	_, x := slices.BinarySearch(builtIn, a.Module)
	_, y := slices.BinarySearch(builtIn, b.Module)
	switch {
	case x && !y:
		return 1
	case y && !x:
		return -1
	}
	return a.OID.Compare(b.OID)
}

func (l *Library) findOID(named *mibs.Tree, oid snmp.OID) (found, error) {
	i := object(named, oid)
	if i.Node == nil || !hasValues(named, i.Node.OID) {
		var err error
		if named, err = l.around(oid); err != nil {
			return found{}, err
		}
		if i = object(named, oid); i.Node == nil {
			return found{}, fmt.Errorf("no MIB knows the OID %s: add the directory of its MIB to mibs.dirs, or write the metrics", oid)
		}
	}
	return found{i.Node, i.Index, named}, nil
}

// around parses the MIBs that have all known objects in the subtree of an OID.
func (l *Library) around(oid snmp.OID) (*mibs.Tree, error) {
	l.openRest()
	if l.all != nil {
		return l.all, nil
	}
	var vendors []string
	own := namesOf(l.sources)
	t, err := l.tree(own)
	if err != nil || len(l.vendors) == 0 {
		return t, err
	}
	if vendors = mibs.Vendors().Around(oid); len(vendors) == 0 {
		return t, nil
	}
	v, err := l.tree(vendors)
	switch {
	case err != nil:
		return nil, err
	case object(v, oid).Node == nil:
		return t, nil
	case object(t, oid).Node == nil:
		return v, nil
	}
	return l.tree(slices.Concat(own, vendors))
}

// object returns the node of an OID, or the object of which it is an instance. An OID without a
// node but with objects below gets a synthetic node. The node is nil if nothing is in the subtree.
func object(t *mibs.Tree, oid snmp.OID) mibs.Instance {
	i := t.Object(oid)
	switch {
	case i.Node != nil && (len(i.Index) == 0 || i.Node.Kind == smi.Column || i.Node.Kind == smi.Scalar):
		return i
	case hasValues(t, oid):
		return mibs.Instance{Node: &mibs.Node{OID: oid, Name: oid.String(), Syntax: &mibs.Syntax{}}}
	}
	return mibs.Instance{}
}

// hasValues reports whether an object in the subtree of an OID makes a metric.
func hasValues(t *mibs.Tree, oid snmp.OID) bool {
	for below := range t.Below(oid) {
		if polled(below) && kindOf(below) != "" {
			return true
		}
	}
	return false
}
