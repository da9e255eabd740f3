package modules

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Library is where names come from. It keeps the trees that it has read, so it is dropped once all
// modules are built.
type Library struct {
	sources []mibs.Source
	remotes []*mibs.Remote
	failed  map[string]error // why modules could not be fetched
	dirs    []string         // not opened yet: those that Net-SNMP looks in
	merged  bool             // every name is looked for in every MIB, as snmp_exporter's generator does
	trees   map[string]*mibs.Tree
	all     *mibs.Tree
}

// NewLibrary opens the directories of the user, whose files win over the built-in MIBs. Without any,
// the directories of Net-SNMP that exist are looked in for what is not built in. What is nowhere is fetched from
// the URLs among dirs, if these have it.
func NewLibrary(dirs []string) (*Library, error) {
	l := &Library{trees: map[string]*mibs.Tree{}, failed: map[string]error{}}
	if !slices.ContainsFunc(dirs, func(dir string) bool { return !mibs.IsURL(dir) }) {
		l.dirs = netSNMPDirs()
	}
	var err error
	l.sources, l.remotes, err = mibs.OpenAll(dirs...)
	return l, err
}

// AllMIBs reads every MIB that NewLibrary finds with those directories.
func AllMIBs(dirs []string) (*mibs.Tree, error) {
	l, err := NewLibrary(dirs)
	if err != nil {
		return nil, err
	}
	return l.everything()
}

// Merged gives a library that sees all MIBs as one, as snmp_exporter's generator does. Of several
// objects of one name that of a built-in MIB counts, else the last by OID.
func (l *Library) Merged() *Library {
	merged := *l
	merged.merged = true
	return &merged
}

// netSNMPDirs lists the directories that Net-SNMP looks for MIB files in.
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

// openRest opens the directories of Net-SNMP. One that cannot be read is as good as none: nobody
// asked for it.
func (l *Library) openRest() {
	for _, dir := range l.dirs {
		if d, err := mibs.OpenDirectories(dir); err == nil {
			l.sources = append(l.sources, d)
		}
	}
	l.dirs = nil
}

// has tells whether there is a MIB of that name.
func (l *Library) has(module string) bool {
	known := func() bool {
		return slices.ContainsFunc(l.sources, func(s mibs.Source) bool {
			_, found := slices.BinarySearch(s.Names(), module)
			return found
		})
	}
	if !known() {
		l.openRest()
	}
	return known() || l.fetch(module)
}

// fetch asks the servers for a module that is nowhere else, once.
func (l *Library) fetch(module string) bool {
	if _, tried := l.failed[module]; tried {
		return false
	}
	for _, r := range l.remotes {
		found, err := r.Fetch(module, l.sources...)
		if found && err == nil {
			l.all = nil
			return true
		}
		l.failed[module] = cmp.Or(err, l.failed[module])
	}
	return false
}

// names lists all MIBs.
func (l *Library) names() []string {
	l.openRest()
	var names []string
	for _, s := range l.sources {
		names = append(names, s.Names()...)
	}
	return names
}

// tree reads MIBs that there are, and those that they import.
func (l *Library) tree(names []string) (*mibs.Tree, error) {
	if l.merged {
		return l.everything()
	}
	key := strings.Join(names, " ")
	if l.trees[key] == nil {
		t, err := mibs.Load(names, l.sources...)
		if err != nil {
			return nil, err
		}
		l.trees[key] = t
	}
	return l.trees[key], nil
}

// everything reads all MIBs that there are.
func (l *Library) everything() (*mibs.Tree, error) {
	l.openRest()
	if l.all == nil {
		t, err := mibs.LoadAll(l.sources...)
		if err != nil {
			return nil, err
		}
		l.all = t
	}
	return l.all, nil
}

// mentioning reads the MIBs in which a name may be defined, or all.
func (l *Library) mentioning(name string) (*mibs.Tree, error) {
	l.openRest()
	var names []string
	for _, s := range l.sources {
		names = append(names, s.Mentioning(name)...)
	}
	if len(names) == 0 || l.all != nil {
		return l.everything()
	}
	return l.tree(names)
}

// found is what a name or an OID stands for.
type found struct {
	node  *mibs.Node
	index []byte // behind node
	tree  *mibs.Tree
}

// oid writes the whole OID.
func (f found) oid() string { return mibs.Instance{Node: f.node, Index: f.index}.OID().String() }

// find looks for what the user wrote: first in the MIBs that his module names, then in all.
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
		return found{}, fmt.Errorf("there is no MIB %s%s", module, suggestion(module, l.names()))
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
		all, _ := l.everything()
		return found{}, fmt.Errorf("%w%s", err, meant(named, all, module, name))
	}
	return found{i.Node, i.Index, named}, nil
}

// byStanding puts objects of one name that built-in MIBs define behind the others, and each of the two
// kinds by OID.
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
		if named, err = l.everything(); err != nil {
			return found{}, err
		}
		if i = object(named, oid); i.Node == nil {
			return found{}, fmt.Errorf("no MIB knows the OID %s: add the directory of its MIB to mibs.dirs, or write the metrics", oid)
		}
	}
	return found{i.Node, i.Index, named}, nil
}

// object finds the node of an OID, or the object that it is an instance of. A number inside of an OID that
// has no node of its own gets one. The node is nil if there is nothing at the OID and nothing below it.
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

// hasValues reports whether an object at an OID or below it makes a metric.
func hasValues(t *mibs.Tree, oid snmp.OID) bool {
	for below := range t.Below(oid) {
		if polled(below) && kindOf(below) != "" {
			return true
		}
	}
	return false
}

// meant says what a name that is not in a tree may be meant to be. All holds more MIBs, or is nil.
func meant(named, all *mibs.Tree, module, name string) string {
	if all != nil {
		if len(named.Named(name)) > 0 {
			return "" // the error says so
		}
		if nodes := all.Named(name); len(nodes) > 0 {
			return ": " + setting.Question(nodes[0].Module+"::"+name)
		}
		if module == "" {
			named = all
		}
	}
	var names []string
	for n := range named.All() {
		if module == "" || n.Module == module {
			names = append(names, n.Name)
		}
	}
	return suggestion(name, names)
}

func suggestion(name string, names []string) string {
	if question := setting.DidYouMean(name, names); question != "" {
		return ": " + question
	}
	return ""
}
