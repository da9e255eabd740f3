package modules

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// cutNames splits MODULE::name.index; rest is everything after the module.
func cutNames(text string) (module, name, rest string) {
	module, rest = mibs.CutModule(text)
	name, _, _ = strings.Cut(rest, ".")
	name, _, _ = strings.Cut(name, "[")
	return module, name, rest
}

// UndefinedError is a name or a MIB that is not loaded and resembles nothing that is. Its text has the remedy of the
// command line.
type UndefinedError struct {
	Err    error // without a remedy
	remedy string
}

func (e *UndefinedError) Error() string { return e.Err.Error() + ": " + e.remedy }

func (e *UndefinedError) Unwrap() error { return e.Err }

// Resolve is t.Resolve with a suggestion in the error, or an UndefinedError.
func Resolve(t *mibs.Tree, text string) (mibs.Instance, error) {
	i, err := t.Resolve(text)
	if err == nil || isNumeric(strings.TrimPrefix(text, ".")) {
		return i, err
	}
	module, name, _ := cutNames(text)
	if module != "" && !loaded(t, module) {
		var names []string
		for _, m := range t.Modules() {
			names = append(names, m.Name)
		}
		advice := suggestion(module, names)
		err := fmt.Errorf("there is no MIB %s%s", module, advice)
		if advice == "" {
			err = &UndefinedError{err, "name the directory of its file with -M"}
		}
		return i, err
	}
	advice := nodeSuggestion(t, t, module, name)
	if nodes := t.Named(name); advice == "" && len(nodes) == 0 {
		return i, &UndefinedError{err, "write its OID, or name the directory of its MIB file with -M"}
	}
	return i, fmt.Errorf("%w%s", err, advice)
}

func loaded(t *mibs.Tree, module string) bool {
	return slices.ContainsFunc(t.Modules(), func(m mibs.Module) bool { return m.Name == module })
}

// Subtrees returns the roots of the objects of a name, an OID or, as MODULE::, a whole module.
func Subtrees(t *mibs.Tree, text string) ([]snmp.OID, error) {
	module, rest := mibs.CutModule(text)
	if rest != "" || !loaded(t, module) {
		i, err := Resolve(t, text)
		if err != nil {
			return nil, err
		}
		return []snmp.OID{i.OID()}, nil
	}
	roots := objectsOf(t, module)
	if len(roots) == 0 {
		return nil, fmt.Errorf("module %s defines no object with a value", module)
	}
	return roots, nil
}

// objectsOf returns the highest nodes of a module that have objects in their subtree, and none
// defined only by other modules.
func objectsOf(t *mibs.Tree, module string) []snmp.OID {
	var mine, foreign []snmp.OID
	for n := range t.Below(nil) {
		switch {
		case !polled(n) || kindOf(n) == "":
		case defines(t, module, n.OID):
			mine = append(mine, n.OID)
		default:
			foreign = append(foreign, n.OID)
		}
	}
	alone := func(root snmp.OID) bool {
		i := sort.Search(len(foreign), func(i int) bool { return foreign[i].Compare(root) >= 0 })
		return i == len(foreign) || !foreign[i].HasPrefix(root)
	}
	var roots []snmp.OID
	for _, oid := range mine {
		if last := len(roots) - 1; last >= 0 && oid.HasPrefix(roots[last]) {
			continue
		}
		top := oid
		for above := oid.Parent(); len(above) > 0 && alone(above); above = above.Parent() {
			if defines(t, module, above) {
				top = above
			}
		}
		roots = append(roots, top)
	}
	return roots
}

// defines reports whether a module defines a node for an OID.
func defines(t *mibs.Tree, module string, oid snmp.OID) bool {
	return slices.ContainsFunc(t.At(oid), func(n *mibs.Node) bool { return n.Module == module })
}

// Instances returns the instance of a name; for a scalar, its only one.
func Instances(t *mibs.Tree, text string) ([]snmp.OID, error) {
	if module, name := mibs.CutModule(text); module != "" && name == "" {
		return nil, fmt.Errorf("%s is a whole module: write %sNAME.INDEX, or walk it", text, text)
	}
	i, err := Resolve(t, text)
	switch {
	case err != nil:
		return nil, err
	case !i.OID().Valid():
		return nil, fmt.Errorf("%s has no value of its own: walk it", text)
	case len(i.Index) > 0:
	case i.Node.Kind == smi.Scalar:
		return []snmp.OID{snmp.AppendArc(i.OID(), 0)}, nil
	case i.Node.Kind == smi.Column || i.Node.Kind == smi.Table || i.Node.Kind == smi.Row:
		return nil, fmt.Errorf("%s has no value of its own: write an index behind it, or walk it", text)
	}
	return []snmp.OID{i.OID()}, nil
}
