package catalog

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"trapline/internal/api"
	"trapline/internal/modules"
	"trapline/internal/series"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// How many objects an answer lists.
const defaultObjects, maxObjects = 100, 1000

// Objects searches the MIBs. Objects whose name begins with the text come first.
func (c *Catalog) Objects(q api.ObjectQuery) (api.ObjectList, error) {
	tree, err := c.Tree()
	if err != nil {
		return api.ObjectList{}, err
	}
	words := strings.Fields(strings.ToLower(strings.TrimPrefix(q.Text, ".")))
	if len(words) > api.MaxTerms {
		return api.ObjectList{}, api.Errorf(api.ErrBadRequest, "q has %d words, and may have %d", len(words), api.MaxTerms)
	}
	var found []api.ObjectReference
	if len(words) == 0 {
		for _, m := range tree.Modules() {
			found = append(found, moduleReference(&m))
		}
		slices.SortFunc(found, func(a, b api.ObjectReference) int { return cmp.Compare(a.Name, b.Name) })
	} else {
		found = search(tree, words)
	}
	limit := min(cmp.Or(max(q.Limit, 0), defaultObjects), maxObjects)
	return api.ObjectList{Objects: slices.Clip(found[:min(len(found), limit)]), Matched: len(found)}, nil
}

// moduleReference names a MIB; OID and description are those of its MODULE-IDENTITY.
func moduleReference(m *mibs.Module) api.ObjectReference {
	r := api.ObjectReference{Name: m.Name, Kind: "module", LastUpdated: m.Updated()}
	if n := m.Identity; n != nil {
		r.OID, r.Kind, r.Help = n.OID.String(), n.Kind.String(), n.Help()
	}
	return r
}

// search returns the objects that hold all words, the best first.
func search(tree *mibs.Tree, words []string) []api.ObjectReference {
	type hit struct {
		node *mibs.Node
		rank int
	}
	var hits []hit
	for n := range tree.Below(nil) {
		name, oid := strings.ToLower(n.Module+"::"+n.Name), n.OID.String()
		text := name + "\n" + oid + "\n" + strings.ToLower(n.Description)
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			continue
		}
		_, bare, _ := strings.Cut(name, "::")
		rank := 3
		switch {
		case bare == words[0] || oid == words[0] || name == words[0]:
			rank = 0
		case strings.HasPrefix(bare, words[0]) || strings.HasPrefix(oid, words[0]):
			rank = 1
		case strings.Contains(name, words[0]):
			rank = 2
		}
		hits = append(hits, hit{n, rank})
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.rank - b.rank })
	found := make([]api.ObjectReference, 0, min(len(hits), maxObjects))
	for _, h := range hits {
		found = append(found, reference(h.node))
	}
	return found
}

func reference(n *mibs.Node) api.ObjectReference {
	return api.ObjectReference{Name: qualified(n), OID: n.OID.String(), Kind: n.Kind.String(), Help: n.Help()}
}

func qualified(n *mibs.Node) string {
	if n.Module == "" {
		return n.Name
	}
	return n.Module + "::" + n.Name
}

// ObjectName names an OID by the MIBs.
func ObjectName(tree *mibs.Tree, oid snmp.OID) string {
	if i := tree.Object(oid); i.Node != nil {
		return i.String()
	}
	return oid.String()
}

// Object returns an object by its name or OID, or a MIB by its name, with its children.
func (c *Catalog) Object(name string) (api.Object, error) {
	tree, err := c.Tree()
	if err != nil {
		return api.Object{}, err
	}
	all := tree.Modules()
	if i := slices.IndexFunc(all, func(m mibs.Module) bool { return m.Name == name }); i >= 0 {
		return moduleObject(tree, &all[i]), nil
	}
	i, err := modules.Resolve(tree, name)
	if err != nil {
		return api.Object{}, undefined(api.ErrNotFound, err)
	}
	o := newObject(i.Node)
	o.Parents, o.Children = parents(tree, i.Node), children(tree, i.Node)
	o.ReadBy = c.Readers("", i.Node.OID)
	return o, nil
}

// undefined is the error of a name, with the remedy of a server where no loaded MIB defines it.
func undefined(kind, err error) error {
	var u *modules.UndefinedError
	if !errors.As(err, &u) {
		return api.Errorf(kind, "%v", err)
	}
	return api.WithHint(api.Errorf(kind, "%v", u.Err), "search for a part of the name, or name the directory of its MIB in the configuration: mibs: {dirs: [/usr/share/snmp/mibs]}")
}

func newObject(n *mibs.Node) api.Object {
	o := api.Object{
		Name: qualified(n), OID: n.OID.String(), Kind: n.Kind.String(), Type: n.Syntax.Type.String(), Convention: n.Syntax.TC, Hint: n.Syntax.Hint, Units: n.Units,
		Access: n.Access.String(), Status: n.Status.String(), Description: strings.ToValidUTF8(n.Description, "\uFFFD"),
	}
	for _, l := range n.Syntax.Labels {
		if o.Enum == nil {
			o.Enum = map[string]int64{}
		}
		o.Enum[l.Name] = l.Number
	}
	row := n
	if n.Row != nil {
		row = n.Row
	}
	for _, p := range row.Index {
		o.Index = append(o.Index, p.Name)
	}
	for _, one := range n.Objects {
		o.Objects = append(o.Objects, qualified(one))
	}
	return o
}

// moduleObject returns a MIB with the topmost objects that it defines.
func moduleObject(tree *mibs.Tree, m *mibs.Module) api.Object {
	r := moduleReference(m)
	o := api.Object{Name: r.Name, OID: r.OID, Kind: r.Kind, LastUpdated: r.LastUpdated}
	if m.Identity != nil {
		o.Description = strings.ToValidUTF8(m.Identity.Description, "\uFFFD")
	}
	var last snmp.OID
	for n := range tree.All() {
		if n.Module != m.Name || last != nil && n.OID.HasPrefix(last) || len(o.Children) == maxObjects {
			continue
		}
		last = n.OID
		o.Children = append(o.Children, reference(n))
	}
	return o
}

// parents are the objects above one, from the root down.
func parents(tree *mibs.Tree, n *mibs.Node) (list []api.ObjectReference) {
	for oid := n.OID.Parent(); len(oid) > 0; oid = oid.Parent() {
		if at := tree.At(oid); len(at) > 0 {
			list = append(list, api.ObjectReference{Name: qualified(at[0]), OID: oid.String(), Kind: at[0].Kind.String()})
		}
	}
	slices.Reverse(list)
	return list
}

// children are the objects that lie right below one; where there is none, the next ones.
func children(tree *mibs.Tree, n *mibs.Node) (list []api.ObjectReference) {
	var last snmp.OID
	for below := range tree.Below(n.OID) {
		if below.OID.Compare(n.OID) == 0 || last != nil && below.OID.HasPrefix(last) || len(list) == maxObjects {
			continue
		}
		last = below.OID
		list = append(list, reference(below))
	}
	return list
}

// LabelOf returns the value of a label of a row.
func LabelOf(row []byte, name string) string {
	for n, value := range series.Labels(row) {
		if n == name {
			return value
		}
	}
	return ""
}
